"""The docker engine: check, build, run and images, through the Docker SDK.

Owns: the Engine of `model` for Docker. The SDK is imported only in `engines/docker*.py`, and only
when a DockerEngine is used. Does not own: how a build or a run is done (`docker_build`,
`docker_run`).
"""

from __future__ import annotations

import shutil
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repropack.engines.container import Limits, with_facts
from repropack.engines.docker_build import build_buildkit, build_legacy
from repropack.engines.docker_cli import DockerCli, find_cli
from repropack.engines.docker_client import Endpoint, connect, find_endpoint, patience, translated
from repropack.engines.docker_gpu import handover
from repropack.engines.docker_orphans import replacing, sweep_containers, sweeping_images
from repropack.engines.docker_pull import pull
from repropack.engines.gpu import find_gpus
from repropack.engines.model import (
    BuildRecipe,
    Ended,
    EngineFacts,
    Image,
    Progress,
    RunOrder,
    RunResult,
    WorkOrder,
    WorkResult,
)
from repropack.engines.pinning import pinned_name
from repropack.errors import BuildError, NoEngineError, RunError, TemporaryError, UsageError

if TYPE_CHECKING:
    from docker import APIClient

BUILDERS = ("auto", "legacy", "buildkit")


class DockerEngine:
    """Docker. Nothing is opened before the first use, so making one never fails.

    `builder` is `auto` (BuildKit if the docker command can do it, else the legacy builder),
    `legacy` or `buildkit`; `cli` is the docker command (default: the one on PATH);
    `memory_bytes` limits a run's memory (default: no limit).
    """

    name = "docker"

    def __init__(
        self,
        *,
        builder: str = "auto",
        cli: str | None = None,
        memory_bytes: int | None = None,
    ) -> None:
        if builder not in BUILDERS:
            raise UsageError(f"docker has no builder {builder!r}", hint=", ".join(BUILDERS))
        self._builder = builder
        self._program = cli
        self._memory_bytes = memory_bytes

    @cached_property
    def _endpoint(self) -> Endpoint:
        return find_endpoint()

    @cached_property
    def client(self) -> APIClient:
        """The SDK's client; `NoEngineError` if the daemon does not answer."""
        client = connect(self._endpoint)
        weakref.finalize(self, client.close)
        return client

    @cached_property
    def _swept(self) -> APIClient:
        """The client, once what killed processes left behind is gone."""
        sweep_containers(self.client)
        return self.client

    @cached_property
    def _found_cli(self) -> DockerCli | None:
        if self._builder == "legacy":
            return None
        return find_cli(self._program, self._endpoint.cli_env)

    @cached_property
    def _cli(self) -> DockerCli | None:
        cli = self._found_cli
        if cli is None:
            return None
        status = dict(self._info.get("DriverStatus") or ())
        archives = str(status.get("driver-type", "")).startswith("io.containerd.")
        return replace(cli, engine=self._facts.version, keeps_archives=archives)

    @cached_property
    def _info(self) -> dict[str, Any]:
        with translated(NoEngineError, "Docker"):
            info: dict[str, Any] = self.client.info()
        return info

    def check(self) -> EngineFacts:
        """Ask the daemon, once, what it is and has; `NoEngineError` if it does not answer."""
        return self._facts

    @cached_property
    def _facts(self) -> EngineFacts:
        with translated(NoEngineError, "Docker"):
            _ = self._endpoint  # here, so that no two threads import the SDK at once
        # The docker command is asked meanwhile: it and the daemon take about as long.
        asking = threading.Thread(target=lambda: self._found_cli)
        asking.start()
        try:
            info = self._info
        finally:
            asking.join()
        builder = "legacy" if self._found_cli is None else "buildkit"
        way, devices = handover(info)
        return EngineFacts(
            name=self.name,
            version=str(info.get("ServerVersion", "")),
            endpoint=self._endpoint.url,
            rootless=any("rootless" in option for option in info.get("SecurityOptions") or ()),
            builder=builder,
            builder_version=self._found_cli.buildkit if self._found_cli else "",
            gpus=find_gpus(),
            gpu_runtime=way,
            cdi_devices=devices,
            disk_free_bytes=self._disk_free_bytes(info),
            cpus=info.get("NCPU"),
            memory_bytes=info.get("MemTotal"),
        )

    def _disk_free_bytes(self, info: dict[str, Any]) -> int | None:
        """Free space where the daemon keeps images, if that is on this machine and readable."""
        root = Path(str(info.get("DockerRootDir") or ""))
        if not self._endpoint.url.startswith("unix://") or not root.is_absolute():
            return None
        try:
            return shutil.disk_usage(root).free
        except OSError:
            return None

    def build(self, recipe: BuildRecipe, progress: Progress) -> Image:
        """Build and tag an image with the network off; `BuildError` names the failing step."""
        if not (recipe.context / recipe.dockerfile).is_file():
            raise BuildError(f"{recipe.context / recipe.dockerfile} does not exist")
        client = self._swept
        unusable = f"{recipe.tag} was built but cannot be used"
        with replacing(client, recipe.tag):
            with sweeping_images(client):
                self._build(client, recipe, progress)
            with translated(BuildError, unusable, log=recipe.log):
                image = _image(recipe.tag, _inspect(client, recipe.tag))
            self.tag(image, recipe.extra_tags)
        return image

    def _build(self, client: APIClient, recipe: BuildRecipe, progress: Progress) -> None:
        """With the builder that was asked for, else with the one that there is."""
        if self._cli is not None:
            build_buildkit(self._cli, recipe, progress)
        elif self._builder == "buildkit":
            raise BuildError(
                "the docker command on PATH cannot build with BuildKit",
                hint="install docker-buildx, or leave the choice of the builder to repropack",
            )
        else:
            local = self._endpoint.url.startswith("unix://")
            build_legacy(client, recipe, progress, local=local)

    def image(self, tag: str) -> Image | None:
        """Return the image called `tag` (a tag, an id, or name@digest), or `None`."""
        import docker.errors

        with translated(NoEngineError, "Docker"):
            try:
                return _image(tag, _inspect(self.client, tag))
            except docker.errors.ImageNotFound:
                return None

    def tag(self, image: Image, tags: tuple[str, ...]) -> None:
        """Give an image more tags; `BuildError` if a tag is not a valid name."""
        with translated(BuildError, f"{image.tag} could not be tagged"):
            for tag in tags:
                self.client.tag(image.id, tag)

    def run(
        self,
        order: RunOrder,
        progress: Progress,
        stop: threading.Event | None = None,
        ended: Ended | None = None,
    ) -> RunResult:
        """Do one run in a hardened container, which is gone afterwards whatever happened."""
        from repropack.engines.docker_run import run_container

        with translated(RunError, "Docker"):
            order = with_facts(order, f"docker {self.client.version()['Version']}")
        limits = Limits(memory_bytes=self._memory_bytes)
        return run_container(self._swept, order, limits, progress, stop, ended)

    def work(self, order: WorkOrder, progress: Progress) -> WorkResult:
        """Run a script in a container without a network, which is gone afterwards."""
        from repropack.engines.docker_work import work_in_container

        return work_in_container(self.client, order, progress)

    def remove_image(self, tag: str) -> None:
        """Remove the tag, and the image with its last one; an absent image is no error."""
        import docker.errors

        with translated(RunError, f"{tag} could not be removed"):
            try:
                self.client.remove_image(tag)
            except docker.errors.ImageNotFound:
                return

    def pull(self, reference: str, progress: Progress) -> Image:
        """Pull `NAME:TAG` and return it as `NAME@sha256:…`; `TemporaryError` if that fails."""
        pull(self._endpoint, self.client, reference, progress)
        image = self.pinned(reference)
        if image is None:
            raise TemporaryError(f"{reference} was pulled without a digest")
        return image

    def read(self, image: Image, path: str) -> bytes | None:
        """Return one file of an image, without running anything; `None` if it has none."""
        from repropack.engines.docker_read import read_file

        return read_file(self.client, image.id, path)

    def save(self, image: Image) -> Iterator[bytes]:
        """An image with its tag, as the archive that `load` takes."""
        with translated(BuildError, f"{image.tag} could not be saved"), patience(self.client):
            yield from self.client.get_image(image.tag)

    def load(self, path: Path) -> None:
        """Take the images of a compressed archive."""
        with path.open("rb") as file:
            self.load_pieces(file, str(path))

    def load_pieces(self, pieces: Iterable[bytes], name: str) -> None:
        """Take the images of an archive, which is called `name` where it cannot be."""
        doing = f"{name} could not be loaded"
        with translated(BuildError, doing), patience(self.client):
            messages = self.client.load_image(pieces)  # type: ignore[no-untyped-call]
            for message in messages or ():
                if "error" in message:
                    raise BuildError(f"{doing}: {message['error']}")

    def pinned(self, tag: str) -> Image | None:
        """Return a local image under the digest it was pulled by; `None` if it was not pulled."""
        import docker.errors

        with translated(NoEngineError, "Docker"):
            try:
                found = _inspect(self.client, tag)
            except docker.errors.ImageNotFound:
                return None
        name = pinned_name(found.get("RepoDigests") or ())
        return _image(name, found) if name else None


def _inspect(client: APIClient, name: str) -> dict[str, Any]:
    return dict(client.inspect_image(name))  # type: ignore[no-untyped-call]


def _image(tag: str, found: dict[str, Any]) -> Image:
    labels = (found.get("Config") or {}).get("Labels") or {}
    return Image(
        tag=tag,
        id=str(found["Id"]),
        size_bytes=int(found.get("Size") or 0),
        labels=tuple(sorted(labels.items())),
        layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
    )

"""The podman engine, rootful or rootless: check, build, run and images, through its command.

Owns: the Engine of `model` for Podman; Podman builds with Buildah, whose own command can be asked
for. Does not own: how a run is done (`podman_run`), or a script (`podman_work`).
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from repropack.engines.building import build_with
from repropack.engines.cdi import described
from repropack.engines.container import Limits, with_facts
from repropack.engines.gpu import TOOLKIT, find_gpus
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
from repropack.engines.podman_cli import Podman
from repropack.engines.podman_pull import pull
from repropack.engines.podman_run import remove_replaced, run_container, sweep
from repropack.engines.podman_work import read_file, work_in_container
from repropack.errors import BuildError, NoEngineError, RunError, TemporaryError, UsageError
from repropack.metadata.times import OLDEST_TIME_S

BUILDERS = ("auto", "podman", "buildah")
_ANSWER_TIMEOUT_S = 60.0
_INSTALL = "install podman, or name another engine: --engine docker, --engine venv"


class PodmanEngine:
    """Podman. Nothing is started before the first use, so making one never fails.

    `builder` is `podman` (also `auto`) or `buildah`, which share their images; `memory_bytes`
    limits a run's memory (default: no limit).
    """

    name = "podman"

    def __init__(self, *, builder: str = "auto", memory_bytes: int | None = None) -> None:
        if builder not in BUILDERS:
            raise UsageError(
                f"podman has no builder {builder!r}", hint=f"--builder {' or '.join(BUILDERS)}"
            )
        self._builder = "podman" if builder == "auto" else builder
        self._limits = Limits(memory_bytes=memory_bytes)
        self._podman = Podman()

    def check(self) -> EngineFacts:
        """Ask podman, once, what it is and has; `NoEngineError` if it cannot say."""
        return self._facts

    @cached_property
    def _facts(self) -> EngineFacts:
        if shutil.which(self._builder) is None:
            raise NoEngineError(f"there is no {self._builder} on PATH", hint=_INSTALL)
        info: dict[str, Any] = self._podman.ask_json(
            *("info", "--format", "json"),
            kind=NoEngineError,
            doing="podman",
            hint="see that `podman info` works for you",
            timeout_s=_ANSWER_TIMEOUT_S,
        )
        host = info.get("host") or {}
        way, devices = _handover()
        return EngineFacts(
            name=self.name,
            version=str((info.get("version") or {}).get("Version", "")),
            rootless=bool((host.get("security") or {}).get("rootless")),
            builder=self._builder,
            builder_version=self._builder_version(),
            gpus=find_gpus(),
            gpu_runtime=way,
            cdi_devices=devices,
            disk_free_bytes=_free_bytes(str((info.get("store") or {}).get("graphRoot") or "")),
            cpus=host.get("cpus"),
            memory_bytes=host.get("memTotal"),
        )

    def _builder_version(self) -> str:
        """Buildah's own version, where its own command builds."""
        if self._builder != "buildah":
            return ""
        told = Podman("buildah").ask("--version", kind=NoEngineError, doing="buildah")
        return next((word for word in told.split() if word[:1].isdigit()), "")

    @cached_property
    def _swept(self) -> Podman:
        """Podman, once what killed processes left behind is gone."""
        sweep(self._podman)
        return self._podman

    def build(self, recipe: BuildRecipe, progress: Progress) -> Image:
        """Build and tag an image with the network off; `BuildError` names the failing step."""
        if not (recipe.context / recipe.dockerfile).is_file():
            raise BuildError(f"{recipe.context / recipe.dockerfile} does not exist")
        podman, before = self._swept, self.image(recipe.tag)
        build_with(self._build_command(recipe), os.environ, recipe, progress, engine=self.name)
        image = self.image(recipe.tag)
        if image is None:
            raise BuildError(f"{recipe.tag} was built but is not there", log=recipe.log)
        self.tag(image, recipe.extra_tags)
        if before is not None and before.id != image.id:
            remove_replaced(podman, before.id)
        return image

    def _build_command(self, recipe: BuildRecipe) -> list[str]:
        words = [
            self._builder,
            "build",
            "--network",
            "none",
            "--http-proxy=false",
            "--layers=false",
        ]
        words += ["--identity-label=false"]  # the builder's version is no part of the image
        words += ["--pull=never", "--force-rm", "--timestamp", str(OLDEST_TIME_S)]
        words += ["--file", str(recipe.context / recipe.dockerfile), "--tag", recipe.tag]
        for name, value in recipe.labels:
            words += ["--label", f"{name}={value}"]
        for name, value in recipe.build_args:
            words += ["--build-arg", f"{name}={value}"]
        if recipe.target:
            words += ["--target", recipe.target]
        return [*words, str(recipe.context)]

    def image(self, tag: str) -> Image | None:
        """Return the image called `tag` (a tag, an id, or name@digest), or `None`."""
        found = self._podman.inspect(tag)
        return None if found is None else _image(tag, found)

    def tag(self, image: Image, tags: tuple[str, ...]) -> None:
        """Give an image more tags; `BuildError` if a tag is not a valid name."""
        for tag in tags:
            self._podman.ask(
                *("tag", image.id, tag), kind=BuildError, doing=f"{image.tag} could not be tagged"
            )

    def run(
        self,
        order: RunOrder,
        progress: Progress,
        stop: threading.Event | None = None,
        ended: Ended | None = None,
    ) -> RunResult:
        """Do one run in a hardened container, which is gone afterwards whatever happened."""
        order = with_facts(order, f"podman {self._facts.version}")
        return run_container(self._swept, order, self._limits, progress, stop, ended)

    def work(self, order: WorkOrder, progress: Progress) -> WorkResult:
        """Run a script in a container without a network, which is gone afterwards."""
        return work_in_container(self._swept, order, progress)

    def remove_image(self, tag: str) -> None:
        """Remove the tag, and the image with its last one; an absent image is no error."""
        if self._podman.inspect(tag) is not None:
            self._podman.ask("rmi", tag, kind=RunError, doing=f"{tag} could not be removed")

    def pull(self, reference: str, progress: Progress) -> Image:
        """Pull `NAME:TAG` and return it as `NAME@sha256:…`; `TemporaryError` if that fails."""
        pull(self._podman, reference, progress)
        image = self.pinned(reference)
        if image is None:
            raise TemporaryError(f"{reference} was pulled without a digest")
        return image

    def read(self, image: Image, path: str) -> bytes | None:
        """Return one file of an image, without running anything; `None` if it has none."""
        return read_file(self._podman, image.id, path)

    def save(self, image: Image) -> Iterator[bytes]:
        """An image with its tag, as the archive that `load` takes."""
        with self._podman.started("save", "--quiet", image.tag) as process:
            assert process.stdout is not None  # it was asked for
            while chunk := process.stdout.read(1 << 20):
                yield chunk
            if process.wait():
                raise BuildError(f"{image.tag} could not be saved")

    def load(self, path: Path) -> None:
        """Take the images of a compressed archive."""
        try:
            with gzip.open(path) as file:  # not every podman unpacks what it loads
                self.load_pieces(iter(lambda: file.read(1 << 20), b""), str(path))
        except (OSError, EOFError) as error:
            raise BuildError(f"{path} could not be loaded: {error}") from error

    def load_pieces(self, pieces: Iterable[bytes], name: str) -> None:
        """Take the images of an archive, which is called `name` where it cannot be."""
        doing = f"{name} could not be loaded"
        said = self._podman.feed("load", chunks=pieces, kind=BuildError, doing=doing)
        # Podman takes Docker's names for those of a registry; what is built is `localhost/…`.
        for tag in re.findall(r"^Loaded image.*: *docker\.io/(repropack/\S+)$", said, re.MULTILINE):
            ask = partial(self._podman.ask, kind=BuildError, doing=doing)
            ask("tag", f"docker.io/{tag}", f"localhost/{tag}")
            ask("untag", f"docker.io/{tag}", f"docker.io/{tag}")

    def pinned(self, tag: str) -> Image | None:
        """Return a local image under the digest it was pulled by; `None` if it was not pulled."""
        found = self._podman.inspect(tag)
        names = (found or {}).get("RepoDigests") or ()
        name = pinned_name(names, str((found or {}).get("Digest") or ""))
        return _image(name, found) if found and name else None


def _image(tag: str, found: dict[str, Any]) -> Image:
    return Image(
        tag=tag,
        id=f"sha256:{str(found['Id']).removeprefix('sha256:')}",
        size_bytes=int(found.get("Size") or 0),
        labels=tuple(sorted((found.get("Labels") or {}).items())),
        layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
    )


def _handover() -> tuple[str, tuple[str, ...] | None]:
    """The way to hand over a GPU, and its devices: () if no description names one."""
    devices = described()
    if devices or any(shutil.which(program) for program in TOOLKIT):
        return "cdi", devices
    return "", None


def _free_bytes(root: str) -> int | None:
    """Free space where podman keeps images, if that is readable."""
    try:
        return shutil.disk_usage(root).free if root else None
    except OSError:
        return None

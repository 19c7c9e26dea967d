"""The engines of clusters, where nobody may use Docker: Charliecloud and Apptainer.

Owns: the Engine of `model` for images that a bundle brings; they are unpacked into the cache, each
once. These engines build nothing. Does not own: unpacking (`rootfs`), a run (`cluster_run`), the
runtimes' command lines (`runtimes`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from repropack import workspace
from repropack.engines import machine
from repropack.engines.cluster_run import run_unpacked
from repropack.engines.gpu import find_gpus
from repropack.engines.model import (
    BUILDS_NONE,
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
from repropack.engines.rootfs import Unrolled, labels_of, layers_of, unroll, variables_of
from repropack.engines.runtimes import runtime
from repropack.errors import BuildError, NoEngineError, RunError, reason
from repropack.marks import scratch

_ANSWER_TIMEOUT_S = 30.0
_INSTALL = "ask who runs this machine for it, or name another engine: --engine venv"


class ClusterEngine:
    """Runs images without a daemon. `name` is `charliecloud` or `apptainer`.

    `directory` (default: in the cache) is where images are unpacked.
    """

    def __init__(self, name: str, *, directory: Path | None = None) -> None:
        self.name = name
        self._runtime = runtime(name)
        self.directory = directory or workspace.cache_directory() / "rootfs"

    def check(self) -> EngineFacts:
        """Ask the runtime, once, whether a user may start containers; `NoEngineError` if not."""
        return self._facts

    @cached_property
    def _facts(self) -> EngineFacts:
        for program in self._runtime.programs():
            if shutil.which(program) is None:
                raise NoEngineError(f"there is no {program} on PATH", hint=_INSTALL)
        version = _said(self._runtime.version(), self.name, _INSTALL)
        _said(
            self._runtime.trial(),
            self.name,
            "users may not start containers here: see `sysctl user.max_user_namespaces` and "
            "`sysctl kernel.apparmor_restrict_unprivileged_userns`",
        )
        return EngineFacts(
            name=self.name,
            version=version.split()[-1] if version.split() else "",
            rootless=True,
            gpus=find_gpus(),
            gpu_runtime=self._runtime.gpu_runtime,
            disk_free_bytes=machine.free_bytes(self.directory),
            cpus=machine.cpus(),
            memory_bytes=machine.memory_bytes(),
        )

    def build(self, recipe: BuildRecipe, progress: Progress) -> Image:
        """Refused: these engines build no image."""
        raise BuildError(f"{self.name} builds no images", hint=BUILDS_NONE)

    def work(self, order: WorkOrder, progress: Progress) -> WorkResult:
        """Refused: scripts are run for builds alone."""
        raise BuildError(f"{self.name} builds no packages", hint=BUILDS_NONE)

    def image(self, tag: str) -> Image | None:
        """Return the image called `tag` (a tag or an id), or `None`."""
        kept = self._kept(tag)
        if kept is None:
            return None
        return Image(
            tag=tag,
            id=str(kept["id"]),
            size_bytes=int(kept["size_bytes"]),
            labels=labels_of(kept["config"]),
            layers=layers_of(kept["config"]),
        )

    def tag(self, image: Image, tags: tuple[str, ...]) -> None:
        """Give an image more tags."""
        for tag in tags:
            self._entry(tag).parent.mkdir(parents=True, exist_ok=True)
            workspace.write_atomically(self._entry(tag), json.dumps({"id": image.id}) + "\n")

    def save(self, image: Image) -> Iterator[bytes]:
        """Refused: the bundle that brought it has it."""
        raise BuildError(f"{self.name} keeps no archive of {image.tag}", hint=BUILDS_NONE)

    def load_pieces(self, pieces: Iterable[bytes], name: str) -> None:
        """Unpack the image of an archive, which is called `name` where it cannot be."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with scratch(self.directory, ".unpacking-") as part:
                (part / "root").mkdir()
                self._keep(part, unroll(pieces, part / "root", name))
        except OSError as error:
            raise BuildError(
                f"{name} could not be unpacked: {error.filename or self.directory}: "
                f"{reason(error)}",
                hint="set REPROPACK_CACHE to a directory with enough space",
            ) from error

    def _keep(self, part: Path, unrolled: Unrolled) -> None:
        """Put an unpacked image in its place, unless another process was faster."""
        record = {
            "id": unrolled.id,
            "config": unrolled.config,
            "size_bytes": sum(path.lstat().st_size for path in part.rglob("*")),
        }
        workspace.write_atomically(part / "image.json", json.dumps(record) + "\n")
        place = self._place(unrolled.id)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            try:
                part.rename(place)
            except OSError:
                if not place.exists():
                    raise
        image = Image(tag=unrolled.tag, id=unrolled.id, size_bytes=0)
        self.tag(image, (unrolled.tag,))

    def run(
        self,
        order: RunOrder,
        progress: Progress,
        stop: threading.Event | None = None,
        ended: Ended | None = None,
    ) -> RunResult:
        """Do one run in a container that is gone afterwards, with all of its processes."""
        kept = self._kept(order.image.id)
        if kept is None:
            raise RunError(f"{order.image.tag} is not there any more", hint="verify again")
        root, variables = self.root_of(order.image), variables_of(kept["config"])
        try:
            return run_unpacked(
                *(self._runtime, self._facts.version, root, variables, order, progress, stop),
                ended=ended,
            )
        except OSError as error:
            raise RunError(
                f"{error.filename or order.directory}: {reason(error)}",
                hint="free some disk space, or choose another directory with -o",
            ) from error

    def root_of(self, image: Image) -> Path:
        """The directory that is an image's `/`."""
        return self._place(image.id) / "root"

    def _kept(self, tag: str) -> dict[str, Any] | None:
        """What is known of an image by its tag or id, if it is all there."""
        try:
            found = tag
            if not tag.startswith("sha256:"):
                found = json.loads(self._entry(tag).read_bytes())["id"]
            kept: dict[str, Any] = json.loads((self._place(found) / "image.json").read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return kept

    def _place(self, id: str) -> Path:
        return self.directory / "images" / hashlib.sha256(id.encode()).hexdigest()

    def _entry(self, tag: str) -> Path:
        return self.directory / "tags" / f"{hashlib.sha256(tag.encode()).hexdigest()}.json"


def _said(command: list[str], name: str, hint: str) -> str:
    """What a command says. Raises `NoEngineError` where it fails."""
    variables = {**os.environ, "USER": os.environ.get("USER") or "repropack"}
    try:
        done = subprocess.run(
            command,
            env=variables,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoEngineError(f"{name} does not answer: {error}", hint=hint) from error
    said = (done.stdout or done.stderr).strip()  # ch-run says its version on stderr
    if done.returncode:
        last = said.splitlines()[-1] if said else f"exit code {done.returncode}"
        raise NoEngineError(f"{name} does not work here: {last}", hint=hint)
    return said

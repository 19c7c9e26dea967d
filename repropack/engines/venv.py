"""The venv engine: an environment made by uv from the same lock, and no container.

Owns: the Engine of `model` without a container. What Docker calls an image is here a directory of
the user's cache: the environment, the source, the runner and the manifest.
Does not own: making it (`venv_build`) and running in it (`venv_run`). It isolates nothing: an
experiment sees this machine's files and network.
"""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

from repropack import workspace
from repropack.engines import machine
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
from repropack.engines.venv_build import Shelf, make, uv_program, uv_version
from repropack.engines.venv_run import run_here
from repropack.engines.venv_work import work_here
from repropack.errors import BuildError, NoEngineError, RunError, reason


class VenvEngine:
    """Runs experiments without a container. `directory` (default: in the cache) keeps its files."""

    name = "venv"

    def __init__(self, *, directory: Path | None = None) -> None:
        self._shelf = Shelf(root=directory or workspace.cache_directory() / "venv")

    def check(self) -> EngineFacts:
        """Say which uv there is and what this machine has; `NoEngineError` without a uv."""
        program = uv_program()
        if program is None:
            raise NoEngineError("the venv engine needs uv", hint="pip install uv")
        return EngineFacts(
            name=self.name,
            version=uv_version(program),
            builder="uv",
            gpus=find_gpus(),
            disk_free_bytes=machine.free_bytes(self._shelf.root),
            cpus=machine.cpus(),
            memory_bytes=machine.memory_bytes(),
        )

    def build(self, recipe: BuildRecipe, progress: Progress) -> Image:
        """Make the environment and keep the source beside it; `BuildError` with uv's reason.

        The context holds pylock.toml, wheels/, source/, judge.pyz, repropack.json, Dockerfile.
        """
        try:
            return make(self._shelf, recipe, progress)
        except OSError as error:
            raise BuildError(
                f"{error.filename or self._shelf.root}: {reason(error)}",
                hint="set REPROPACK_CACHE to a directory with enough space",
                log=recipe.log,
            ) from error

    def image(self, tag: str) -> Image | None:
        """Return what was built under `tag`, or `None`."""
        built = self._shelf.find(tag)
        return built.image if built else None

    def tag(self, image: Image, tags: tuple[str, ...]) -> None:
        """Give an environment more names."""
        built = self._shelf.find(image.tag)
        if built is None:
            raise BuildError(f"{image.tag} is not there", hint="repropack build")
        for tag in tags:
            self._shelf.keep(dataclasses.replace(built, image=_renamed(built.image, tag)))

    def run(
        self,
        order: RunOrder,
        progress: Progress,
        stop: threading.Event | None = None,
        ended: Ended | None = None,
    ) -> RunResult:
        """Do one run in a scratch copy of the source, which is removed afterwards."""
        built = self._shelf.find(order.image.tag)
        if built is None or built.image.id != order.image.id:
            raise RunError(f"{order.image.tag} is not there any more", hint="repropack build")
        try:
            return run_here(built, order, progress, stop, ended)
        except OSError as error:
            raise RunError(
                f"{error.filename or order.directory}: {reason(error)}",
                hint="free some disk space, or choose another directory with -o",
            ) from error

    def work(self, order: WorkOrder, progress: Progress) -> WorkResult:
        """Run a script on this machine itself: who asked for this engine asked for no container."""
        return work_here(order, progress)


def _renamed(image: Image, tag: str) -> Image:
    return dataclasses.replace(image, tag=tag)

"""What the pipeline and an engine say to each other: facts, recipes, orders and results.

Owns: the values and the Protocol that every engine keeps.
Does not own: how an engine does it (`docker`, `venv`), or what a run's record means (`judge`).
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from repropack.cuda import Host, HostGpu

Progress = Callable[[str], None]
#: Hears that the processes of a run have ended.
Ended = Callable[[], None]
Pairs = tuple[tuple[str, str], ...]

OUTER_GRACE_S = 60.0
"""How long past an experiment's own timeout an engine waits for the runner before it stops it."""
STOP_GRACE_S = 10
"""How long a stopped runner has to end the experiment and to write its record."""
RUN_ONLY = ("apptainer", "charliecloud")
"""Engines that run the images which bundles bring, and build none."""
BUILDS_NONE = (
    "build where Docker or Podman is, with `repropack build --with-image`, and verify that bundle "
    "here"
)
"""What to do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What an engine that answers says of itself. `None` and "" mean that it does not tell."""

    name: str
    version: str
    endpoint: str = ""
    rootless: bool = False
    builder: str = ""
    builder_version: str = ""
    gpus: tuple[HostGpu, ...] = ()
    gpu_runtime: str = ""
    cdi_devices: tuple[str, ...] | None = None
    disk_free_bytes: int | None = None
    cpus: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A built image (for the venv engine: an environment): name, content id, size and so on."""

    tag: str
    id: str
    size_bytes: int
    labels: Pairs = ()
    layers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRecipe:
    """What to build: `dockerfile` is a path inside `context`; the complete output goes to `log`.

    A `fresh` build takes nothing from an earlier one. An `exact` one gives the same image whenever
    it is done, where the engine can do it, even if that takes longer.
    """

    context: Path
    dockerfile: str = "Dockerfile"
    tag: str
    extra_tags: tuple[str, ...] = ()
    labels: Pairs = ()
    build_args: Pairs = ()
    target: str | None = None
    fresh: bool = False
    exact: bool = False
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file or directory of this machine that a run sees, read-only, at `target`."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """One run to do. `name` starts the container's name; `directory` must be absent or empty.

    After the run `directory` holds record.json, log.txt, outputs/ and the engine's own
    engine.json. `timeout_s` is the experiment's own timeout: the runner keeps it, the engine only
    steps in `OUTER_GRACE_S` later. `gpu_ids` are the GPUs that the run may use (none: all).
    `runs` is how many runs of each cell were asked for, if anyone did: it makes runs known that the
    bundle does not list.
    """

    image: Image
    run_id: str
    name: str
    network: bool = False
    gpu: bool = False
    gpu_ids: tuple[str, ...] = ()
    runs: int | None = None
    timeout_s: float | None = None
    facts: Pairs = ()
    directory: Path
    mounts: tuple[Mount, ...] = ()


class RunStatus(enum.StrEnum):
    """`completed`: there is a record. `lost`: there is none. `interrupted`: the user stopped it."""

    COMPLETED = "completed"
    LOST = "lost"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended. `reason` says why when the run was not simply completed."""

    status: RunStatus
    reason: str
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrder:
    """A Python script to run in an image with the network off, on files that are put into it.

    What is below `directory` is put at the root, and `script` (a path below it) gets that root as
    its argument. What it leaves in `out` (a path too) is written to `result`, the complete output
    to `log`. An engine without containers runs it in `directory` itself.
    """

    image: Image | None
    name: str
    directory: Path
    python: str
    script: str
    out: str
    result: Path
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkResult:
    """How a script ended."""

    exit_code: int
    isolated: bool


def host_of(facts: EngineFacts) -> Host:
    """What a plan is compared with."""
    return Host(
        gpus=facts.gpus,
        engine=facts.name,
        gpu_runtime=facts.gpu_runtime,
        cdi_devices=facts.cdi_devices,
    )


class Engine(Protocol):
    """What builds images and runs experiments in them."""

    name: str

    def check(self) -> EngineFacts:
        """Say what the engine is; `NoEngineError` with a hint if it does not answer."""

    def build(self, recipe: BuildRecipe, progress: Progress) -> Image:
        """Build and tag an image with the network off; `BuildError` names the failing step."""

    def image(self, tag: str) -> Image | None:
        """Return the image called `tag`, or `None`."""

    def tag(self, image: Image, tags: tuple[str, ...]) -> None:
        """Give an image more tags."""

    def run(
        self,
        order: RunOrder,
        progress: Progress,
        stop: threading.Event | None = None,
        ended: Ended | None = None,
    ) -> RunResult:
        """Do one run and leave nothing behind; `RunError` if it could not be started.

        Several threads may do so at once. `stop` interrupts the run as Ctrl-C does, which only the
        main thread hears. `ended` is called when its processes have ended, and no more is left to
        do than to bring what it wrote; not for a run that could not be started.
        """

    def work(self, order: WorkOrder, progress: Progress) -> WorkResult:
        """Run a script on files and bring back what it made; `BuildError` if that cannot be."""

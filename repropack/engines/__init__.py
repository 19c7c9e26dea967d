"""Engines: what builds images and runs experiments in them, behind one Protocol.

Owns: the choice of the engine. Does not own: how each engine works (one module each).
"""

from __future__ import annotations

from repropack.engines.model import (
    BuildRecipe,
    Engine,
    EngineFacts,
    Image,
    Mount,
    Pairs,
    Progress,
    RunOrder,
    RunResult,
    RunStatus,
    WorkOrder,
    WorkResult,
    host_of,
)
from repropack.errors import NoEngineError, UsageError

__all__ = [
    "BuildRecipe",
    "Engine",
    "EngineFacts",
    "Image",
    "Mount",
    "Pairs",
    "Progress",
    "RunOrder",
    "RunResult",
    "RunStatus",
    "WorkOrder",
    "WorkResult",
    "choose",
    "host_of",
]

NAMES = ("docker", "podman", "venv")


def choose(name: str | None = None, *, builder: str = "auto") -> Engine:
    """Return the engine called `name`, or the first of docker and podman that answers.

    `builder` is docker's: `auto`, `legacy` or `buildkit`. The venv engine runs no container, so it
    is used only when asked for. `NoEngineError` lists
    what was tried and what to type; `UsageError` if there is no engine of that name.
    """
    if name == "venv":
        from repropack.engines.venv import VenvEngine

        return VenvEngine()
    if name == "podman":
        raise NoEngineError(
            "the podman engine is not there yet", hint="use --engine docker or --engine venv"
        )
    if name not in (None, "docker"):
        raise UsageError(f"there is no engine called {name!r}", hint=f"one of {', '.join(NAMES)}")
    return _docker(builder, asked=name is not None)


def _docker(builder: str, *, asked: bool) -> Engine:
    from repropack.engines.docker import DockerEngine

    engine = DockerEngine(builder=builder)
    try:
        engine.check()
    except NoEngineError as error:
        if asked:
            raise
        raise NoEngineError(
            f"no container engine answers. Tried docker ({error.what}); podman is not there yet",
            hint=f"{error.hint or 'sudo systemctl start docker'}; "
            "or run without a container: --engine venv",
        ) from error
    return engine

"""Engines: what builds images and runs experiments in them, behind one Protocol.

Owns: the choice of the engine. Does not own: how each engine works (one module each).
"""

from __future__ import annotations

from repropack.engines.model import (
    BUILDS_NONE,
    RUN_ONLY,
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
    "BUILDS_NONE",
    "RUN_ONLY",
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

NAMES = ("docker", "podman", *RUN_ONLY, "venv")


def choose(name: str | None = None, *, builder: str = "auto") -> Engine:
    """Return the engine called `name`, or the first of docker and podman that answers.

    `builder` is docker's (`auto`, `legacy` or `buildkit`) or podman's (`auto`, `podman` or
    `buildah`). The venv engine runs no container, and those of `RUN_ONLY` build no image: they are
    used only when asked for.
    `NoEngineError` lists what was tried and what to type; `UsageError` if there is no engine or
    builder of that name.
    """
    if name == "venv":
        from repropack.engines.venv import VenvEngine

        return VenvEngine()
    if name in RUN_ONLY:
        from repropack.engines.cluster import ClusterEngine

        return ClusterEngine(name)
    if name not in (None, "docker", "podman"):
        raise UsageError(f"there is no engine called {name!r}", hint=f"one of {', '.join(NAMES)}")
    if name is None:
        return _first(builder)
    engine = _docker(builder) if name == "docker" else _podman(builder)
    engine.check()
    return engine


def _docker(builder: str) -> Engine:
    from repropack.engines.docker import DockerEngine

    return DockerEngine(builder=builder)


def _podman(builder: str) -> Engine:
    from repropack.engines.podman import PodmanEngine

    return PodmanEngine(builder=builder)


def _first(builder: str) -> Engine:
    """The first that answers, of those that have such a builder."""
    tried, hints = [], []
    for engine in (_docker, _podman):
        try:
            found = engine(builder)
            found.check()
        except UsageError:
            continue
        except NoEngineError as error:
            tried.append(f"{found.name} ({error.what})")
            hints.append(error.hint)
        else:
            return found
    raise NoEngineError(
        f"no container engine answers. Tried {' and '.join(tried)}",
        hint=f"{next(filter(None, hints), 'sudo systemctl start docker')}; "
        "or run without a container: --engine venv",
    )

"""What a run's container is, whichever engine makes it.

Owns: its name, its command, its limits, and what is known about it beforehand. Does not own:
making it (`docker_run`, `podman_run`), or following it to its end (`one_run`).
"""

from __future__ import annotations

import dataclasses
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from repropack.engines.gpu import find_gpus
from repropack.engines.model import RunOrder
from repropack.engines.run_files import number_of_runs
from repropack.errors import RunError

USER = "1000:1000"
MAX_PROCESSES = 4096
SHARED_MEMORY = "1g"
_REMOVAL_ATTEMPTS = 3
_REMOVAL_PAUSE_S = 0.2
_PATIENCE_S = 20.0
_RUNNER = ("/opt/env/bin/python", "/repropack/judge.pyz", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may use of the machine; `None` is no limit."""

    memory_bytes: int | None = None


@dataclass(slots=True, kw_only=True)
class Container:
    """A container by name. `left_behind` says so if it could not be removed."""

    name: str
    left_behind: str = ""


@contextmanager
def removed_afterwards(name: str, remove: Callable[[str], str]) -> Iterator[Container]:
    """A container that does not outlive the block, whatever happens, even half-created.

    Its name is known before the engine is asked, so that a creation cut off by Ctrl-C is found.
    `remove` gives what to do by hand if it could not.
    """
    container = Container(name=name)
    error: RunError | None = None
    try:
        yield container
    except RunError as caught:
        error = caught
    finally:
        container.left_behind = remove(name)
    if error is not None:
        left = f"; {container.left_behind}" if container.left_behind else ""
        raise RunError(error.what + left, hint=error.hint) from error


def insist(remove: Callable[[], str]) -> str:
    """Call `remove` until it gives no problem, three times at most; the last problem.

    It has a thread of its own, which Ctrl-C does not reach: pressed again and again, it would cut
    off every attempt. It is raised when the container is gone, or after 20 seconds.
    """
    problem = interrupted = None

    def attempt() -> None:
        nonlocal problem
        for _ in range(_REMOVAL_ATTEMPTS):
            problem = remove()
            if not problem:
                return
            time.sleep(_REMOVAL_PAUSE_S)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    deadline = None
    while thread.is_alive() and (deadline is None or time.monotonic() < deadline):
        try:
            thread.join(_REMOVAL_PAUSE_S)
        except KeyboardInterrupt as error:
            interrupted = error
            deadline = deadline or time.monotonic() + _PATIENCE_S
    if interrupted is not None:
        raise interrupted
    return problem or ""


def container_name(text: str) -> str:
    """Return a name that says this, as far as engines take it, and that no other container has."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:80]
    return f"{readable.strip('-._') or 'repropack'}-{secrets.token_hex(4)}"


def runner_command(order: RunOrder) -> list[str]:
    """What runs in the container."""
    facts = [word for name, value in order.facts for word in ("--fact", f"{name}={value}")]
    return [*_RUNNER, order.run_id, "--out", "/out", *number_of_runs(order), *facts]


def with_facts(order: RunOrder, engine: str) -> RunOrder:
    """Add what only the engine (its name and version) knows; what the caller says wins."""
    given = {"engine": engine, "image_id": order.image.id, **dict(order.facts)}
    if "gpu" not in given:
        given["gpu"] = (order.gpu and ", ".join(gpu.name for gpu in find_gpus())) or "none"
    return dataclasses.replace(order, facts=tuple(sorted(given.items())))

"""How a container ended, and what that means for its run. Docker and Podman share it.

Owns: the engine's record of a run. Does not own: following a container (`docker_follow`,
`podman_follow`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from repropack.engines.archive import Unpacked
from repropack.engines.model import RunStatus
from repropack.engines.run_files import EngineRecord


class How(enum.Enum):
    """Why the engine stopped following a container."""

    EXITED = "exited"
    OVERDUE = "overdue"
    INTERRUPTED = "interrupted"
    ENGINE_GONE = "engine gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a container ended. `detail` is the engine's message, `tail` its last lines of output."""

    how: How
    seconds: float
    peak_memory_bytes: int | None
    detail: str = ""
    tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the engine says of a container that has ended; `None` is what it cannot tell."""

    exit_code: int | None = None
    oom_killed: bool | None = None


def record_of(
    engine: str,
    ending: Ending,
    state: State,
    out: Unpacked | None,
    *,
    has_record: bool,
    left_behind: str = "",
) -> EngineRecord:
    """The engine's record. `out` is what was copied out, `None` if not all of it could be.

    `left_behind` says so if the container could not be removed.
    """
    status, reason = _judge(ending, state, has_record=has_record, copied=out is not None)
    return EngineRecord(
        engine=engine,
        status=status,
        reason="; ".join(part for part in (reason, left_behind) if part),
        seconds=ending.seconds,
        exit_code=state.exit_code,
        oom_killed=state.oom_killed,
        peak_memory_bytes=ending.peak_memory_bytes,
        skipped=out.skipped if out else (),
    )


def _judge(
    ending: Ending, state: State, *, has_record: bool, copied: bool
) -> tuple[RunStatus, str]:
    """Say how the run ended, and why it was not simply completed."""
    if ending.how is How.INTERRUPTED:
        return RunStatus.INTERRUPTED, "stopped by the user"
    overdue = "the runner did not end within its timeout and was stopped"
    if has_record and copied:
        reasons = [overdue] if ending.how is How.OVERDUE else []
        if state.oom_killed:
            reasons.append("a process of the run was killed because memory ran out")
        return RunStatus.COMPLETED, "; ".join(reasons)
    if ending.detail or state.exit_code is None:
        detail = ending.detail or "the engine stopped answering"
        return RunStatus.LOST, f"the container was lost: {detail}"
    if not copied:
        return RunStatus.LOST, "the container was lost: what it wrote could not be brought back"
    if state.oom_killed:
        return RunStatus.LOST, "the container was killed because memory ran out"
    if ending.how is How.OVERDUE:
        return RunStatus.LOST, overdue
    if state.exit_code == 137:
        return RunStatus.LOST, "the container was killed from outside (exit code 137)"
    said = f": {ending.tail[-1]}" if ending.tail else ""
    return RunStatus.LOST, f"the runner ended with exit code {state.exit_code} and no record{said}"

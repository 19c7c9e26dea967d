"""One run in a container, from its creation to its removal, whichever engine has it.

Owns: the order of the steps, and what is told when the disk refuses. A container never outlives its
run: it is removed with its volumes even when its start failed half-way. Does not own: the steps
(`docker_run`, `podman_run`), or what an end means (`ending`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from repropack.engines.archive import Unpacked
from repropack.engines.container import container_name, removed_afterwards
from repropack.engines.ending import Ending, State, record_of
from repropack.engines.model import OUTER_GRACE_S, Ended, RunOrder, RunResult, RunStatus
from repropack.engines.run_files import RECORD, unpublished, write_engine_record
from repropack.errors import RunError, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What an engine does for a run; each step gets the container's name first.

    `create` makes it, `follow` starts it and gives its end (it may take so many seconds, or None),
    `state` is what the engine says of it then, `copy_out` brings its results to a directory (both
    None when the engine cannot), and `remove` gives what to do by hand if it could not.
    """

    engine: str
    create: Callable[[str], None]
    follow: Callable[[str, float | None], Ending]
    state: Callable[[str], State | None]
    copy_out: Callable[[str, Path], Unpacked | None]
    remove: Callable[[str], str]


def do_run(order: RunOrder, steps: Steps, ended: Ended | None = None) -> RunResult:
    """Do one run; `RunError` if it could not be started, or the disk refuses its results.

    `ended` is called as soon as its container has ended.
    """
    try:
        return _do_run(order, steps, ended or _nobody)
    except OSError as error:
        raise RunError(
            f"the run's results could not be written to {order.directory}: {reason(error)}",
            hint="free some disk space, or choose another directory with -o",
        ) from error


def _nobody() -> None:
    """Nobody wants to know."""


def _do_run(order: RunOrder, steps: Steps, ended: Ended) -> RunResult:
    limit_s = None if order.timeout_s is None else order.timeout_s + OUTER_GRACE_S
    with unpublished(order.directory) as part:
        name = container_name(f"{order.name}-{order.run_id}")
        with removed_afterwards(name, steps.remove) as container:
            steps.create(name)
            ending = steps.follow(name, limit_s)
            ended()
            state = steps.state(name)
            out = steps.copy_out(name, part) if state else None
            if out is None:  # a part of the results is no evidence
                (part / RECORD).unlink(missing_ok=True)
        record = record_of(
            steps.engine,
            ending,
            state or State(),
            out,
            has_record=(part / RECORD).is_file(),
            left_behind=container.left_behind,
        )
        write_engine_record(part, record)
    return RunResult(
        status=RunStatus(record.status), reason=record.reason, directory=order.directory
    )

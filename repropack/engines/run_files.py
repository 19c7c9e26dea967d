"""The directory that a run leaves behind, whole or absent.

Owns: the unpublished sibling, its publication, and engine.json. Every engine uses it.
Does not own: record.json, log.txt and outputs/, which the runner writes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from repropack.engines.model import RunOrder, RunStatus
from repropack.errors import RunError
from repropack.marks import new_scratch

RECORD = "record.json"
ENGINE_FACTS = "engine.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRecord:
    """What the engine itself saw of a run; `None` is what it could not see."""

    engine: str
    status: str
    reason: str
    seconds: float
    exit_code: int | None = None
    oom_killed: bool | None = None
    peak_memory_bytes: int | None = None
    skipped: tuple[str, ...] = ()


@contextmanager
def unpublished(directory: Path) -> Iterator[Path]:
    """Give a new sibling of `directory` to write to, and rename it when the block succeeds.

    Results of an earlier run must not pass for those of this one, so `RunError` if `directory`
    holds anything.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise RunError(
            f"{directory} is not empty",
            hint="give each run a directory of its own: another -o, or remove that one",
        )
    directory.parent.mkdir(parents=True, exist_ok=True)
    part = new_scratch(directory.parent, f".{directory.name}.")
    try:
        part.chmod(0o755)
        yield part
        part.replace(directory)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_engine_record(directory: Path, record: EngineRecord) -> None:
    """Write engine.json into a directory that is not published yet."""
    text = json.dumps(asdict(record), indent=2, sort_keys=True, ensure_ascii=True)
    (directory / ENGINE_FACTS).write_text(text + "\n", encoding="utf-8")


def number_of_runs(order: RunOrder) -> list[str]:
    """The option of the runner that makes it know runs which only `--runs` asks for."""
    return [] if order.runs is None else ["--runs", str(order.runs)]


def conclude(
    directory: Path,
    engine: str,
    ended: tuple[RunStatus, str],
    code: int | None,
    seconds: float,
    last_line: str,
) -> tuple[RunStatus, str]:
    """How a run without a daemon ended, and why, with its engine.json written.

    `ended` is what following the runner gave, `code` its exit code: without a record it is lost,
    and `last_line` may tell why.
    """
    status, reason = ended
    if status is RunStatus.COMPLETED and not (directory / RECORD).is_file():
        status = RunStatus.LOST
        told = f" (last line: {last_line})" if last_line else ""
        reason = reason or f"the runner ended with exit code {code} and no record{told}"
    write_engine_record(
        directory,
        EngineRecord(
            engine=engine,
            status=status,
            reason=reason,
            seconds=round(seconds, 3),
            exit_code=code,
        ),
    )
    return status, reason

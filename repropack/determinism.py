"""Whether a run gives the same bytes again: one run of each experiment, done twice.

Owns: what is compared and how it is said. Does not own: doing runs (`running`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from repropack.judge.model import Experiment, RunSpec
from repropack.recorded import readings
from repropack.running import Bench, Done, Record, run_all
from repropack.settings import Repeat

AGAIN = "again"
"""The directory, beside those of the runs, that holds the second ones."""


def repeat(
    runs: tuple[RunSpec, ...], experiments: tuple[Experiment, ...], done: Done, bench: Bench
) -> tuple[Repeat, ...]:
    """Do the first run of each experiment that ended well once more, and compare."""
    records = {record["id"]: record for record in done.records}
    chosen = tuple(first_of_each(runs, records))
    again = replace(bench, directory=bench.directory.parent / AGAIN, jobs=1, resume=False)
    repeated = run_all(chosen, experiments, again)
    return tuple(
        compare(records[run.id], second)
        for run, second in zip(chosen, repeated.records, strict=True)
    )


def first_of_each(runs: tuple[RunSpec, ...], records: dict[str, Record]) -> Iterator[RunSpec]:
    """The first run of each experiment that ended well."""
    seen = set()
    for run in runs:
        if run.experiment not in seen and records[run.id].get("status") == "ok":
            seen.add(run.experiment)
            yield run


def compare(first: Record, second: Record) -> Repeat:
    """Two records of one run."""
    run_id = str(first["id"])
    if second.get("status") != "ok":
        problem = f"its repetition did not end well ({second.get('reason')})"
        return Repeat(run_id=run_id, problem=problem)
    contents, metrics = (hashes(first), hashes(second)), (texts(first), texts(second))
    names = sorted(contents[0].keys() | contents[1].keys())
    changed = [name for name in names if contents[0].get(name) != contents[1].get(name)]
    numbers = sorted(metrics[0].keys() | metrics[1].keys())
    moved = [name for name in numbers if metrics[0].get(name) != metrics[1].get(name)]
    if not names and not numbers:
        return Repeat(run_id=run_id, problem="it has no output that could be compared")
    told = [f"{name} ({metrics[0].get(name)}, then {metrics[1].get(name)})" for name in moved]
    same = [name for name in (*names, *numbers) if name not in (*changed, *moved)]
    return Repeat(run_id=run_id, same=tuple(same), differing=(*changed, *told))


def hashes(record: Record) -> dict[str, str]:
    """The SHA-256 of each file that the run wrote, by path."""
    outputs = record.get("outputs")
    named = (
        [each for each in outputs if isinstance(each, dict)] if isinstance(outputs, list) else []
    )
    return {str(each.get("path")): str(each.get("sha256")) for each in named}


def texts(record: Record) -> dict[str, str]:
    """Each metric that was found, as it was written."""
    written = {name: reading.get("text") for name, reading in readings(record)}
    return {name: str(text) for name, text in written.items() if text is not None}

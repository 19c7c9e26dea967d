"""What the author's own runs took: minutes, memory, and on which machine.

Read from the texts of `author/`, which are what `verify` measured. Nothing is estimated.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repropack.judge.model import RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """`runs` are (experiment, seconds) of each run, `peaks` (experiment, bytes of memory), and
    `machine` says where they were done, "" if nobody did. `written` is what a run wrote where it
    ran, and `kept` what is left of it, each (experiment, bytes).
    """

    runs: tuple[tuple[str, float], ...] = ()
    peaks: tuple[tuple[str, int], ...] = ()
    machine: str = ""
    written: tuple[tuple[str, int], ...] = ()
    kept: tuple[tuple[str, int], ...] = ()

    def of(self, experiment: str, count: int) -> str | None:
        """The minutes that so many runs take, one after the other; None if not measured."""
        seconds = [took for name, took in self.runs if name == experiment]
        return minutes(sum(seconds) / len(seconds) * count) if seconds else None

    def table(self, runs: Sequence[RunSpec]) -> str:
        """A line for each experiment that was measured: its name, the seconds and MB of a run, how
        many of `runs` are its, and the MB that a run writes and leaves, with tabs between them.
        """
        lines = []
        for name in dict.fromkeys(name for name, _ in self.runs):
            seconds = [took for other, took in self.runs if other == name]
            most = (most_of(each, name) for each in (self.peaks, self.written, self.kept))
            peak_mb, written_mb, kept_mb = map(in_mb, most)
            count = sum(run.experiment == name for run in runs)
            numbers = (math.ceil(sum(seconds) / len(seconds)), peak_mb, count, written_mb, kept_mb)
            lines.append("\t".join([name, *map(str, numbers)]))
        return "\n".join(lines)

    def writes_mb(self, names: Sequence[str], jobs: int = 1) -> tuple[int, int]:
        """What the largest of such runs write that are done at once, and how many of them write: a
        name for each run, `jobs` at once.
        """
        each = sorted((in_mb(most_of(self.written, name)) for name in names), reverse=True)[:jobs]
        return sum(each), sum(map(bool, each))

    def leaves_mb(self, names: Sequence[str]) -> int:
        """What all of such runs leave: a name for each run."""
        return sum(in_mb(most_of(self.kept, name)) for name in names)

    @property
    def peak_mb(self) -> int | None:
        """The most memory that a run had, in MB (10^6 bytes)."""
        most = max((peak for _, peak in self.peaks), default=None)
        return None if most is None else max(1, round(most / 1e6))


NOTHING_MEASURED = Effort()


def most_of(measured: tuple[tuple[str, int], ...], experiment: str) -> int:
    """The most that was measured of an experiment."""
    return max((count for name, count in measured if name == experiment), default=0)


def in_mb(count: int) -> int:
    """Bytes in MB (10^6 bytes), rounded up."""
    return math.ceil(count / 1e6)


def minutes(seconds: float) -> str:
    """Two digits are as much as another machine keeps."""
    value = seconds / 60
    return "less than 0.1" if value < 0.1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def measured(author: Mapping[str, str]) -> Effort:
    """What the author's files say."""
    report = json.loads(author.get("author/report.json", "{}"))
    texts = [text for path, text in sorted(author.items()) if path.endswith("/record.json")]
    records = [json.loads(text) for text in texts]
    peaks = [
        (str(each.get("experiment", "")), peak)
        for each in records
        if (peak := peak_of(each)) is not None
    ]
    return Effort(
        runs=tuple(
            (str(run["experiment"]), float(run["seconds"]))
            for run in report.get("runs", ())
            if run.get("status") == "ok" and run.get("seconds") is not None
        ),
        peaks=tuple(peaks),
        written=tuple(counted(records, "written_bytes")),
        kept=tuple(counted(records, "kept_bytes")),
        machine="; ".join(dict.fromkeys(filter(None, map(machine_of, records)))),
    )


def counted(records: Sequence[Mapping[str, Any]], key: str) -> Iterator[tuple[str, int]]:
    """A number of bytes of each record that has it."""
    for each in records:
        if isinstance(each.get(key), int):
            yield str(each.get("experiment", "")), each[key]


def peak_of(record: Mapping[str, Any]) -> int | None:
    """The memory of a run: its control group's, else its largest process's."""
    return record.get("peak_cgroup_bytes") or record.get("peak_rss_bytes")


def machine_of(record: Mapping[str, Any]) -> str:
    """`Example CPU, 8 cores, 25 GB`, and the GPU if the run had one."""
    found = record.get("hardware") or {}
    told = [str(found["cpu"])] if found.get("cpu") else []
    if found.get("cores"):
        told.append(f"{found['cores']} cores")
    if found.get("memory_bytes"):
        told.append(f"{found['memory_bytes'] / 1e9:.0f} GB")
    gpu = (record.get("facts") or {}).get("gpu", "none")
    return ", ".join([*told, *([str(gpu)] if gpu != "none" else [])])

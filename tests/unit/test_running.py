"""How many runs a machine has room for, by what the first of them took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from repropack.running import Bench, Record, room_for

GIB = 1 << 30


@dataclass(frozen=True)
class Machine:
    """As much of an engine's facts as room depends on."""

    cpus: int = 8
    memory_bytes: int | None = 10 * GIB


@dataclass(frozen=True)
class Given:
    """A bench on such a machine."""

    facts: Machine


def room(record: Record | None, machine: Machine | None = None) -> int:
    """`room_for` of a record on a machine."""
    return room_for(record, cast(Bench, Given(machine or Machine())))


@pytest.mark.parametrize(
    ("record", "jobs"),
    [
        (None, 0),
        ({"seconds": 10.0, "cpu_seconds": 10.0}, 1),
        ({"seconds": 10.0, "cpu_seconds": 10.0, "peak_rss_bytes": 1 << 20}, 8),
        ({"seconds": 10.0, "cpu_seconds": 40.0, "peak_rss_bytes": 1 << 20}, 2),
        ({"seconds": 10.0, "cpu_seconds": 10.0, "peak_rss_bytes": 2 * GIB}, 4),
    ],
)
def test_room(record: Record | None, jobs: int) -> None:
    """By processors, by memory, and nothing is guessed of a run that was not measured."""
    assert room(record) == jobs


def test_the_memory_of_all_processes_counts() -> None:
    """A run of several processes takes what they take together, not what the largest takes."""
    record = {"seconds": 1.0, "cpu_seconds": 1.0, "peak_rss_bytes": GIB // 2}
    assert room(record) == 8
    assert room({**record, "peak_cgroup_bytes": 4 * GIB}) == 2

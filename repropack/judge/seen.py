"""The data that runs see, as a bundle's manifest and a report tell of it.

Owns: reading that, and the lines of a report. Does not own: checking data, or what is told of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from repropack.judge.files import printable

MOST_LINES = 12
"""So many lines of a dataset stand in a report that has no place to fold them."""


@dataclass(frozen=True)
class Dataset:
    """Data that the runs saw. `described` are lines about what is in it."""

    name: str
    path: str = ""
    n_files: int = 0
    n_bytes: int = 0
    root_hash: str = ""
    described: Tuple[str, ...] = ()


def datasets(told: Any) -> Tuple[Dataset, ...]:
    """The datasets of a list of JSON objects; what is none is passed over: it decides nothing."""
    found = told if isinstance(told, list) else []
    return tuple(
        Dataset(
            name=each["name"],
            path=_text(each.get("path")),
            n_files=_count(each.get("n_files")),
            n_bytes=_count(each.get("n_bytes")),
            root_hash=_text(each.get("root_hash")),
            described=_lines(each.get("described")),
        )
        for each in found
        if isinstance(each, dict) and isinstance(each.get("name"), str)
    )


def as_list(seen: Tuple[Dataset, ...]) -> List[Dict[str, Any]]:
    """The same as plain JSON values."""
    return [
        {
            "name": each.name, "path": each.path, "n_files": each.n_files, "n_bytes": each.n_bytes,
            "root_hash": each.root_hash, "described": list(each.described),
        }
        for each in seen
    ]  # fmt: skip


def items(seen: Tuple[Dataset, ...]) -> List[List[str]]:
    """For each dataset that its authors describe what it is, and below that what they say."""
    found = []
    for each in seen:
        if not each.described:
            continue
        size = "%d files, %d bytes" % (each.n_files, each.n_bytes)
        first = "%s at %s: %s, %s" % (each.name, each.path, size, each.root_hash)
        lines = [printable(line, 1000) for line in each.described[:MOST_LINES]]
        more = len(each.described) - MOST_LINES
        rest = ["and %d more lines, in report.json" % more] if more > 0 else []
        found.append([printable(first, 1000), *lines, *rest])
    return found


def _text(value: Any) -> str:
    return "unknown" if value is None else str(value)


def _count(value: Any) -> int:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        return int(value) if number and math.isfinite(value) else 0
    except OverflowError:
        return 0


def _lines(value: Any) -> Tuple[str, ...]:
    return tuple(_text(line) for line in value) if isinstance(value, list) else ()

"""Manifests that pin different versions of one package.

Owns: comparing the manifests of one directory. Does not own: which of them counts
(`inspection`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

from repropack.detectors.dependencies import KIND_PREFIX, manifests
from repropack.detectors.pins import pins, place
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity
from repropack.formats import Format

DISAGREE: Final = "dependencies.disagreement"
_COMPARED: Final = {
    KIND_PREFIX + format.name.lower(): format
    for format in Format
    if format.is_lock or format is Format.REQUIREMENTS
}
MAX_NAMED: Final = 3


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return a finding for each two manifests of different formats that contradict each other.

    Two locks are a problem: both claim to be exact. With a file that is none it is a warning.
    """
    known = [
        (_COMPARED[found.kind], found.value)
        for found in manifests(reading)
        if found.kind in _COMPARED
    ]
    pairs = itertools.combinations(known, 2)
    return tuple(finding for first, second in pairs for finding in _pair(reading, first, second))


def _pair(
    reading: Reading, first: tuple[Format, str], second: tuple[Format, str]
) -> Iterator[Finding]:
    if first[0] is second[0]:  # variants for other machines differ on purpose
        return
    ours, theirs = pins(reading, first[1], first[0]), pins(reading, second[1], second[0])
    differing = sorted(
        name for name in ours.keys() & theirs.keys() if not ours[name] & theirs[name]
    )
    if not differing:
        return
    said = [
        f"{name} is {_versions(ours[name])} in {place(reading, first[1], name)} and "
        f"{_versions(theirs[name])} in {place(reading, second[1], name)}"
        for name in differing[:MAX_NAMED]
    ]
    more = f", and {len(differing) - MAX_NAMED} more differ" if len(differing) > MAX_NAMED else ""
    both = first[0].is_lock and second[0].is_lock
    decide = "; say in repropack.yaml which one counts: "
    decide += f"`environment: {{lock: {first[1]}}}` or `{{lock: {second[1]}}}`"
    yield Finding(
        kind=DISAGREE,
        value=f"{first[1]} and {second[1]}",
        because="; ".join(said) + more + (decide if both else f"; {first[1]} counts"),
        where=place(reading, second[1], differing[0]),
        severity=Severity.PROBLEM if both else Severity.WARNING,
    )


def _versions(versions: frozenset[str]) -> str:
    return " or ".join(sorted(versions))

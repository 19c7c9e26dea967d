"""Which Python: what the config, pins, ranges and the commit's date leave, the best first.

Owns: the order of the candidates, and the contradictions between what says them. Does not own:
finding what says them (`detectors.python`), and which candidate the packages fit (`plan`). Pure.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Final

from repropack.config import Config
from repropack.detectors import python
from repropack.errors import PlanError
from repropack.findings import Choice, Finding, Severity
from repropack.tables import SUITES, python_releases

# Without a date: those that a Debian base has, by how well tested.
PREFERRED: Final = ("3.11", "3.13", "3.9")
PATCH: Final = "python.patch"
MATURE_DAYS: Final = 270  # most compiled packages have wheels for a new Python by then
MINORS: Final = tuple(f"3.{minor}" for minor in range(6, 30))


def candidates(
    config: Config, findings: tuple[Finding, ...], commit_time_s: int | None
) -> tuple[tuple[Choice, ...], tuple[Finding, ...]]:
    """The config's version, else a pin, else all that the ranges allow; and what contradicts it."""
    pins = [finding for finding in findings if finding.kind == python.PIN]
    ranges = [finding for finding in findings if finding.kind == python.RANGE]
    if config.environment.python:
        because = "environment.python in repropack.yaml"
        chosen = Choice(value=config.environment.python, because=because)
    elif pins:
        chosen = Choice(value=pins[0].value, because=f"pinned in {pins[0].where}")
    else:
        day = None if commit_time_s is None else day_of(commit_time_s)
        return of_ranges(ranges, day)
    other_pins = [] if config.environment.python else pins[1:]
    return (chosen,), tuple(contradictions(chosen, other_pins, ranges))


def said(config: Config, findings: tuple[Finding, ...]) -> bool:
    """Whether anything in the project says which Python."""
    return config.environment.python is not None or any(
        found.kind == python.PIN or (found.kind == python.RANGE and minors_in(found.value))
        for found in findings
    )


def day_of(time_s: int) -> datetime.date:
    """The day of a time, in UTC."""
    return datetime.datetime.fromtimestamp(time_s, datetime.UTC).date()


def contradictions(chosen: Choice, pins: list[Finding], ranges: list[Finding]) -> Iterator[Finding]:
    """Pins of another minor version, and ranges that exclude the chosen one."""
    for found in (*pins, *ranges):
        asked = minor_of(chosen.value)
        pinned = found.kind == python.PIN
        if asked == minor_of(found.value) if pinned else asked in minors_in(found.value):
            continue
        what = f"pins {found.value}" if pinned else f"allows only {found.value}"
        yield Finding(
            kind="python.conflict",
            value=chosen.value,
            because=f"{chosen.because}, but {found.where} {what}",
            where=found.where,
            severity=Severity.WARNING,
        )


def of_ranges(
    ranges: list[Finding], day: datetime.date | None
) -> tuple[tuple[Choice, ...], tuple[Finding, ...]]:
    """What all ranges allow; where they contradict each other, the first counts."""
    sensible = [found for found in ranges if minors_in(found.value)]
    if not sensible:
        why = "nothing in the repository says which"
        return ordered(tuple(python_releases()), why, day), ()
    allowed = minors_in(sensible[0].value)
    kept, doubts = [sensible[0]], []
    for found in sensible[1:]:
        both = tuple(minor for minor in allowed if minor in minors_in(found.value))
        if both:
            kept, allowed = [*kept, found] if both != allowed else kept, both
        else:
            because = f"{found.where} allows only {found.value}, {kept[0].where} {kept[0].value}"
            doubts.append(conflict(found, because))
    said = " and ".join(f"`{found.value}` in {found.where}" for found in kept)
    why = f"{said} allow{'' if len(kept) > 1 else 's'} it"
    return ordered(allowed, why, day), tuple(doubts)


def conflict(found: Finding, because: str) -> Finding:
    """Two places that cannot both be right."""
    return Finding(
        kind="python.conflict",
        value=found.value,
        because=because,
        where=found.where,
        severity=Severity.WARNING,
    )


def ordered(minors: tuple[str, ...], why: str, day: datetime.date | None) -> tuple[Choice, ...]:
    """Candidates, best first: what was new but settled on that day, then older, then newer ones.

    Of the two newest that were settled, one that a Debian release has comes first: a base with it
    can be made without any registry.
    """
    released = python_releases()
    if day is None:
        best: list[str] = [minor for minor in PREFERRED if minor in minors]
        rest = [minor for minor in minors if minor not in best]
    else:
        oldest_first = [m for m in minors if m in released and months(released[m], day) is not None]
        settled = oldest_first[::-1]
        best = sorted(settled[:2], key=lambda minor: minor not in SUITES) + settled[2:]
        rest = [minor for minor in minors if minor not in best]
    chosen = [*best, *rest]
    return tuple(Choice(value=minor, because=f"{why}; {reason(minor, day)}") for minor in chosen)


def reason(minor: str, day: datetime.date | None) -> str:
    """Why this one of several."""
    base = f"Debian {SUITES[minor]} has it" if minor in SUITES else ""
    released = python_releases().get(minor)
    age = None if day is None or released is None else months(released, day)
    if age is not None:
        came = f"it came out {age} months before the commit ({day})"
        return f"{came}, and {base}" if base else came
    if day is not None and released is not None and released > day:
        return f"it came out after the commit ({day})"
    return base or "it is the lowest"


def months(released: datetime.date, day: datetime.date) -> int | None:
    """How many months a version was out on a day; None if it was not settled yet."""
    days = (day - released).days
    return None if days < MATURE_DAYS else round(days * 12 / 365)


def minor_of(version: str) -> str:
    """A version of Python without its patch version."""
    return ".".join(version.split(".")[:2])


def minors_in(specifier: str) -> tuple[str, ...]:
    """The minor versions of which some release satisfies the specifier; all for a bad one."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return MINORS
    return tuple(
        minor
        for minor in MINORS
        if any(wanted.contains(f"{minor}.{micro}") for micro in range(0, 30))
    )


def without_patch(python: Choice) -> Choice:
    """The choice of a Python as a minor version: `3.11.4` is `3.11`. Raises `PlanError`."""
    if not re.fullmatch(r"3\.[0-9]+(\.[0-9]+)?", python.value):
        raise PlanError(f"{python.value!r} is not a Python version ({python.because})")
    return Choice(value=minor_of(python.value), because=python.because)

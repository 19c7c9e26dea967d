"""What in conda's files stands in the way on Linux: another system's packages, a broken file.

Owns: the findings. Does not own: the files' syntax (`condafile`), which one counts (`inspection`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Final

from repropack.condafile import (
    PLATFORM,
    CondaFile,
    foreign_specs,
    foreign_subdirs,
    read_environment,
    read_explicit,
    read_list,
)
from repropack.detectors.dependencies import manifests, table
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where
from repropack.formats import Format

FOREIGN: Final = "conda.foreign"
UNREADABLE: Final = "conda.unreadable"
UNLOCKED: Final = "conda.unlocked"
_MOST: Final = 3
_LOCKED_FOR: Final = {
    # conda-lock lists its platforms at its head, pixi below each environment's packages.
    Format.CONDA_LOCK: re.compile(r"^  platforms:\n((?:  - \S+\n)+)", re.M),
    Format.PIXI_LOCK: re.compile(r"^ {6}([a-z]+-[a-z0-9]+):$", re.M),
}


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return a problem for each conda file of the project that no Linux image can be made from.

    Where another manifest is used instead, inspection makes it a remark.
    """
    readers = {
        Format.CONDA: _environment,
        Format.CONDA_LIST: _environment,
        Format.CONDA_EXPLICIT: _explicit,
        Format.CONDA_LOCK: _lock,
        Format.PIXI_LOCK: _lock,
    }
    found: list[Finding] = []
    for manifest in manifests(reading):
        format = next((f for f in readers if manifest.kind.endswith("." + f.name.lower())), None)
        if format is not None:
            text = reading.text(manifest.value) or ""
            found += readers[format](text, manifest.value, format)
    return (*found, *_unlocked(reading, others=bool(manifests(reading))))


def _unlocked(reading: Reading, *, others: bool) -> Iterator[Finding]:
    """A pixi project without its lock: only pixi knows what it asks for."""
    tables = {
        "pixi.toml": reading.toml("pixi.toml") if reading.has("pixi.toml") else {},
        "pyproject.toml": table(reading.toml("pyproject.toml"), "tool", "pixi"),
    }
    for path, asked in tables.items():
        if not asked or reading.has("pixi.lock"):
            continue
        because = "a pixi project without pixi.lock: run `pixi lock` and commit the result"
        found = _problem(UNLOCKED, path, because, Where(path=path))
        yield dataclasses.replace(found, severity=Severity.WARNING) if others else found


def _environment(text: str, path: str, format: Format) -> Iterator[Finding]:
    try:
        file = read_list(text) if format is Format.CONDA_LIST else read_environment(text)
    except ValueError as error:
        yield _problem(UNREADABLE, path, f"{path} cannot be read: {error}", Where(path=path))
        return
    yield from _foreign(file, path)


def _foreign(file: CondaFile, path: str) -> Iterator[Finding]:
    """One finding for each other system, at its first package."""
    found: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    for item, system in foreign_specs(file):
        found.setdefault(system, []).append(item.name)
        lines.setdefault(system, item.line)
    for system, names in found.items():
        more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        because = (
            f"{', '.join(names[:_MOST])}{more}: packages that {system} alone has; export it again "
            "with `conda env export --from-history`, or lock for Linux"
        )
        yield _problem(FOREIGN, f"{path} is for {system}", because, _where(path, lines[system]))


def _explicit(text: str, path: str, format: Format) -> Iterator[Finding]:
    try:
        addresses = read_explicit(text)
    except ValueError as error:
        yield _problem(UNREADABLE, path, f"{path} cannot be read: {error}", Where(path=path))
        return
    for subdir, line in list(foreign_subdirs(addresses).items())[:1]:
        because = (
            f"the list is for {subdir}, and its packages run nowhere else: write it on Linux "
            "(`conda list --explicit --md5`), or give an environment.yml"
        )
        yield _problem(FOREIGN, f"{path} is for {subdir}", because, _where(path, line))


def _lock(text: str, path: str, format: Format) -> Iterator[Finding]:
    matches = list(_LOCKED_FOR[format].finditer(text))
    platforms = {word for match in matches for word in match[1].split() if word != "-"}
    if not platforms or PLATFORM in platforms:
        return
    command = "conda-lock -p linux-64" if format is Format.CONDA_LOCK else "pixi workspace platform"
    because = (
        f"it is locked for {', '.join(sorted(platforms))} and not for {PLATFORM}: add it "
        f"(`{command}{' add linux-64' if format is Format.PIXI_LOCK else ''}`) and lock again"
    )
    line = text.count("\n", 0, matches[0].start(1)) + 1
    yield _problem(FOREIGN, f"{path} is for {min(platforms)}", because, _where(path, line))


def _where(path: str, line: int) -> Where:
    return Where(path=path, line=line)


def _problem(kind: str, value: str, because: str, where: Where) -> Finding:
    return Finding(kind=kind, value=value, because=because, where=where, severity=Severity.PROBLEM)

"""The versions that a manifest pins, read lightly: names, versions, and where each stands.

Owns: enough to compare manifests with one another. Does not own: reading them (`environment`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from repropack.detectors.reading import Reading
from repropack.findings import Where
from repropack.formats import Format

_PINNED: Final = re.compile(
    r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([A-Za-z0-9][\w.!+-]*)", re.M
)
_ASKED: Final = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)", re.M)
_NAME: Final = re.compile(r"[-_.]+")
_TOML_LOCKS: Final = (Format.UV, Format.POETRY, Format.PDM, Format.PYLOCK)

Pins = Mapping[str, frozenset[str]]


def normalise(name: str) -> str:
    """A distribution's name as PEP 503 spells it."""
    return _NAME.sub("-", name).lower()


def pins(reading: Reading, path: str, format: Format) -> Pins:
    """Name → the versions that the file pins, without their local parts."""
    found: dict[str, set[str]] = {}
    for name, version in _pairs(reading, path, format):
        found.setdefault(normalise(name), set()).add(version.partition("+")[0])
    return {name: frozenset(versions) for name, versions in found.items()}


def _pairs(reading: Reading, path: str, format: Format) -> Iterator[tuple[str, str]]:
    if format in _TOML_LOCKS:
        data = reading.toml(path)
        packages = data.get("packages" if format is Format.PYLOCK else "package")
        yield from _named(packages)
    elif format is Format.PIPFILE_LOCK:
        yield from _pipfile(reading.text(path) or "")
    else:
        yield from _PINNED.findall(reading.text(path) or "")


def _named(packages: Any) -> Iterator[tuple[str, str]]:
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, dict):
            name, version = package.get("name"), package.get("version")
            if isinstance(name, str) and isinstance(version, str):
                yield name, version


def _pipfile(text: str) -> Iterator[tuple[str, str]]:
    try:
        default = json.loads(text).get("default", {})
    except (ValueError, AttributeError, RecursionError):
        return
    for name, entry in default.items() if isinstance(default, dict) else ():
        version = entry.get("version") if isinstance(entry, dict) else None
        if isinstance(version, str) and version.startswith("=="):
            yield name, version.lstrip("=")


def place(reading: Reading, path: str, name: str) -> Where:
    """Where a package stands in a file: the first line that names it as a whole word."""
    spelled = re.escape(name).replace("\\-", "[-_.]+")
    text = reading.text(path) or ""
    pattern = (
        rf"""(?im)^(?:\s*name\s*=\s*["']{spelled}["']|\s*["']?{spelled}["']?\s*(?:[=:\[;<>~!]|$))"""
    )
    match = re.search(pattern, text)
    return Where(path=path, line=None if match is None else text.count("\n", 0, match.end()) + 1)


def asked_names(text: str) -> Iterator[str]:
    """The names at the beginnings of lines of a requirements file."""
    yield from (normalise(name) for name in _ASKED.findall(text))

"""Debian packages that the project asks for: `apt.txt`, as repo2docker reads it."""

from __future__ import annotations

import re
from typing import Final

from repropack.detectors.dependencies import BINDERS
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Severity, Where

APT: Final = "system.apt"
INVALID: Final = "system.invalid"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+")  # Debian policy 5.6.1


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return each package with its line; what is no package's name is a warning."""
    places = [f"{directory}apt.txt" for directory in (*BINDERS, "")]
    path = next((place for place in places if reading.has(place)), None)
    found = []
    for number, raw in enumerate((reading.text(path) or "").splitlines() if path else (), 1):
        where = Where(path=path or "", line=number)
        for word in raw.partition("#")[0].split():
            found.append(_finding(word, where))
    return tuple(found)


def _finding(word: str, where: Where) -> Finding:
    if _NAME.fullmatch(word):
        return Finding(kind=APT, value=word, because=f"{where} asks for it", where=where)
    return Finding(
        kind=INVALID,
        value=word,
        because=f"{where}: this is not the name of a Debian package; it is left out",
        where=where,
        severity=Severity.WARNING,
    )

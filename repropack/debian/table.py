"""The table of `data/debian.json` as frozen values, read when it is first asked for.

Owns: reading the file. Does not own: what follows from it (`needs`), or whether the names exist
(`tools/debian_names.py` asks the package indexes).
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent.parent / "data" / "debian.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What distributions of these exact names need: to run, and to be built from source.

    It holds for versions from `oldest` on and below `below`, unless one of `unless` is installed
    too. With `hint` only some uses need it.
    """

    names: tuple[str, ...]
    run: tuple[str, ...]
    build: tuple[str, ...]
    why: str
    oldest: str | None = None
    below: str | None = None
    unless: tuple[str, ...] = ()
    hint: bool = False

    def holds(self, version: str) -> bool:
        """Whether the row is for this version; a version that nobody can compare is newer."""
        return (self.oldest is None or key(version) >= key(self.oldest)) and (
            self.below is None or key(version) < key(self.below)
        )


def key(version: str) -> tuple[bool, tuple[int, ...]]:
    """The numbers of a version, for comparing."""
    from packaging.version import InvalidVersion, Version

    try:
        return False, Version(version).release
    except InvalidVersion:
        return True, ()


@functools.cache
def content() -> dict[str, Any]:
    """The table as it stands in its file. Treat it as read-only."""
    data: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return data


@functools.cache
def rows() -> tuple[Row, ...]:
    """Every row, in the file's order."""
    return tuple(
        Row(
            names=tuple(row["match"]),
            run=tuple(row.get("run", ())),
            build=tuple(row.get("build", ())),
            why=row["why"],
            oldest=row.get("from"),
            below=row.get("below"),
            unless=tuple(row.get("unless", ())),
            hint=bool(row.get("hint")),
        )
        for row in content()["packages"]
    )


@functools.cache
def by_name() -> dict[str, tuple[Row, ...]]:
    """The rows of each distribution."""
    found: dict[str, tuple[Row, ...]] = {}
    for row in rows():
        for name in row.names:
            found[name] = (*found.get(name, ()), row)
    return found


def compilers() -> tuple[str, ...]:
    """What every build from source needs."""
    return tuple(content()["compile"])


def name_in(suite: str, package: str) -> str | None:
    """What a package is called in a suite; None if the suite is known to have none."""
    names: dict[str, str | None] = content()["names"].get(package, {})
    return names.get(suite, package)


def stamp() -> str:
    """How a reason names the table."""
    return f"debian table of {content()['date']}"

"""Which .deb a base is made of: name, version, architecture and hash of each.

Owns: the record's text (a line for each package, tabs between its fields), reading it and dpkg's
own list, what a .deb's file is called, what differs between two. Does not own: writing it into a
base (`templates/base.sh`), the files (`engines.debs`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

DEBS_FILE = "usr/share/repropack/debs.tsv"
"""Where a base that was made of packages has its record."""
STATUS_FILE = "var/lib/dpkg/status"
UNKNOWN = "unknown"
#: What becomes a part of a file's name: by Debian's policy, and without a slash.
_SHAPES = tuple(
    re.compile(shape)
    for shape in (
        r"[a-z0-9][a-z0-9.+-]*",
        r"[A-Za-z0-9.+:~-]+",
        r"[a-z0-9-]+",
        rf"[0-9a-f]{{64}}|{UNKNOWN}",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Deb:
    """One package. `sha256` is that of the .deb, or `unknown`."""

    name: str
    version: str
    architecture: str
    sha256: str = UNKNOWN

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def filename(self) -> str:
        """As apt calls the file: an epoch's colon is written as `%3a`."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"


def parse_debs(text: str) -> tuple[Deb, ...]:
    """The record of a base. Raises `ValueError` for a line that is none."""
    found = []
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) != 4 or not all(map(re.Pattern.fullmatch, _SHAPES, fields)):
            raise ValueError(f"not a line of {DEBS_FILE}: {line[:80]!r}")
        name, version, architecture, sha256 = fields
        found.append(Deb(name=name, version=version, architecture=architecture, sha256=sha256))
    return tuple(sorted(found))


def all_known(debs: Sequence[Deb]) -> bool:
    """Whether there are packages, and the hash of each is known: the base can be made again."""
    return bool(debs) and all(deb.sha256 != UNKNOWN for deb in debs)


def debs_text(debs: Sequence[Deb]) -> str:
    """The record as text."""
    rows = ((deb.name, deb.version, deb.architecture, deb.sha256) for deb in sorted(debs))
    return "".join("\t".join(row) + "\n" for row in rows)


def parse_status(text: str) -> tuple[Deb, ...]:
    """What dpkg says is installed: versions without hashes, for a base that was pulled."""
    found = []
    for paragraph in text.split("\n\n"):
        fields = dict(field for field in map(_field, paragraph.splitlines()) if field)
        if fields.get("Status", "").endswith(" installed") and "Package" in fields:
            found.append(
                Deb(
                    name=fields["Package"],
                    version=fields.get("Version", UNKNOWN),
                    architecture=fields.get("Architecture", UNKNOWN),
                )
            )
    return tuple(sorted(found))


def _field(line: str) -> tuple[str, str] | None:
    name, found, value = line.partition(": ")
    return (name, value.strip()) if found and not line.startswith(" ") else None


def differences(recorded: Sequence[Deb], here: Sequence[Deb]) -> tuple[str, ...]:
    """What two bases do not share, a line for each package; () when they are the same."""
    return tuple(_differences(_by_name(recorded), _by_name(here)))


def _differences(
    recorded: dict[tuple[str, str], Deb], here: dict[tuple[str, str], Deb]
) -> Iterator[str]:
    for key in sorted({*recorded, *here}):
        theirs, ours = recorded.get(key), here.get(key)
        if theirs is None or ours is None:
            yield f"{ours} is added" if theirs is None else f"{theirs} is missing"
        elif theirs.version != ours.version:
            yield f"{theirs} is {ours.version} here"
        elif UNKNOWN not in (theirs.sha256, ours.sha256) and theirs.sha256 != ours.sha256:
            yield f"{theirs} is another file here, of the same version"


def _by_name(debs: Sequence[Deb]) -> dict[tuple[str, str], Deb]:
    """By name and architecture: a foreign architecture's package is one of its own."""
    return {(deb.name, deb.architecture): deb for deb in debs}

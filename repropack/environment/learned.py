"""What a build of the project said that it needs, where the project's files compute that.

Owns: these requirements as a manifest. Does not own: the build (`building.learning`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser

from repropack.environment.groups import Offer, choose
from repropack.environment.manifest import Manifest
from repropack.environment.model import normalise
from repropack.environment.parts import Selection
from repropack.environment.requirements import Line
from repropack.findings import Finding, Severity, Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """Core metadata of a build: `requires` as they stand there, and the extras that they name."""

    requires: tuple[str, ...]
    extras: tuple[str, ...]
    because: str

    @classmethod
    def of(cls, metadata: str, because: str) -> Learned:
        """From the text of a METADATA file."""
        said = HeaderParser().parsestr(metadata)
        return cls(
            requires=tuple(map(str, said.get_all("Requires-Dist", []))),
            extras=tuple(map(str, said.get_all("Provides-Extra", []))),
            because=because,
        )

    def manifest(self, path: str, selection: Selection) -> Manifest:
        """The same as a manifest, of the extras that are selected. Raises `InvalidError`."""
        parts = choose(Offer(path=path, main="install_requires", extras=self.extras), selection)
        where = Where(path=path)
        told = Finding(
            kind="environment.executed",
            value=path,
            because=self.because,
            where=where,
            severity=Severity.WARNING,
        )
        return Manifest(
            path=path,
            lines=tuple(
                Line(text=text, hashes=(), where=where) for text in self._texts(parts.extra_names)
            ),
            findings=(told, *parts.findings),
            parts=parts,
        )

    def _texts(self, extras: tuple[str, ...]) -> Iterator[str]:
        """The requirements of these extras too; what an extra's marker says of it is settled."""
        from repropack.environment.target import EXTRA, settled

        taken = frozenset(map(normalise, extras))
        for text in self.requires:
            head, semicolon, marker = text.partition(";")
            marker = EXTRA.sub(lambda match: settled(match, taken), marker)
            yield f"{head.strip()} ;{marker}" if semicolon else text.strip()

"""What is to be fetched, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repropack.footprint.following import size
from repropack.retrieval.addresses import shown

_PIECE = 1 << 20
#: What a Git blob's id is called here: SHA-1 of a line with the size, and the content.
GIT = "git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hash:
    """What a file's content must have: `sha256`, `md5`, or `git` for the id of a Git blob."""

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One file: its path below its dataset, where it can be had, and what is known of it."""

    name: str
    urls: tuple[str, ...]
    hash: Hash | None = None
    size_bytes: int | None = None

    @property
    def file_name(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    def described(self) -> str:
        """The file for somebody who is to get it by hand."""
        parts = [self.file_name]
        parts += [size(self.size_bytes)] if self.size_bytes is not None else []
        parts += [str(self.hash)] if self.hash else ["of unknown hash"]
        return ", ".join(parts) + " from " + " or ".join(shown(url) for url in self.urls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """A file that is here: where, its SHA-256, and where it came from, without credentials."""

    wanted: Wanted
    path: Path
    sha256: str
    origin: str


class Failed(Exception):
    """One address did not give the file. With `lasting`, asking it again would not help."""

    def __init__(self, reason: str, *, lasting: bool = False, wrong: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting
        self.wrong = wrong


class MissingError(Exception):
    """A file that nobody gave; `reasons` says why, an address each. `wrong`: it was another one."""

    def __init__(self, wanted: Wanted, reasons: tuple[str, ...], *, wrong: bool = False) -> None:
        super().__init__("; ".join(reasons))
        self.wanted = wanted
        self.reasons = reasons
        self.wrong = wrong


def pieces(path: Path) -> Iterator[bytes]:
    """A file's content."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def digests(path: Path, algorithm: str) -> tuple[str, str]:
    """A file's SHA-256 and its hash of that algorithm, read once."""
    sha256 = hashlib.sha256()
    other = hashlib.new("sha1" if algorithm == GIT else algorithm, usedforsecurity=False)
    if algorithm == GIT:
        other.update(b"blob %d\0" % path.stat().st_size)
    for piece in pieces(path):
        sha256.update(piece)
        if algorithm != "sha256":
            other.update(piece)
    found = sha256.hexdigest()
    return found, found if algorithm == "sha256" else other.hexdigest()

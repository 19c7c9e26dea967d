"""What footprints are made of.

Entries are named tuples and no data classes: a dataset has a million of them, and they are made
four times as fast.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

SCHEMA = "repropack.footprint/2"
#: How many names of each kind of difference, or of each kind of problem, are told.
TOLD = 20
#: A size or a time that a format does not record.
UNKNOWN = -1


class Algorithm(StrEnum):
    """What content is hashed with. The values are what users type."""

    BLAKE3 = "blake3"
    SHA256 = "sha256"
    SHA1 = "sha1"
    MD5 = "md5"

    @property
    def length(self) -> int:
        """Bytes of a hash."""
        return {"blake3": 32, "sha256": 32, "sha1": 20, "md5": 16}[self.value]


class Entry(NamedTuple):
    """A file as it was recorded: `hash` is its content's, or `link` is where a link leads."""

    path: bytes
    size_bytes: int = UNKNOWN
    mtime_ns: int = UNKNOWN
    hash: bytes = b""
    link: bytes | None = None


class Found(NamedTuple):
    """A file, a link, an empty directory (`path` ends in `/`), or what cannot be read."""

    path: bytes
    size_bytes: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0
    link: bytes | None = None
    trouble: str = ""


class Run(NamedTuple):
    """Files that follow each other in one directory, which ends in `/` or is empty."""

    directory: bytes
    names: list[bytes]

    def paths(self) -> list[bytes]:
        """Where they are in the dataset."""
        return [self.directory + name for name in self.names]


class Hashed(NamedTuple):
    """What was found, what was recorded of it, and its hash where it was asked for and made."""

    found: Found
    recorded: Entry | None
    hash: bytes
    wanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The head of a footprint."""

    algorithm: Algorithm
    root_hash: str
    n_files: int
    n_bytes: int
    max_mtime_ns: int

    def as_dict(self) -> dict[str, str | int]:
        """The head as JSON, in the order in which it is written."""
        return {
            "schema": SCHEMA,
            "algo": self.algorithm.value,
            "root_hash": self.root_hash,
            "n_files": self.n_files,
            "n_bytes": self.n_bytes,
            "max_mtime_ns": self.max_mtime_ns,
        }


def shown(path: bytes) -> str:
    """A path as a message tells it: one line, whatever bytes it is made of."""
    text = os.fsdecode(path)
    return text if text.isprintable() else repr(path)[2:-1]

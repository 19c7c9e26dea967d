"""Git LFS: files whose blob is only a pointer to the content.

Owns: telling pointers, and reading the content, checked, from the working tree.
Does not own: fetching what is not there (`git lfs pull`, the user's step).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from repropack.footprint.model import Entry, shown
from repropack.footprint.walk import Tree
from repropack.source.text import Unreadable

# A pointer has between 126 bytes and these (one with extensions is longer).
POINTER_BYTES = range(120, 400)
_PIECE_BYTES = 1 << 20
_POINTER = re.compile(
    rb"version https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v1\n"
    rb"(?:ext-\d-[^\n]+\n)*oid sha256:([0-9a-f]{64})\nsize (\d{1,18})\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What a pointer records: SHA-256 in hex and size of the content."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingFile:
    """The content of an LFS file where the working tree has it, by size; checked when read."""

    file: Path
    path: str
    pointer: Pointer

    def pieces(self) -> Iterator[bytes]:
        """The content in pieces of up to 1 MiB.

        Raises Unreadable at the end if it is not what the pointer records.
        """
        digest = hashlib.sha256()
        try:
            with self.file.open("rb") as stream:
                while piece := stream.read(_PIECE_BYTES):
                    digest.update(piece)
                    yield piece
        except OSError as error:
            raise self._differs(error.strerror or "it cannot be read") from error
        if digest.hexdigest() != self.pointer.sha256:
            raise self._differs("its SHA-256 is another")

    def _differs(self, why: str) -> Unreadable:
        return Unreadable(
            f"{self.path} is not the content that Git LFS records for it: {why}",
            hint=f"git lfs fetch && git lfs checkout -- '{self.path}'",
        )


def read_pointer(blob: bytes) -> Pointer | None:
    """The pointer in `blob`, or None where it is an ordinary file."""
    found = _POINTER.fullmatch(blob)
    if found is None:
        return None
    return Pointer(sha256=found[1].decode(), size_bytes=int(found[2]))


def pointers_among(tree: Tree, entries: Iterable[Entry]) -> tuple[str, ...]:
    """Which files of a dataset are pointers, where their content should be."""
    found = []
    for entry in entries:
        if entry.size_bytes in POINTER_BYTES:
            try:
                blob = Path(os.fsdecode(tree.place(entry.path))).read_bytes()
            except OSError:
                continue
            if read_pointer(blob) is not None:
                found.append(shown(entry.path))
    return tuple(found)


def working_file(file: Path, path: str, pointer: Pointer) -> WorkingFile | None:
    """The file of the working tree if it can be the content, judged by its size alone."""
    try:
        usable = not file.is_symlink() and file.is_file()
        usable = usable and file.stat().st_size == pointer.size_bytes
    except OSError:
        usable = False
    return WorkingFile(file=file, path=path, pointer=pointer) if usable else None

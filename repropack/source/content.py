"""Content of a source's entries: from git's objects or, for Git LFS, from the working tree.

Owns: which of the two counts for an entry. Does not own: paths and links (`paths`), text (`text`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from repropack.source.git import Objects
from repropack.source.lfs import (
    POINTER_BYTES,
    Pointer,
    WorkingFile,
    read_pointer,
    working_file,
)
from repropack.source.model import Entry
from repropack.source.names import decode, on_disk


class Content:
    """Reads entries; holds what must live as long as they can be read."""

    __slots__ = ("_ahead", "_objects", "_working_files")

    def __init__(self, objects: Objects, working_files: tuple[WorkingFile, ...]) -> None:
        self._objects = objects
        self._working_files = {each.path: each for each in working_files}
        self._ahead: dict[str, bytes] = {}

    def read(self, entry: Entry) -> bytes:
        """All of one entry's content; for a link, its target."""
        ahead = self._ahead.pop(entry.path, None)
        if ahead is not None:
            return ahead
        return b"".join(b"".join(pieces) for _, pieces in self.stream([entry]))

    def read_ahead(self, entries: Iterable[Entry]) -> None:
        """Keep the content of small files until each is read once: asking for many costs as one."""
        ordinary = [entry for entry in entries if entry.path not in self._working_files]
        blobs = self._objects.stream(entry.object_id for entry in ordinary)
        for entry, pieces in zip(ordinary, blobs, strict=True):
            self._ahead[entry.path] = b"".join(pieces)

    def stream(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        """Each entry with its content in pieces of up to 1 MiB; not in the order given.

        Raises SourceError for an object that is missing, Unreadable for an LFS file that changed.
        """
        from_git: list[Entry] = []
        for entry in entries:
            found = self._working_files.get(entry.path)
            if found is None:
                from_git.append(entry)
            else:
                yield entry, found.pieces()
        pieces = self._objects.stream(entry.object_id for entry in from_git)
        yield from zip(from_git, pieces, strict=True)


def complete(
    entries: tuple[Entry, ...], objects: Objects, root: Path
) -> tuple[tuple[Entry, ...], tuple[WorkingFile, ...], tuple[str, ...]]:
    """Entries with their links' targets and their LFS files' sizes.

    Also returns the LFS files that the working tree has, and the paths of those it has not.
    Only links and blobs of a pointer's size are read.
    """
    small = [each for each in entries if each.is_link or each.size_bytes in POINTER_BYTES]
    blobs = objects.stream(each.object_id for each in small)
    read = {each.path: b"".join(pieces) for each, pieces in zip(small, blobs, strict=True)}
    done, present, missing = [], [], []
    for entry in entries:
        blob = read.get(entry.path)
        if entry.is_link and blob is not None:
            entry = replace(entry, link_target=decode(blob))
        elif blob is not None and (pointer := read_pointer(blob)):
            if found := _find(root, entry, pointer):
                present.append(found)
                entry = replace(entry, size_bytes=pointer.size_bytes)
            else:
                missing.append(entry.path)
        done.append(entry)
    return tuple(done), tuple(present), tuple(missing)


def _find(root: Path, entry: Entry, pointer: Pointer) -> WorkingFile | None:
    return working_file(on_disk(root, entry.path), entry.path, pointer)

"""A bundle's directory as a tar: the same bytes each time, read into buffers that are used again.

Owns: what is in it and in which order, its headers (fixed modes, owners and times), and reading the
files. Does not own: how it is packed (`packing`), which links it may hold (`outward`).
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from repropack.bundle import checksums

#: What verifications leave in a bundle's directory.
_LEFT = frozenset({b"reproduction", b"recorded", b".repropack"})
_BLOCK = 512
_RECORD = 20 * _BLOCK
_LONGEST_NAME = 100
_LARGEST_SIZE = 8**11 - 1

Take = Callable[[], bytearray]


class Item(NamedTuple):
    """A file or a link of a bundle, by its path below it."""

    name: bytes
    is_link: bool


def listed(directory: Path) -> list[Item]:
    """Every file and link that an archive has, in the order of their path's bytes."""
    found: list[Item] = []
    root, todo = os.fsencode(directory) + b"/", [b""]
    while todo:
        parent = todo.pop()
        with os.scandir(root + parent) as entries:
            for entry in entries:
                if not parent and entry.name in _LEFT:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    todo.append(parent + entry.name + b"/")
                else:
                    found.append(Item(parent + entry.name, entry.is_symlink()))
    return sorted(found)


def tar_of(directory: Path, top: str, items: list[Item], take: Take) -> Iterator[memoryview]:
    """The tar, in pieces of the buffers that `take` gives; all but the last are full.

    Raises `OSError`, also for a file that changes while it is read.
    """
    time_s = int((directory / checksums.SUMS).stat().st_mtime)
    tar, headers = _Tar(take), Headers(time_s)
    root, above = os.fsencode(directory) + b"/", os.fsencode(top) + b"/"
    yield from tar.add(headers.other(above[:-1], tarfile.DIRTYPE))
    folders: set[bytes] = set()
    for name, is_link in items:
        for folder in _new_folders(name, folders):
            yield from tar.add(headers.other(above + folder, tarfile.DIRTYPE))
        path, full = root + name, above + name
        if is_link:
            goal = os.readlink(path)  # noqa: PTH115 (Path.readlink makes `a/b` of `./a//b`)
            yield from tar.add(headers.other(full, tarfile.SYMTYPE, goal=goal))
        else:
            yield from tar.add_file(path, full, headers)
    yield from tar.end()


class Headers:
    """The headers of a tar whose members are all of one time."""

    def __init__(self, time_s: int) -> None:
        self._time_s = time_s
        plain = [self._by_tarfile(b"", tarfile.REGTYPE, executable=each) for each in (False, True)]
        self._plain = [
            (each, sum(each) - sum(each[124:136]) - sum(each[148:156])) for each in plain
        ]

    def file(self, name: bytes, size: int, *, executable: bool) -> bytes:
        """Of a file: what `tarfile` writes, of which there are many, five times as fast."""
        if len(name) > _LONGEST_NAME or size > _LARGEST_SIZE:
            return self._by_tarfile(name, tarfile.REGTYPE, size=size, executable=executable)
        plain, total = self._plain[executable]
        count = b"%011o\0" % size
        checksum = total + sum(name) + sum(count) + 8 * ord(" ")
        return b"%b%b%b%b%06o\0 %b" % (
            name.ljust(_LONGEST_NAME, b"\0"),
            plain[100:124],
            count,
            plain[136:148],
            checksum,
            plain[156:],
        )

    def _without_name(self, executable: bool) -> tuple[bytes, int]:
        """A file's header, and the sum of what all files' have."""
        header = self._by_tarfile(b"", tarfile.REGTYPE, executable=executable)
        return header, sum(header) - sum(header[124:136]) - sum(header[148:156])

    def other(self, name: bytes, kind: bytes, goal: bytes = b"") -> bytes:
        """Of a directory or a link."""
        return self._by_tarfile(name, kind, goal=goal)

    def _by_tarfile(
        self,
        name: bytes,
        kind: bytes,
        *,
        size: int = 0,
        executable: bool = False,
        goal: bytes = b"",
    ) -> bytes:
        info = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
        info.type, info.size, info.mtime = kind, size, self._time_s
        info.linkname = goal.decode("utf-8", "surrogateescape")
        info.mode = 0o755 if executable or kind == tarfile.DIRTYPE else 0o644
        if kind == tarfile.SYMTYPE:
            info.mode = 0o777
        return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


class _Tar:
    """A tar in buffers, which are used again and again: fresh memory would cost as much time."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._buffer = memoryview(take())
        self._at = 0
        self._written = 0

    def add(self, data: bytes) -> Iterator[memoryview]:
        """A header, or padding."""
        while data:
            if self._at == len(self._buffer):
                yield from self._next()
            piece = data[: len(self._buffer) - self._at]
            self._buffer[self._at : self._at + len(piece)] = piece
            self._at += len(piece)
            data = data[len(piece) :]

    def add_file(self, path: bytes, name: bytes, headers: Headers) -> Iterator[memoryview]:
        """A file with its header. Raises `OSError`."""
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            told = os.fstat(file)
            executable = bool(told.st_mode & 0o100)
            yield from self.add(headers.file(name, told.st_size, executable=executable))
            left = told.st_size
            while left:
                if self._at == len(self._buffer):
                    yield from self._next()
                count = os.readv(file, [self._buffer[self._at : self._at + left]])
                if not count:
                    break
                self._at += count
                left -= count
            if left or os.read(file, 1):
                raise OSError(None, f"{os.fsdecode(path)} changed while it was read")
        finally:
            os.close(file)
        yield from self.add(bytes(-told.st_size % _BLOCK))

    def end(self) -> Iterator[memoryview]:
        """What is left, to a whole record."""
        yield from self.add(bytes(2 * _BLOCK))
        yield from self.add(bytes(-(self._written + self._at) % _RECORD))
        yield self._buffer[: self._at]

    def _next(self) -> Iterator[memoryview]:
        yield self._buffer
        self._written += len(self._buffer)
        self._buffer, self._at = memoryview(self._take()), 0


def _new_folders(name: bytes, known: set[bytes]) -> list[bytes]:
    """The directories above a file that were not named yet, the outermost first."""
    new = []
    parent = name.rpartition(b"/")[0]
    while parent and parent not in known:
        known.add(parent)
        new.append(parent)
        parent = parent.rpartition(b"/")[0]
    return new[::-1]

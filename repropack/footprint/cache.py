"""What was hashed before and has not been touched since: a list beside the user's other caches.

A hash is used again for a file with the same path, size, inode, and times of change: the one that
programs can set back (mtime) and the one that they cannot (ctime). The list is sorted as the tree
is walked, so that neither has to fit into memory. What an interrupted call has hashed is kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from repropack.footprint.model import Algorithm, Found

#: A file that changed this short before it was read may change again within the same tick.
SETTLED_NS = 2_000_000_000
_HEAD = b"repropack.stat-cache/1\n"
#: A path, and the line that tells of it.
_Line = tuple[bytes, bytes]


class StatCache:
    """Asked and told about files in the order of their paths."""

    def __init__(self, directory: Path, root: Path, algorithm: Algorithm) -> None:
        key = hashlib.sha256(algorithm.value.encode() + b"\0" + os.fsencode(root.resolve()))
        self._path = directory / "footprints" / f"{key.hexdigest()[:32]}.stat"
        self._length = algorithm.length
        self._file: IO[bytes] | None = None
        self._old: Iterator[_Line] = iter(())
        self._next: _Line | None = None
        with contextlib.suppress(OSError):
            self._open()
        self._next = next(self._old, None)

    def _open(self) -> None:
        """Take over what an earlier call left, also one that was killed. One call at a time."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        file = part.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            self._old = _lines(self._path)
            return
        before = self._path.with_suffix(".before")
        if part.stat().st_size:
            _join(part, self._path, before)
            before.replace(self._path)
        file.truncate(0)
        file.write(_HEAD)
        self._file = file
        self._old = _lines(self._path)

    def known(self, found: Found) -> bytes:
        """The hash of a file, or nothing."""
        while self._next is not None and self._next[0] < found.path:
            self._next = next(self._old, None)
        if self._next is None or self._next[0] != found.path:
            return b""
        told = lookup((self._next[1],))
        return known(told.get(escaped(found.path)), facts(*found[1:5]), self._length)

    def lines(self, first: bytes, last: bytes) -> tuple[bytes, ...]:
        """What is known of the files between two paths, for `lookup`."""
        told = []
        while self._next is not None and self._next[0] <= last:
            if self._next[0] >= first:
                told.append(self._next[1])
            self._next = next(self._old, None)
        return tuple(told)

    def keep(self, found: Found, content: bytes) -> None:
        """A file and its hash, for the next call."""
        if self._file is not None and is_settled(found.mtime_ns, found.ctime_ns, time.time_ns()):
            self.put(line(escaped(found.path), facts(*found[1:5]), content.hex().encode()))

    def put(self, lines: bytes) -> None:
        """What there is to know of the next files, as `line` tells it."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.write(lines)

    def close(self, *, whole: bool) -> None:
        """Put the new list in the old one's place; one of a part of the tree is joined to it."""
        if self._file is None:
            return
        with contextlib.suppress(OSError), self._file:
            self._file.flush()
            part = self._path.with_suffix(".part")
            if whole:
                part.replace(self._path)
            else:
                before = self._path.with_suffix(".before")
                _join(part, self._path, before)
                before.replace(self._path)
                part.unlink()
        self._file = None


def facts(size_bytes: int, mtime_ns: int, ctime_ns: int, inode: int) -> bytes:
    """What a file must be for its hash to be known."""
    return b"%d %d %d %d" % (size_bytes, mtime_ns, ctime_ns, inode)


def line(name: bytes, told: bytes, content: bytes) -> bytes:
    """A file (its name `escaped`), its facts and its hash in hexadecimal digits."""
    return b"%s %s %s\n" % (name, told, content)


def lookup(lines: Iterable[bytes]) -> dict[bytes, bytes]:
    """What lines tell, by `escaped` path."""
    parts = (line.partition(b" ") for line in lines)
    return {name: told for name, _, told in parts}


def known(told: bytes | None, seen: bytes, length: int) -> bytes:
    """The hash that `lookup` tells of a file with these facts, or nothing."""
    if told is None or not told.startswith(seen + b" "):
        return b""
    with contextlib.suppress(ValueError):
        content = bytes.fromhex(told[len(seen) + 1 :].decode("ascii"))
        return content if len(content) == length else b""
    return b""


def is_settled(mtime_ns: int, ctime_ns: int, now_ns: int) -> bool:
    """Whether a file that changes again would get another time."""
    return max(mtime_ns, ctime_ns) <= now_ns - SETTLED_NS


def escaped(path: bytes) -> bytes:
    """A path as one word."""
    return path.replace(b"%", b"%25").replace(b" ", b"%20").replace(b"\n", b"%0A")


def _unescaped(path: bytes) -> bytes:
    if b"%" not in path:
        return path
    return path.replace(b"%0A", b"\n").replace(b"%20", b" ").replace(b"%25", b"%")


def _lines(path: Path) -> Iterator[_Line]:
    """The lines of a list that is whole line by line; the end of a cut one is left out."""
    try:
        with path.open("rb") as file:
            if file.readline() != _HEAD:
                return
            for line in file:
                name, _, rest = line.partition(b" ")
                if rest.endswith(b"\n") and rest.count(b" ") == 4:
                    yield _unescaped(name), line
    except OSError:
        return


def _join(part: Path, whole: Path, target: Path) -> None:
    """A new list of the beginning, followed by what the old one says of the rest."""
    last = b""
    with target.open("wb") as file:
        file.write(_HEAD)
        for path, told in _lines(part):
            file.write(told)
            last = path
        for path, told in _lines(whole):
            if path > last:
                file.write(told)

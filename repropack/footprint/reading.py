"""The hash of one file, or the reason why there is none.

Owns: the guarantee that a hash is of a file that stood still. Runs in worker processes, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import stat
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from repropack.footprint.model import Algorithm, Found
from repropack.footprint.walk import Tree, reason

#: From here on a file is mapped and hashed by all cores at once; below, that costs more than it
#: gains.
LARGE = 32 << 20
_SLICE = 64 << 20
_LARGEST_SLICE = 1 << 30
#: All cores wait for the last of them at the end of a slice, so it should take a while; but not
#: longer than somebody waits to see that it goes on.
_SLICE_S = 0.1
_PIECE = 1 << 20
CHANGED = "changed while being read"
Advance = Callable[[int], None]
#: Whoever reads a large file holds one place in it. More at once than there are cores gain nothing,
#: and a disk that turns is slow where many are read beside each other.
room: contextlib.AbstractContextManager[object] = contextlib.nullcontext()


class Hasher(Protocol):
    """What hashlib's and BLAKE3's objects have in common."""

    def update(self, data: bytes | memoryview | mmap.mmap, /) -> object:
        """More content."""

    def digest(self) -> bytes:
        """The hash."""


def new_hasher(algorithm: Algorithm, *, threads: int = 1) -> Hasher:
    """An empty hasher. BLAKE3 is the one that can use several threads."""
    if algorithm is Algorithm.BLAKE3:
        from blake3 import blake3

        return blake3(max_threads=threads)
    return hashlib.new(algorithm.value, usedforsecurity=False)


def one_shot(algorithm: Algorithm) -> Callable[[bytes], Hasher]:
    """What makes a hasher of a piece that is the whole of a file."""
    if algorithm is Algorithm.BLAKE3:
        from blake3 import blake3

        return blake3
    return partial(getattr(hashlib, algorithm.value), usedforsecurity=False)


def hash_file(
    tree: Tree,
    found: Found,
    algorithm: Algorithm,
    *,
    advance: Advance,
    threads: int = 1,
    mapped: bool = False,
) -> bytes | str:
    """The hash of a file's content, or why there is none.

    `mapped` is for processes that may die: a mapped file that somebody cuts short ends them.
    """
    try:
        descriptor = tree.open(found.path)
    except OSError as error:
        return reason(error)
    try:
        status = os.fstat(descriptor)
        if not _is(status, found):
            return CHANGED
        return hash_open(
            descriptor, status, algorithm, advance=advance, threads=threads, mapped=mapped
        )
    except OSError as error:
        return reason(error)
    finally:
        os.close(descriptor)


def _is(status: os.stat_result, found: Found) -> bool:
    return (
        status.st_mtime_ns == found.mtime_ns
        and status.st_ctime_ns == found.ctime_ns
        and status.st_size == found.size_bytes
        and status.st_ino == found.inode
        and stat.S_ISREG(status.st_mode)
    )


def hash_open(
    descriptor: int,
    status: os.stat_result,
    algorithm: Algorithm,
    *,
    advance: Advance,
    threads: int = 1,
    mapped: bool = False,
) -> bytes | str:
    """The same for a file that is open, and was `status` before it was read."""
    size_bytes = status.st_size
    large = mapped and size_bytes >= LARGE and algorithm is Algorithm.BLAKE3
    # With more than one thread each hasher starts a pool of its own: dear for a small file.
    hasher = new_hasher(algorithm, threads=threads if large else 1)
    read = _read_mapped if large else _read
    if size_bytes < LARGE:
        done = read(descriptor, size_bytes, hasher, advance)
    else:
        _expect_all(descriptor)
        with room:
            done = read(descriptor, size_bytes, hasher, advance)
    if done != size_bytes or not _stands_still(status, os.fstat(descriptor)):
        return CHANGED
    return hasher.digest()


def _expect_all(descriptor: int) -> None:
    """Tell the system that a file is read from its beginning to its end: it reads further ahead.

    From a disk, 8 GB in pieces that are mapped take three quarters of the time then.
    """
    with contextlib.suppress(AttributeError, OSError):  # macOS has none; some files take none
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)


def _stands_still(before: os.stat_result, after: os.stat_result) -> bool:
    return (
        before.st_mtime_ns == after.st_mtime_ns
        and before.st_ctime_ns == after.st_ctime_ns
        and before.st_size == after.st_size
    )


def _read(descriptor: int, size_bytes: int, hasher: Hasher, advance: Advance) -> int:
    """Read to the end, and one byte further than there should be."""
    done = 0
    while piece := os.read(descriptor, min(_PIECE, max(size_bytes - done, 0) + 1)):
        hasher.update(piece)
        done += len(piece)
        advance(len(piece))
        if done > size_bytes:
            break
    return done


def _read_mapped(descriptor: int, size_bytes: int, hasher: Hasher, advance: Advance) -> int:
    done, most = 0, _SLICE
    while done < size_bytes:
        length = min(most, size_bytes - done)
        began_s = time.monotonic()
        with mmap.mmap(descriptor, length, offset=done, prot=mmap.PROT_READ) as content:
            hasher.update(content)
        done += length
        advance(length)
        quick = time.monotonic() - began_s < _SLICE_S
        most = min(2 * most, _LARGEST_SLICE) if quick else max(most // 2, _SLICE)
    return done

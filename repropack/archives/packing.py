"""A stream in pieces, packed by every core while it is read and written.

Owns: the threads, their order, and how much is in memory: two buffers more than there are threads,
and what became of them. Does not own: what is packed (`tar`), where it goes (`writing`).
"""

from __future__ import annotations

import os
import queue
import zlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

from repropack.retrieval.streams import ahead
from repropack.zstd import Framing

#: Each piece becomes a frame of its own, which decides about the bytes: of a machine's cores they
#: do not tell. Smaller ones pack less well, larger ones want more memory.
PIECE = 12 << 20
#: More would wait for the files to be read.
_MOST_THREADS = 6
_GZIP_LEVEL = 6
#: What larger pieces become is memory that the system gives and takes again each time.
_AT_ONCE = 1 << 16

#: What packs a piece, on any thread: frames, or members, that are one file in a row.
Pack = Callable[[memoryview], list[bytes]]
#: Reads a stream into buffers that it asks for.
Read = Callable[[Callable[[], bytearray]], Iterator[memoryview]]


class _StoppedError(Exception):
    """Nobody wants the rest."""


class _Buffers:
    """So many buffers, which are waited for."""

    def __init__(self, count: int) -> None:
        self._free: queue.SimpleQueue[bytearray | None] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(bytearray(PIECE))  # memory only where something is written

    def take(self) -> bytearray:
        """One that nobody uses."""
        found = self._free.get()
        if found is None:
            raise _StoppedError
        return found

    def give(self, buffer: bytearray) -> None:
        """It can be used again."""
        self._free.put(buffer)

    def stop(self) -> None:
        """Who waits for one need not."""
        self._free.put(None)


def packed(read: Read, pack: Pack) -> Generator[bytes, None, None]:
    """What `read` reads, packed, in its order. Raises what either raises."""
    threads = max(1, min(_MOST_THREADS, os.cpu_count() or 1))
    buffers = _Buffers(threads + 2)
    with ThreadPoolExecutor(threads) as pool:

        def begun() -> Iterator[tuple[Future[list[bytes]], bytearray]]:
            for piece in read(buffers.take):
                buffer = piece.obj
                assert isinstance(buffer, bytearray)
                yield pool.submit(pack, piece), buffer

        with closing(ahead(begun(), at_once=1)) as waiting:
            try:
                for future, buffer in waiting:
                    yield from future.result()
                    buffers.give(buffer)
            finally:
                buffers.stop()


def packer(name: str) -> Pack:
    """What packs an archive of this name."""
    return Framing().pack if name.endswith(".tar.zst") else gzip_member


def gzip_member(data: memoryview) -> list[bytes]:
    """A member of a gzip file, without a name and a time."""
    compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
    pieces = (data[at : at + _AT_ONCE] for at in range(0, len(data), _AT_ONCE))
    return [*map(compressor.compress, pieces), compressor.flush()]

"""What a packed tar holds, read once from front to end; a thread unpacks ahead of who reads.

Owns: what tars are packed with, and reading in small pieces, which cost no fresh memory. What
cannot be read is `DamagedError`. Does not own: what the bytes are (`members`).
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

from repropack.zstd import library

_PIECE = 1 << 16
_AT_ONCE = 16
_AHEAD = 8
#: No header of a member is longer: what says otherwise wants memory.
_MAX_HEADER_BYTES = 64 << 20

Piece = TypeVar("Piece")


class DamagedError(Exception):
    """An archive that cannot be read to its end, or says what no archive should."""


class Whole(Protocol):
    """A file that lies in several, as far as reading it from front to end goes."""

    @property
    def size_bytes(self) -> int:
        """Of all of them."""

    def open(self, mode: str, /) -> IO[bytes]:
        """All of it; the mode is `rb`."""


class Forward:
    """Pieces as a file that is read once, as `tarfile` wants it. Endless headers are refused."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._position = 0
        self.header_bytes = 0

    def tell(self) -> int:
        """How much was read."""
        return self._position

    def seek(self, position: int) -> None:
        """Pass over what is in between."""
        if position < self._position:
            raise DamagedError("it cannot be read twice")
        for _ in self.take(position - self._position):
            pass

    def take(self, size: int) -> Iterator[memoryview]:
        """The next bytes in pieces; fewer at the end."""
        while size > 0 and self._fill():
            piece = self._piece[:size]
            self._piece = self._piece[len(piece) :]
            self._position += len(piece)
            size -= len(piece)
            yield piece

    def read(self, size: int) -> bytes:
        """A header, or a part of one."""
        self.header_bytes += size
        if self.header_bytes > _MAX_HEADER_BYTES:
            raise DamagedError("a header of it is longer than 64 MB")
        return b"".join(self.take(size))

    def drain(self) -> None:
        """To the checksum at the end of what packs it."""
        while self._fill():
            self._piece = memoryview(b"")

    def _fill(self) -> bool:
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._piece = memoryview(piece)
        return True


@contextmanager
def unpacked(archive: Path | Whole, end: str) -> Iterator[Forward]:
    """The tar in an archive whose name ends so."""
    with archive.open("rb") as file, _opened(file, end) as stream:
        pieces = iter(lambda: stream.read(_PIECE), b"")
        with closing(ahead(pieces)) as prepared:
            yield Forward(prepared)


def _opened(file: IO[bytes], end: str) -> Any:
    if end in (".tar.gz", ".tgz"):
        return gzip.GzipFile(fileobj=file)
    if end in (".tar.bz2", ".tbz2", ".tbz"):
        return bz2.BZ2File(file)
    if end in (".tar.xz", ".txz"):
        return lzma.LZMAFile(file)
    if end in (".tar.zst", ".tzst"):
        return zstandard(file)
    return file


def ahead(pieces: Iterator[Piece], *, at_once: int = _AT_ONCE) -> Generator[Piece, None, None]:
    """The same pieces, some of them made before they are asked for: `at_once`, eight times."""
    box: queue.Queue[list[Piece] | BaseException | None] = queue.Queue(_AHEAD)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(pieces, at_once, box.put, stop), daemon=True)
    thread.start()
    try:
        while (item := box.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield from item
    finally:
        stop.set()
        while thread.is_alive():
            with suppress(queue.Empty):  # so that it need not wait for room
                box.get_nowait()
            thread.join(0.001)


def _fill(
    pieces: Iterator[Piece],
    at_once: int,
    put: Callable[[list[Piece] | BaseException | None], None],
    stop: threading.Event,
) -> None:
    batch: list[Piece] = []
    try:
        while batch := list(islice(pieces, at_once)):
            put(batch)
            if stop.is_set():
                break
        put(None)
    except BaseException as error:
        put(error)


def zstandard(file: IO[bytes]) -> Any:
    """What a file holds that zstd packed."""
    zstd = library()

    class Reading(zstd.ZstdFile):  # type: ignore[misc, name-defined]
        """Its errors are of a class of its own."""

        def read(self, size: int = -1) -> bytes:
            """More of it."""
            try:
                piece: bytes = super().read(size)
            except zstd.ZstdError as error:
                raise DamagedError(str(error)) from error
            return piece

    return Reading(file)

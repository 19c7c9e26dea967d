"""The two ways in which an image's archive is packed: each part by itself, in any order.

Owns: which way a file's name says. Does not own: zstd (`zstd`), the archive (`carried`).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from repropack.zstd import Packer, library

_LEVEL = 6
_PIECE = 1 << 20


class Packs(Protocol):
    """Bytes in, packed bytes out; what is packed after `end` can be read by itself."""

    def pack(self, data: bytes) -> bytes:
        """What is ready of it."""

    def end(self) -> bytes:
        """The rest of what was begun."""


class GzipPacker:
    """gzip, without a time: members in a row are one file."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(_LEVEL, wbits=31)

    def pack(self, data: bytes) -> bytes:
        """What is ready of it."""
        return self._compressor.compress(data)

    def end(self) -> bytes:
        """The rest of the member."""
        packed = self._compressor.flush()
        self._compressor = zlib.compressobj(_LEVEL, wbits=31)
        return packed


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """A way to pack. `end` is how the names of its files end."""

    end: str
    packer: Callable[[], Packs]
    unpack: Callable[[bytes], bytes]


#: What every engine and every machine reads.
GZIP = Packing(end=".tar.gz", packer=GzipPacker, unpack=gzip.decompress)
#: Smaller, and read sooner, where somebody can.
ZSTD = Packing(end=".tar.zst", packer=Packer, unpack=lambda data: bytes(library().decompress(data)))


def packing_of(path: Path) -> Packing:
    """The one that a file's name says."""
    return GZIP if path.name.endswith(GZIP.end) else ZSTD


def plain(file: IO[bytes]) -> Iterator[bytes]:
    """The content; a layer that an engine keeps packed by gzip, unpacked."""
    piece = file.read(_PIECE)
    if not piece.startswith(b"\x1f\x8b"):
        while piece:
            yield piece
            piece = file.read(_PIECE)
        return
    unpacker = zlib.decompressobj(wbits=31)
    while piece:
        yield unpacker.decompress(piece)
        piece = file.read(_PIECE)
    yield unpacker.flush()

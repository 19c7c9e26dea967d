"""Zstandard, which Python itself has since 3.14: packing with every core, and reading.

Owns: how it is packed. The bytes do not depend on how many cores a machine has, but on the version
of the library. Does not own: what is packed, or how much of it may be read (`retrieval`).
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from typing import Any

LEVEL = 3
#: Each has some 20 MB of what it packs in memory.
_MOST_WORKERS = 16
#: What larger pieces become is memory that the system gives and takes again each time.
_AT_ONCE = 1 << 16


def library() -> Any:
    """Python's own module, or the same one from the index."""
    own = sys.version_info >= (3, 14)
    return importlib.import_module("compression.zstd" if own else "backports.zstd")


class Framing:
    """Packs frames of their own on any thread, several at once; frames in a row are one file."""

    def __init__(self, level: int = LEVEL) -> None:
        self._level = level
        self._own = threading.local()

    def pack(self, data: memoryview) -> list[bytes]:
        """A frame, in pieces. A thread's compressor is used again, as zstd's own threads do."""
        compressor = self._compressor()
        ends = range(_AT_ONCE, len(data), _AT_ONCE)
        pieces = [compressor.compress(data[end - _AT_ONCE : end]) for end in ends]
        pieces.append(compressor.compress(data[len(ends) * _AT_ONCE :], compressor.FLUSH_FRAME))
        return [piece for piece in pieces if piece]

    def _compressor(self) -> Any:
        try:
            return self._own.compressor
        except AttributeError:
            zstd = library()
            parameter = zstd.CompressionParameter
            options = {parameter.compression_level: self._level, parameter.checksum_flag: 1}
            self._own.compressor = zstd.ZstdCompressor(options=options)
            return self._own.compressor


class Packer:
    """Bytes in, packed bytes out. What is packed after `end` is a frame of its own, and frames in
    a row are one file.
    """

    def __init__(self, level: int = LEVEL) -> None:
        zstd = library()
        self._flush_frame = zstd.ZstdCompressor.FLUSH_FRAME
        parameter = zstd.CompressionParameter
        workers = min(_MOST_WORKERS, os.cpu_count() or 1)
        self._compressor = zstd.ZstdCompressor(
            options={
                parameter.compression_level: level,
                parameter.checksum_flag: 1,
                parameter.nb_workers: max(1, workers),  # 0 would give other bytes
            }
        )

    def pack(self, data: bytes | bytearray | memoryview) -> bytes:
        """What is ready of it."""
        packed: bytes = self._compressor.compress(data)
        return packed

    def end(self) -> bytes:
        """The rest of the frame."""
        packed: bytes = self._compressor.flush(self._flush_frame)
        return packed

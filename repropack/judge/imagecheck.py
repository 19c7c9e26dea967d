"""A saved image against the author's list of its files, both from one stream, told in lines.

Owns: what `judge.pyz image` reads: the list first, then the archive that an engine saves. Does not
own: the comparison (`imagediff`).
"""

import os
import tempfile
import zlib
from typing import BinaryIO, List, Optional, TextIO, Tuple

from repropack.judge.fields import ManifestError
from repropack.judge.imagediff import compare, load, told
from repropack.judge.imagefiles import read_image
from repropack.judge.imagelayers import CHUNK_BYTES, ImageError


def main(stream: BinaryIO, output: TextIO) -> int:
    """Tell how the image is like the authors': 0 if its contents are the same, else 1.

    Raises as `check`.
    """
    scratch = "/out" if os.access("/out", os.W_OK) else None  # a run's volume: larger than /tmp
    same, lines = check(stream, scratch)
    output.write("\n".join(lines) + "\n")
    output.flush()
    return 0 if same else 1


def check(stream: BinaryIO, scratch: Optional[str] = None) -> Tuple[bool, List[str]]:
    """Whether the contents are the same, and lines that tell it.

    Raises `ManifestError` for anything else than a list and an image, and `OSError`.
    """
    try:
        return _check(stream, scratch)
    except ImageError as error:
        raise ManifestError("", str(error)) from None


def _check(stream: BinaryIO, scratch: Optional[str]) -> Tuple[bool, List[str]]:
    with tempfile.TemporaryFile(dir=scratch) as kept:
        rest = _split(stream, kept)
        kept.seek(0)
        with load(kept) as first, read_image(_After(rest, stream), scratch) as other:
            found = compare(first, other)
    return found.same, told(found, "the authors' image")


def _split(stream: BinaryIO, kept: BinaryIO) -> bytes:
    """Copy the list, which is one gzip member; what was read of what follows."""
    member = zlib.decompressobj(31)
    while not member.eof:
        data = stream.read(CHUNK_BYTES)
        if not data:
            raise ImageError("the list of the image's files is cut off")
        try:
            while data and not member.eof:
                member.decompress(data, CHUNK_BYTES)
                ended = member.unused_data if member.eof else member.unconsumed_tail
                kept.write(data[: len(data) - len(ended)])
                data = ended
        except zlib.error as error:
            raise ImageError("this is not a list of an image's files: %s" % error) from None
    return data


class _After:
    """A stream in front of which something was read."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        """At most so many bytes."""
        data, self._head = self._head[:size], self._head[size:]
        return data or self._stream.read(size)

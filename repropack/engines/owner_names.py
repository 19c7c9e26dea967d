"""An image without the names that people have on the machine where it was built.

Docker 20.10 looks up who has user id 1000 there and writes the login name beside the files of that
user. Nothing else of a layer is touched, and where no name stands an image stays the very same.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from typing import Any

_BLOCK = tarfile.BLOCKSIZE
_FIRST_PERSON = 1000  # FIRST_UID of Debian's adduser.conf: below are the system's own
#: Where a header has a number, and the name that belongs to it.
_NUMBERS = ((slice(108, 116), slice(265, 297)), (slice(116, 124), slice(297, 329)))
_SUM = slice(148, 156)
_SIZE = slice(124, 136)


class OwnerNames:
    """Leaves out the names of people; see `engines.passing.Passing`."""

    def __init__(self) -> None:
        self._changed = False

    @property
    def left_out(self) -> str:
        """What is not in the image as it is written; "" where nothing was in it."""
        return "login names of the machine that built it" if self._changed else ""

    def layer(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The tar of a layer."""
        buffer, skip = bytearray(), 0
        for piece in pieces:
            buffer += piece
            at = 0
            while at < len(buffer):
                if skip:
                    step = min(skip, len(buffer) - at)
                    skip -= step
                    at += step
                elif len(buffer) - at < _BLOCK:
                    break
                else:
                    block = bytes(buffer[at : at + _BLOCK])
                    buffer[at : at + _BLOCK] = self._header(block)
                    skip = _content_bytes(block)
                    at += _BLOCK
            yield bytes(buffer[:at])
            del buffer[:at]
        yield bytes(buffer)

    def was(self, digest: str) -> None:
        """The digest of what was written: nothing is kept of it."""

    def config(self, told: dict[str, Any], layers: Sequence[str]) -> bytes | None:
        """The config of these layers; None where it is as it came."""
        if told["rootfs"]["diff_ids"] == list(layers):
            return None
        rootfs = {**told["rootfs"], "diff_ids": list(layers)}
        return json.dumps({**told, "rootfs": rootfs}, separators=(",", ":")).encode()

    def _header(self, block: bytes) -> bytes:
        named = [name for number, name in _NUMBERS if _is_person(block, number, name)]
        if not named:
            return block
        self._changed = True
        new = bytearray(block)
        for name in named:
            new[name] = bytes(32)
        new[_SUM] = b" " * 8
        new[_SUM] = b"%06o\0 " % sum(new)
        return bytes(new)


def _is_person(block: bytes, number: slice, name: slice) -> bool:
    owner: int = tarfile.nti(block[number])  # type: ignore[attr-defined]
    return block[name.start] != 0 and owner >= _FIRST_PERSON


def _content_bytes(block: bytes) -> int:
    """How much of a tar follows a header, filled up to whole blocks. Links have a size and none."""
    if not any(block) or block[156:157] in b"123456":
        return 0
    size_bytes: int = tarfile.nti(block[_SIZE])  # type: ignore[attr-defined]
    return size_bytes + -size_bytes % _BLOCK

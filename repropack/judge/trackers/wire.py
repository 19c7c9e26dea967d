"""Protobuf's wire format: the fields of a message, without a schema.

Source: "Encoding", Protocol Buffers documentation. Does not own: what a field means.
"""

from __future__ import annotations

import struct
from typing import Iterator, NamedTuple, Tuple

from repropack.judge.files import FileProblem

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_CUT = "holds a message that is cut, or is none"


class Field(NamedTuple):
    """A field: its number and kind; an integer as `value`, all else as data[start:end]."""

    number: int
    kind: int
    value: int
    start: int
    end: int


def fields(data: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of the message data[start:end]; FileProblem where it is none."""
    while start < end:
        key, start = varint(data, start, end)
        number, kind = key >> 3, key & 7
        value, begin = 0, start
        if kind == VARINT:
            value, start = varint(data, start, end)
        elif kind == BYTES:
            size, begin = varint(data, start, end)
            start = begin + size
        elif kind in (FIXED32, FIXED64):
            start = begin + (4 if kind == FIXED32 else 8)
        else:
            raise FileProblem(_CUT)
        if start > end or number == 0:
            raise FileProblem(_CUT)
        yield Field(number, kind, value, begin, start)


def varint(data: bytes, start: int, end: int) -> Tuple[int, int]:
    """An integer of seven bits a byte, and where it ends."""
    value = shift = 0
    while start < end and shift < 70:
        byte = data[start]
        start += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, start
        shift += 7
    raise FileProblem(_CUT)


def text(data: bytes, field: Field) -> str:
    """A field of bytes as text."""
    return data[field.start : field.end].decode("utf-8", "replace")


def signed(value: int) -> int:
    """An int64 that was written as an unsigned one."""
    return value - (1 << 64) if value >> 63 else value


def zigzag(value: int) -> int:
    """A sint64: small numbers of either sign are small."""
    return value >> 1 ^ -(value & 1)


def unpacked(form: str, data: bytes, field: Field) -> Tuple[float, ...]:
    """The numbers of a packed or a single field, as `struct` knows their form."""
    size = struct.calcsize("<" + form)
    count, rest = divmod(field.end - field.start, size)
    if rest or not count:
        return ()
    return struct.unpack_from("<%d%s" % (count, form), data, field.start)

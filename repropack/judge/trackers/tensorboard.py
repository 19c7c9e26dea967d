"""TensorBoard's event files: TFRecords of `Event` messages with scalars, of TF 1, TF 2 and torch.

Owns: the framing, and the fields of `event.proto`, `summary.proto` and `tensor.proto` that hold a
scalar. A directory with event files is a run; its files follow one another.
"""

from __future__ import annotations

import os
import re
import struct
from typing import Dict, Iterator, List, Optional, Pattern, Sequence, Tuple

from repropack.judge.files import FileProblem
from repropack.judge.history import At
from repropack.judge.number import Single
from repropack.judge.series import Match
from repropack.judge.trackers import wire
from repropack.judge.trackers.tracked import Names, Tracked

_CHUNK_BYTES = 1 << 20
_MOST_HEADERS = 10000
_LARGEST_BYTES = 64 << 20  # a longer record is passed over: no scalar stands among such images
_SINGLE = struct.Struct("<f")
_HEADER = struct.Struct("<QI")
_EVENT_STEP, _EVENT_SUMMARY, _SUMMARY_VALUE = 2, 5, 1
_TAG, _SIMPLE_VALUE, _TENSOR = 1, 2, 8
_DTYPE, _SHAPE, _CONTENT = 1, 2, 4
_DTYPES = {
    1: "f",
    2: "d",
    3: "i",
    4: "B",
    5: "h",
    6: "b",
    9: "q",
    17: "H",
    19: "e",
    22: "I",
    23: "Q",
}
_LISTS = {5: "f", 6: "d"}  # float_val, double_val
_INTEGER_LISTS = (7, 10)  # int_val, int64_val


def runs(root: str, paths: Sequence[str], key: str, names: Names) -> Iterator[Tracked]:
    """Each directory with event files, with the scalars of the tag."""
    groups: Dict[str, List[str]] = {}
    for path in sorted(paths):
        groups.setdefault(os.path.dirname(path), []).append(path)
    for directory, group in groups.items():
        name = os.path.relpath(directory, root).replace(os.sep, "/")
        yield Tracked(name, (os.path.basename(directory),), _scalars(group, key, names))


def _scalars(paths: Sequence[str], tag: str, names: Names) -> Iterator[Match]:
    found = False
    for path in paths:
        for match in _of_file(path, tag):
            found = True
            yield match
    if not found:
        for path in paths:
            _note_tags(path, names)


def _of_file(path: str, tag: str) -> Iterator[Match]:
    encoded = tag.encode("utf-8", "replace")
    needle = b"\x0a" + _varint(len(encoded)) + encoded
    usual = _usual(needle)
    for data, start, end in _records(path, needle):
        quick = usual.fullmatch(data, start, end)
        if quick:
            step = wire.varint(quick.group(1), 0, 10)[0] if quick.group(1) else 0
            yield Single(_SINGLE.unpack(quick.group(2))[0]), _at(wire.signed(step))
            continue
        for match in _of_event(data, start, end, tag):
            yield match


def _at(step: int) -> At:
    return At("step", step, ("step %d", step))


def _usual(needle: bytes) -> Pattern[bytes]:
    """An event of nothing but a time, a step and one short scalar, as nearly all are."""
    step = rb"(?:\x10([\x80-\xff]{0,9}[\x00-\x7f]))?"
    head = rb"\x09.{8}" + step + rb"\x2a[\x00-\x7f]\x0a[\x00-\x7f]"
    return re.compile(head + re.escape(needle) + rb"\x15(.{4})", re.DOTALL)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _records(path: str, needle: bytes) -> Iterator[Tuple[bytes, int, int]]:
    """Where each record stands that holds `needle`: (data, start, end).

    The checksum of every length is compared, so that a cut or foreign file is told as such.
    """
    known: Dict[bytes, int] = {}  # the same few headers come again and again
    with open(path, "rb") as stream:
        data, at = b"", 0
        while True:
            head = data[at : at + 12]
            length = known.get(head)
            if length is None:
                if len(head) < 12:
                    data, at = data[at:] + stream.read(_CHUNK_BYTES), 0
                    head = data[:12]
                    if not head:
                        return
                length = _length(head)
                if len(known) < _MOST_HEADERS:
                    known[head] = length
            start = at + 12
            end = start + length
            if end + 4 > len(data):
                if length > _LARGEST_BYTES:
                    stream.seek(end + 4 - len(data), os.SEEK_CUR)
                    data, at = b"", 0
                    continue
                data, at = data[at:] + stream.read(max(length + 4, _CHUNK_BYTES)), 0
                start, end = 12, 12 + length
                if end + 4 > len(data):
                    raise FileProblem(_CUT)
            if data.find(needle, start, end) >= 0:
                yield data, start, end
            at = end + 4


_CUT = "ends in the middle of a record: was its writer closed?"


def _length(head: bytes) -> int:
    """The length that a record's header tells; FileProblem if its checksum is wrong."""
    if len(head) < 12:
        raise FileProblem(_CUT)
    length, checksum = _HEADER.unpack(head)
    if _masked_crc(head[:8]) != checksum:
        raise FileProblem("is damaged, or no TensorBoard event file: a checksum is wrong")
    return int(length)


def _masked_crc(data: bytes) -> int:
    """CRC-32C as TFRecord stores it: rotated, with a constant added."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _of_event(data: bytes, start: int, end: int, tag: str) -> Iterator[Match]:
    step, summaries = 0, []
    for field in wire.fields(data, start, end):
        if field.number == _EVENT_STEP and field.kind == wire.VARINT:
            step = wire.signed(field.value)
        elif field.number == _EVENT_SUMMARY and field.kind == wire.BYTES:
            summaries.append(field)
    for summary in summaries:
        for name, value in _values(data, summary):
            token = _scalar(data, value) if name == tag else None
            if token is not None:
                yield token, _at(step)


def _values(data: bytes, summary: wire.Field) -> Iterator[Tuple[str, wire.Field]]:
    """Each value of a summary with its tag."""
    for value in wire.fields(data, summary.start, summary.end):
        if value.number == _SUMMARY_VALUE and value.kind == wire.BYTES:
            inside = wire.fields(data, value.start, value.end)
            yield next((wire.text(data, f) for f in inside if f.number == _TAG), ""), value


def _scalar(data: bytes, value: wire.Field) -> Optional[float]:
    """The number of a value; None if it is an image, a histogram or a longer tensor."""
    for field in wire.fields(data, value.start, value.end):
        if field.number == _SIMPLE_VALUE and field.kind == wire.FIXED32:
            return Single(_SINGLE.unpack_from(data, field.start)[0])
        if field.number == _TENSOR and field.kind == wire.BYTES:
            return _of_tensor(data, field)
    return None


def _of_tensor(data: bytes, tensor: wire.Field) -> Optional[float]:
    form, numbers = "", []  # type: str, List[float]
    for field in wire.fields(data, tensor.start, tensor.end):
        if field.number == _DTYPE and field.kind == wire.VARINT:
            form = _DTYPES.get(field.value, "")
        elif field.number == _CONTENT and form:
            numbers += wire.unpacked(form, data, field)
        elif field.number in _LISTS and field.kind != wire.VARINT:
            numbers += wire.unpacked(_LISTS[field.number], data, field)
        elif field.number in _INTEGER_LISTS:
            numbers += _integers(data, field)
    if len(numbers) != 1:
        return None
    return Single(numbers[0]) if form in ("f", "e") else float(numbers[0])


def _integers(data: bytes, field: wire.Field) -> List[float]:
    if field.kind == wire.VARINT:
        return [wire.signed(field.value)]
    found, at = [], field.start  # type: List[float], int
    while at < field.end and len(found) < 2:
        value, at = wire.varint(data, at, field.end)
        found.append(float(wire.signed(value)))
    return found


def _note_tags(path: str, names: Names) -> None:
    """Remember the tags of scalars, for a hint."""
    for data, start, end in _records(path, b""):
        for field in wire.fields(data, start, end):
            if field.number == _EVENT_SUMMARY and field.kind == wire.BYTES:
                for tag, value in _values(data, field):
                    if _scalar(data, value) is not None:
                        names.add(tag)

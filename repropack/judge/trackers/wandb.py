"""Offline runs of Weights & Biases: `run-ID.wandb`, a LevelDB log of protobuf records.

Owns: the log's blocks, and the fields of `wandb_internal.proto` that hold history and summary.
A key that was logged counts with its whole history; one that stands only in the summary, once.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from repropack.judge import jsonfile
from repropack.judge.files import FileProblem
from repropack.judge.history import At
from repropack.judge.series import Match
from repropack.judge.trackers import wire
from repropack.judge.trackers.tracked import Names, Tracked

_MAGIC = b":W&B"
_BLOCK_BYTES = 32768
_HEADER = struct.Struct("<IHB")  # checksum, length, kind
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_LARGEST_BYTES = 64 << 20
_HISTORY, _SUMMARY, _RUN = 2, 3, 17  # of Record
_STEP = 2  # of HistoryRecord
_KEY, _NESTED_KEY = 1, 2  # of HistoryItem and SummaryItem
_BOOLEAN, _INTEGER, _NUMBER, _TEXT, _JSON, _VALUE_JSON = 4, 5, 6, 7, 8, 16  # the same
_RUN_ID, _DISPLAY_NAME = 1, 8  # of RunRecord


def runs(root: str, paths: Sequence[str], key: str, names: Names) -> Iterator[Tracked]:
    """Each run's log, with the values of the key."""
    for path in sorted(paths):
        run_id, display_name = _names_of_run(path)
        name = run_id or os.path.basename(path)
        yield Tracked(name, (display_name, os.path.basename(os.path.dirname(path))),
                      _values(path, key, names))  # fmt: skip


def _names_of_run(path: str) -> Tuple[str, str]:
    for record in _records(path):
        for field in wire.fields(record, 0, len(record)):
            if field.number == _RUN and field.kind == wire.BYTES:
                found = {
                    inner.number: wire.text(record, inner)
                    for inner in wire.fields(record, field.start, field.end)
                    if inner.number in (_RUN_ID, _DISPLAY_NAME)
                }
                return found.get(_RUN_ID, ""), found.get(_DISPLAY_NAME, "")
    return "", ""


def _values(path: str, key: str, names: Names) -> Iterator[Match]:
    """The key's history, or what the summary holds at the end."""
    logged, summary = False, []  # type: bool, List[Any]
    for record in _records(path):
        for field in wire.fields(record, 0, len(record)):
            if field.kind != wire.BYTES or field.number not in (_HISTORY, _SUMMARY):
                continue
            found = _items(record, field, key, names)
            if field.number == _SUMMARY:
                summary = found or summary
            elif found:
                logged = True
                step = _step(record, field)
                if step is None:
                    yield found[-1], "history"
                else:
                    yield found[-1], At("step", step, ("history, step %d", step))
    if summary and not logged:
        yield summary[-1], "summary"


def _items(record: bytes, field: wire.Field, key: str, names: Names) -> List[Any]:
    """What one record of history or summary has for the key."""
    found = []
    for item in wire.fields(record, field.start, field.end):
        if item.number != 1 or item.kind != wire.BYTES:
            continue
        name, value = _item(record, item)
        names.add(name)
        if name == key:
            found.append(value)
        elif key.startswith(name + "."):  # an older client writes {"val": {"loss": 1}} as JSON
            found += jsonfile.at(value, key[len(name) + 1 :])
    return found


def _step(record: bytes, history: wire.Field) -> Optional[int]:
    for item in wire.fields(record, history.start, history.end):
        if item.number == _STEP and item.kind == wire.BYTES:
            fields = wire.fields(record, item.start, item.end)
            found = (f for f in fields if f.number == 1 and f.kind == wire.VARINT)
            return next((wire.signed(field.value) for field in found), 0)  # 0 is not written
    return None


def _item(record: bytes, item: wire.Field) -> Tuple[str, Any]:
    """A key, with dots between its parts, and its value."""
    key, parts, value = "", [], None  # type: str, List[str], Any
    for field in wire.fields(record, item.start, item.end):
        if field.number == _KEY:
            key = wire.text(record, field)
        elif field.number == _NESTED_KEY:
            parts.append(wire.text(record, field))
        else:
            value = _value(record, field, value)
    return ".".join(parts) if parts else key, value


def _value(record: bytes, field: wire.Field, otherwise: Any) -> Any:
    if field.number == _BOOLEAN:
        return bool(field.value)
    if field.number == _INTEGER:
        return str(wire.zigzag(field.value))
    if field.number == _NUMBER and field.kind == wire.FIXED64:
        return wire.unpacked("d", record, field)[0]
    if field.number == _TEXT:
        return wire.text(record, field)
    if field.number in (_JSON, _VALUE_JSON):
        return jsonfile.parse(wire.text(record, field).encode("utf-8"))
    return otherwise


def _records(path: str) -> Iterator[bytes]:
    """The records of the log, put together; FileProblem if it is damaged."""
    with open(path, "rb") as stream:
        block = stream.read(_BLOCK_BYTES)
        if block[:4] != _MAGIC:
            raise FileProblem("is no log of Weights & Biases")
        parts, begun, at = bytearray(), False, 7
        while block:
            for kind, data in _fragments(block, at):
                if kind in (_FULL, _FIRST):
                    del parts[:]
                    begun = True
                if not begun:
                    raise FileProblem("is damaged: a record has no beginning")
                parts += data
                if len(parts) > _LARGEST_BYTES:
                    raise FileProblem("holds a record of over 64 MiB")
                if kind in (_FULL, _LAST):
                    begun = False
                    yield bytes(parts)
            block, at = stream.read(_BLOCK_BYTES), 0
        if begun:
            raise FileProblem("ends in the middle of a record: was the run finished?")


def _fragments(block: bytes, at: int) -> Iterator[Tuple[int, bytes]]:
    """The pieces of records in one block; its last bytes are padding if no header fits in."""
    while at + _HEADER.size <= len(block):
        checksum, length, kind = _HEADER.unpack_from(block, at)
        if not (checksum or length or kind):
            return
        data = block[at + _HEADER.size : at + _HEADER.size + length]
        if len(data) < length:
            raise FileProblem("ends in the middle of a record: was the run finished?")
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or not _is_intact(checksum, kind, data):
            raise FileProblem("is damaged: a checksum is wrong")
        yield kind, data
        at += _HEADER.size + length


def _is_intact(checksum: int, kind: int, data: bytes) -> bool:
    return zlib.crc32(data, zlib.crc32(bytes([kind]))) & 0xFFFFFFFF == checksum

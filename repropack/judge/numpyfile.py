"""NumPy's `.npy` and `.npz`: numbers out of arrays, without NumPy.

Owns: the format's header and the plain numeric types. Arrays of Python objects are pickles; they
are never opened. Source: "A simple file format for NumPy arrays", numpy.lib.format.
"""

from __future__ import annotations

import ast
import io
import re
import struct
import zipfile
import zlib
from typing import IO, Any, Iterator, List, Tuple

from repropack.judge import files
from repropack.judge.files import FileProblem
from repropack.judge.naming import close_names
from repropack.judge.number import Single
from repropack.judge.series import Match, NothingFound

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 16
_CHUNK = 8192  # numbers
_FORMS = {
    "f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q",
    "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
}  # fmt: skip
_DESCR = re.compile(r"([<>|=])([fiu][1248])")
_KEY = re.compile(r"(?P<name>[^\[\]]*)(?:\[(?P<index>-?\d{1,9}(?:\s*,\s*-?\d{1,9})*)\])?")


def matches(path: str, key: str) -> Iterator[Match]:
    """The numbers of the array that the key names: `acc`, `acc[-1]`, `acc[2, 0]`, `[-1]`."""
    asked = _KEY.fullmatch(key)
    name = asked.group("name").strip() if asked else key
    index = asked.group("index") if asked else None
    wanted = [int(part) for part in index.split(",")] if index else []
    with open(path, "rb") as stream:
        if stream.read(2) == b"PK":
            return iter(_of_archive(path, name, wanted))
        stream.seek(0)
        if name:
            raise FileProblem("is a single array without a name: drop key %s" % name)
        return iter(list(_of_array(stream, wanted)) if wanted else _kept(path))


def _kept(path: str) -> Iterator[Match]:
    with open(path, "rb") as stream:
        for match in _of_array(stream, []):
            yield match


def _of_archive(path: str, name: str, wanted: List[int]) -> Iterator[Match]:
    try:
        with zipfile.ZipFile(path) as archive:
            known = [n[:-4] for n in archive.namelist() if n.endswith(".npy")]
            if not name and len(known) == 1:
                name = known[0]
            if name not in known:
                raise NothingFound("has no array %s%s" % (name, close_names(name, known)))
            with archive.open(name + ".npy") as stream:
                for match in _of_array(stream, wanted):
                    yield match
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FileProblem("is no usable .npz: %s" % files.printable(str(error), 80)) from None


def _of_array(stream: IO[bytes], wanted: List[int]) -> Iterator[Match]:
    form, shape, fortran = _header(stream)
    count = 1
    for size in shape:
        count *= size
    if not wanted and len(shape) > 1 and count > 1:
        raise FileProblem(
            "holds an array of %s: say which number with key [i, j]" % " x ".join(map(str, shape))
        )
    if wanted:
        position = _position(wanted, shape, fortran)
        yield _at(stream, form, position), "[%s]" % ", ".join(map(str, wanted))
        return
    for i, value in enumerate(_numbers(stream, form, count)):
        yield value, ("[%d]", i)


def _header(stream: IO[bytes]) -> Tuple[str, Tuple[int, ...], bool]:
    """The `struct` form of its numbers, its shape, and whether columns come first."""
    start = stream.read(8)
    if len(start) < 8 or start[:6] != _MAGIC:
        raise FileProblem("is no array of NumPy")
    size_form = "<H" if start[6] == 1 else "<I"
    raw = stream.read(struct.calcsize(size_form))
    if len(raw) < struct.calcsize(size_form):
        raise FileProblem("is cut: its header is not whole")
    size = struct.unpack(size_form, raw)[0]
    if size > _LONGEST_HEADER:
        raise FileProblem("is no array of plain numbers: its header is too long")
    try:
        header = ast.literal_eval(stream.read(size).decode("utf-8").strip())
        descr, shape = header["descr"], tuple(header["shape"])
        fortran = header["fortran_order"] is True
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError):
        raise FileProblem("is no array of NumPy: its header cannot be read") from None
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise FileProblem("is no array of NumPy: its shape cannot be read")
    return _form(descr), shape, fortran


def _form(descr: Any) -> str:
    if descr == "|O":
        raise FileProblem("holds Python objects (a pickle), which are not opened")
    match = _DESCR.fullmatch(descr) if isinstance(descr, str) else None
    if match is None:
        raise FileProblem("holds %s, not plain numbers" % files.printable(str(descr), 40))
    order = match.group(1) if match.group(1) in "<>" else "<"
    return order + _FORMS[match.group(2)]


def _position(wanted: List[int], shape: Tuple[int, ...], fortran: bool) -> int:
    """Where the number stands in the file, counted in numbers."""
    inside = len(wanted) == len(shape) and all(-n <= i < n for i, n in zip(wanted, shape))
    if not inside:
        raise FileProblem(
            "holds an array of %s, without [%s]"
            % (" x ".join(map(str, shape)) or "one number", ", ".join(map(str, wanted)))
        )
    pairs = list(zip(wanted, shape))
    position = 0
    for i, size in reversed(pairs) if fortran else pairs:
        position = position * size + i % size
    return position


def _at(stream: IO[bytes], form: str, position: int) -> Any:
    size, left = struct.calcsize(form), position * struct.calcsize(form)
    while left:  # of an archive's member one cannot seek in every Python
        skipped = len(stream.read(min(left, io.DEFAULT_BUFFER_SIZE)))
        if not skipped:
            raise FileProblem(_CUT)
        left -= skipped
    data = stream.read(size)
    if len(data) < size:
        raise FileProblem(_CUT)
    return _token(struct.unpack(form, data)[0], form)


_CUT = "is cut: it has fewer numbers than its header says"


def _numbers(stream: IO[bytes], form: str, count: int) -> Iterator[Any]:
    size = struct.calcsize(form)
    while count:
        now = min(count, _CHUNK)
        data = stream.read(now * size)
        if len(data) < now * size:
            raise FileProblem(_CUT)
        for value in struct.unpack(form[0] + form[1] * now, data):
            yield _token(value, form)
        count -= now


def _token(value: Any, form: str) -> Any:
    if isinstance(value, int):
        return str(value)
    return value if form[1] == "d" else Single(value)

"""Arrays in files: names, shapes and types, out of their headers. Nothing is unpickled.

Sources: numpy.lib.format ("A simple file format for NumPy arrays"); HDF5 is read with h5py.
"""

from __future__ import annotations

import ast
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Final

from repropack.describing.model import Array
from repropack.describing.tables import UnreadableError

NUMPY: Final = (".npy", ".npz")
HDF5: Final = (".h5", ".hdf5", ".hdf", ".he5")
#: Arrays of one file that are told.
MAX_ARRAYS: Final = 200
_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 20


def read_numpy(place: Path, path: str) -> tuple[Array, ...]:
    """The arrays of an .npy or .npz file. Raises `UnreadableError`."""
    try:
        if not path.lower().endswith(".npz"):
            with place.open("rb") as stream:
                return (_header(stream, path, ""),)
        with zipfile.ZipFile(place) as archive:
            found = []
            for name in [n for n in archive.namelist() if n.endswith(".npy")][:MAX_ARRAYS]:
                with archive.open(name) as stream:
                    found.append(_header(stream, path, name.removesuffix(".npy")))
            return tuple(found)
    except (
        *(OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError),
        *(ValueError, SyntaxError, KeyError, TypeError, struct.error, RecursionError, MemoryError),
    ) as error:
        raise UnreadableError(str(error) or type(error).__name__) from error


def _header(stream: IO[bytes], path: str, name: str) -> Array:
    start = stream.read(8)
    if start[:6] != _MAGIC or len(start) < 8:
        raise UnreadableError("it does not begin as an array of NumPy's")
    form = "<H" if start[6] == 1 else "<I"
    (length,) = struct.unpack(form, stream.read(struct.calcsize(form)))
    if length > _LONGEST_HEADER:
        raise UnreadableError("its header has no end")
    text = stream.read(length).decode("latin-1" if start[6] < 3 else "utf-8")
    given = ast.literal_eval(text.strip())
    shape = tuple(int(size) for size in given["shape"])
    return Array(path=path, name=name, shape=shape, dtype=_type(given["descr"]))


def _type(descr: Any) -> str:
    if not isinstance(descr, str):
        return "record of " + ", ".join(str(field[0]) for field in descr)
    if descr.lstrip("<>|=").startswith("O"):
        return "objects (pickled: not looked into)"
    kinds = {"f": "float", "i": "int", "u": "uint", "c": "complex", "b": "bool"}
    kind, size = descr.lstrip("<>|=")[:1], descr.lstrip("<>|=")[1:]
    if kind == "b":
        return "bool"
    return f"{kinds[kind]}{int(size) * 8}" if kind in kinds and size.isdigit() else descr


def read_hdf5(place: Path, path: str) -> tuple[Array, ...]:
    """The datasets of an HDF5 file. Raises `UnreadableError`, and `ImportError` without h5py."""
    import h5py

    found: list[Array] = []

    def visit(name: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            found.append(
                Array(path=path, name=name, shape=tuple(item.shape), dtype=str(item.dtype))
            )
        return True if len(found) >= MAX_ARRAYS else None

    try:
        with h5py.File(place, "r") as file:
            file.visititems(visit)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(str(error).partition("\n")[0]) from error
    return tuple(found)

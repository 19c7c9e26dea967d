"""A bundle's directory as one file, the same bytes each time.

Owns: the tar (sorted, fixed modes, owners and times) and how it is packed. Does not own: parts
(`parts`), what is in a bundle.
"""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from repropack.archives.parts import LIST, Splitting, list_text, sha256_of
from repropack.bundle import checksums
from repropack.errors import BuildError, UsageError
from repropack.marks import scratch
from repropack.retrieval.streams import ahead
from repropack.zstd import Packer

#: What `build --archive` takes; `verify` reads more.
ENDINGS = (".tar.zst", ".tar.gz")
#: What verifications leave in a bundle's directory.
_LEFT = frozenset({"reproduction", "recorded", ".repropack"})
_PIECE = 1 << 20
_BLOCK = 512
_RECORD = 20 * _BLOCK
_GZIP_LEVEL = 6


class Packing(Protocol):
    """What packs a tar."""

    def pack(self, data: bytes | bytearray | memoryview) -> bytes:
        """What is ready of it."""

    def end(self) -> bytes:
        """The rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What was written: the file, or its parts and the list of them."""

    path: Path
    parts: tuple[Path, ...]
    size_bytes: int

    @property
    def list(self) -> Path:
        """The list of its parts."""
        return self.path.with_name(self.path.name + LIST)

    @property
    def is_split(self) -> bool:
        """Whether there are several parts."""
        return self.parts != (self.path,)


class _Gzip:
    """gzip without a name and a time."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)

    def pack(self, data: bytes | bytearray | memoryview) -> bytes:
        """What is ready of it."""
        return self._compressor.compress(data)

    def end(self) -> bytes:
        """The rest."""
        return self._compressor.flush()


def refuse_archive(path: Path, *, force: bool) -> None:
    """Raises `UsageError` for a name that no archive has, or that something else has already."""
    if not path.name.endswith(ENDINGS) or path.name in ENDINGS:
        raise UsageError(
            f"--archive {path}: it is packed as its name says",
            hint=f"let the name end in {' or '.join(ENDINGS)}",
        )
    for there in (path, *_parts_of(path), path.with_name(path.name + LIST)):
        if os.path.lexists(there) and not (force and there.is_file()):
            raise UsageError(
                f"{there} exists already", hint="remove it, name another, or add --force"
            )


def _parts_of(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.[0-9][0-9][0-9]")) if path.parent.is_dir() else []


def write_archive(directory: Path, top: str, path: Path, *, part_bytes: int) -> Archive:
    """Write a bundle as the file `path`, in which everything is below `top`, whole or not at all.

    Where it has more than `part_bytes`, it is in parts of so many. Raises `BuildError`.
    """
    refuse_outward(directory)
    packing: Packing = Packer() if path.name.endswith(".tar.zst") else _Gzip()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch(path.parent, f".{path.name}.", ".tmp") as place:
            parts = Splitting(place, part_bytes)
            try:
                with closing(ahead(_packed(directory, top, packing), at_once=4)) as pieces:
                    for piece in pieces:
                        parts.write(piece)
            finally:
                parts.close()
            return _put(parts.paths, place, path)
    except OSError as error:
        raise BuildError(
            f"cannot write {path}: {error.strerror or error}", hint="is the disk full? try `df -h`"
        ) from error


def _packed(directory: Path, top: str, packing: Packing) -> Iterator[bytes]:
    for data in tar_of(directory, top):
        yield packing.pack(data)
    yield packing.end()


def refuse_outward(directory: Path) -> None:
    """Raises `BuildError` for a link that no reader of a stranger's archive may follow."""
    real = os.path.realpath(directory)
    for path in checksums.walk(directory, skip=_LEFT):
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(real):
            raise BuildError(
                f"{path.relative_to(directory)} leads out of the bundle, to {path.readlink()}: "
                "`verify` refuses an archive with such a link",
                hint="remove the link from the repository, or hand in the directory",
            )


def _put(made: list[Path], place: Path, path: Path) -> Archive:
    """Rename into place; nothing of an older archive stays."""
    older = [path, *_parts_of(path), path.with_name(path.name + LIST)]
    names = [path.name] if len(made) == 1 else [f"{path.name}.{each.name}" for each in made]
    size_bytes = sum(each.stat().st_size for each in made)
    if len(made) > 1:
        sums = {name: sha256_of(each) for name, each in zip(names, made, strict=True)}
        (place / "list").write_text(list_text(path.name, sums), "utf-8")
        made, names = [*made, place / "list"], [*names, path.name + LIST]
    for each in older:
        each.unlink(missing_ok=True)
    for each, name in zip(made, names, strict=True):
        each.replace(path.with_name(name))
    parts = tuple(path.with_name(name) for name in names if not name.endswith(LIST))
    return Archive(path=path, parts=parts, size_bytes=size_bytes)


def tar_of(directory: Path, top: str) -> Iterator[memoryview]:
    """The tar of a bundle, in pieces that are to be used before the next one is asked for."""
    time_s = int((directory / checksums.SUMS).stat().st_mtime)
    tar = _Tar()
    yield from tar.add(_header(top, tarfile.DIRTYPE, time_s))
    folders: set[str] = set()
    for path in checksums.walk(directory, skip=_LEFT):
        name = path.relative_to(directory).as_posix()
        for folder in _new_folders(name, folders):
            yield from tar.add(_header(f"{top}/{folder}", tarfile.DIRTYPE, time_s))
        if path.is_symlink():
            goal = os.readlink(path)  # noqa: PTH115 (Path.readlink makes `a/b` of `./a//b`)
            yield from tar.add(_header(f"{top}/{name}", tarfile.SYMTYPE, time_s, goal=goal))
        else:
            yield from tar.add_file(path, f"{top}/{name}", time_s)
    yield from tar.end()


class _Tar:
    """A tar in one buffer, which is used again and again: fresh memory would cost as much time."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(_PIECE))
        self._at = 0
        self._written = 0

    def add(self, data: bytes) -> Iterator[memoryview]:
        """A header, or padding."""
        if self._at + len(data) > _PIECE:
            yield self._full()
        self._buffer[self._at : self._at + len(data)] = data
        self._at += len(data)

    def add_file(self, path: Path, name: str, time_s: int) -> Iterator[memoryview]:
        """A file with its header. Raises `OSError`."""
        with path.open("rb", buffering=0) as file:
            told = os.fstat(file.fileno())
            left, executable = told.st_size, bool(told.st_mode & 0o100)
            yield from self.add(
                _header(name, tarfile.REGTYPE, time_s, size=left, executable=executable)
            )
            while left:
                if self._at == _PIECE:
                    yield self._full()
                count = file.readinto(self._buffer[self._at : self._at + left])
                if not count:
                    break
                self._at += count
                left -= count
            if left or file.read(1):
                raise OSError(None, f"{path} changed while it was read")
        yield from self.add(bytes(-told.st_size % _BLOCK))

    def end(self) -> Iterator[memoryview]:
        """What is left, to a whole record."""
        yield from self.add(bytes(2 * _BLOCK))
        yield from self.add(bytes(-(self._written + self._at) % _RECORD))
        yield self._full()

    def _full(self) -> memoryview:
        piece = self._buffer[: self._at]
        self._written += self._at
        self._at = 0
        return piece


def _new_folders(name: str, known: set[str]) -> list[str]:
    """The directories above a file that were not named yet, the outermost first."""
    new = []
    parent = name.rpartition("/")[0]
    while parent and parent not in known:
        known.add(parent)
        new.append(parent)
        parent = parent.rpartition("/")[0]
    return new[::-1]


def _header(
    name: str, kind: bytes, time_s: int, *, size: int = 0, executable: bool = False, goal: str = ""
) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime, info.linkname = kind, size, time_s, goal
    info.mode = 0o755 if executable or kind == tarfile.DIRTYPE else 0o644
    if kind == tarfile.SYMTYPE:
        info.mode = 0o777
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")

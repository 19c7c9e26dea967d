"""What is in an archive, one member after the other, read once from front to end.

Owns: zip and tar; what cannot be read is `DamagedError`. Does not own: what tars are packed with
(`streams`), which members are allowed, and writing them (`unpacking`).
"""

from __future__ import annotations

import lzma
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Any, cast

from repropack.retrieval.streams import DamagedError, Forward, Whole, unpacked

#: What follows from the name, the longest first.
ENDS = (
    *(".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tgz", ".tbz2", ".tbz", ".txz", ".tzst"),
    *(".tar", ".zip"),
)
_PIECE = 1 << 20


class Kind(Enum):
    """What a member is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    HARD_LINK = "hard link"
    OTHER = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of them. `goal` is where a link leads; `content` may be used until the next member."""

    name: str
    kind: Kind
    size_bytes: int = 0
    mtime_s: float = 0.0
    goal: str = ""
    executable: bool = False
    content: Callable[[], Iterator[bytes | memoryview]] = lambda: iter(())


def ending(name: str) -> str:
    """What makes a file an archive, by its name; "" for none."""
    return next((end for end in ENDS if name.lower().endswith(end)), "")


@contextmanager
def reading() -> Iterator[None]:
    """What the libraries raise of damaged archives, as one error."""
    try:
        yield
    except DamagedError:
        raise
    except zipfile.BadZipFile as error:
        raise DamagedError(str(error)) from error
    except (NotImplementedError, RuntimeError) as error:
        raise DamagedError(f"it is packed in a way that Python does not read: {error}") from error
    except OSError as error:
        if error.errno is not None and not isinstance(error, tarfile.TarError):
            raise
        raise DamagedError(str(error)) from error
    except (tarfile.TarError, EOFError, lzma.LZMAError, zlib.error, ValueError, KeyError) as error:
        raise DamagedError(str(error) or type(error).__name__) from error
    except (OverflowError, MemoryError, RecursionError) as error:
        raise DamagedError(f"its headers make no sense ({type(error).__name__})") from error


def members(archive: Path | Whole, end: str, n_files: int) -> Iterator[Member]:
    """Every member of an archive of that kind. Raises `DamagedError`."""
    if end == ".zip":
        if not isinstance(archive, Path):
            raise DamagedError("a zip file in parts is not read: join them")
        return _of_zip(archive, n_files)
    return _of_tar(archive, end)


def _of_zip(archive: Path, n_files: int) -> Iterator[Member]:
    with reading():
        opened = zipfile.ZipFile(archive)
    with opened:
        listed = opened.infolist()
        if len(listed) > 2 * n_files:
            raise DamagedError(f"it holds {len(listed)} members")
        for info in listed:
            with reading():
                member = _zip_member(opened, info)
            yield member


def _zip_member(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    if info.flag_bits & 1:
        raise DamagedError(f"{info.filename!r} is encrypted")
    mode = info.external_attr >> 16 if info.create_system == 3 else 0
    kind = Kind.DIRECTORY if info.is_dir() else Kind.FILE
    goal = ""
    if not info.is_dir() and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        kind = Kind.LINK if stat.S_ISLNK(mode) else Kind.OTHER
    if kind is Kind.LINK:
        if info.file_size > 4096:
            raise DamagedError(f"the link {info.filename!r} leads to {info.file_size} bytes")
        with opened.open(info) as file:
            goal = file.read(4097).decode("utf-8", "surrogateescape")
    return Member(
        name=info.filename,
        kind=kind,
        size_bytes=info.file_size,
        mtime_s=_local(info.date_time),
        goal=goal,
        executable=bool(mode & 0o100),
        content=lambda: _content(lambda: opened.open(info)),
    )


def _local(date: tuple[int, ...]) -> float:
    """Zip files hold local times, without saying of where."""
    try:
        return time.mktime((*date, 0, 0, -1))  # type: ignore[arg-type]
    except (OverflowError, ValueError, TypeError):
        return 0.0


def _content(open_file: Callable[[], IO[bytes]]) -> Iterator[bytes]:
    with reading():
        file = open_file()
    with file:
        while True:
            with reading():
                piece = file.read(_PIECE)
            if not piece:
                return
            yield piece


class _Strict(tarfile.TarInfo):
    """Python takes a damaged header, or none, for the end of an archive; here it is damage."""

    @classmethod
    def fromtarfile(cls, tarfile: Any) -> Any:
        """The next header; the end are blocks of zeros."""
        from tarfile import EOFHeaderError, HeaderError  # type: ignore[attr-defined]

        try:
            return super().fromtarfile(tarfile)
        except EOFHeaderError:
            raise
        except HeaderError as error:
            raise DamagedError(f"a header of it is damaged ({error})") from error


def _of_tar(archive: Path | Whole, end: str) -> Iterator[Member]:
    with reading(), unpacked(archive, end) as stream:
        with tarfile.TarFile(fileobj=cast(Any, stream), tarinfo=_Strict) as opened:
            while (info := opened.next()) is not None:
                stream.header_bytes = 0
                cast(Any, opened).members = []  # it would keep a million of them
                yield _tar_member(opened, stream, info)
        stream.drain()


def _tar_member(opened: tarfile.TarFile, stream: Forward, info: tarfile.TarInfo) -> Member:
    kinds = (
        (info.isreg(), Kind.FILE),
        (info.isdir(), Kind.DIRECTORY),
        (info.issym(), Kind.LINK),
        (info.islnk(), Kind.HARD_LINK),
    )
    return Member(
        name=info.name,
        kind=next((kind for fits, kind in kinds if fits), Kind.OTHER),
        size_bytes=info.size if info.isreg() else 0,
        mtime_s=info.mtime,
        goal=info.linkname,
        executable=bool(info.mode & 0o100),
        content=lambda: _tar_content(opened, stream, info),
    )


def _tar_content(
    opened: tarfile.TarFile, stream: Forward, info: tarfile.TarInfo
) -> Iterator[bytes | memoryview]:
    """Straight from what is unpacked; files with holes by way of `tarfile`, which knows these."""
    if info.issparse():
        stream.header_bytes = -info.size
        try:
            yield from _content(lambda: _file_of(opened, info))
        finally:
            stream.header_bytes = 0
        return
    stream.seek(info.offset_data)
    left = info.size
    with reading():
        for piece in stream.take(left):
            left -= len(piece)
            yield piece
    if left:
        raise DamagedError("unexpected end of data")


def _file_of(opened: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = opened.extractfile(info)
    if file is None:
        raise DamagedError(f"{info.name!r} has no content")
    return file

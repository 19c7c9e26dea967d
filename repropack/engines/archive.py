"""Tar streams to and from a container engine: the build context, and what a run wrote.

Owns: writing a directory as a tar stream and unpacking a foreign one safely.
Does not own: talking to the engine.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_CHUNK_BYTES = 1 << 20
# What a name can be wrong with, as opposed to what is wrong with the disk.
_BAD_NAME = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ}


def pack(root: Path, names: Iterable[str], *, owner: int = 0) -> Iterator[bytes]:
    """Yield a tar stream of the files, links and directories `names` below `root`.

    Times are dropped, and everything is `owner`'s (a user id), so equal trees give equal bytes
    (and equal cache keys).
    """
    for name in sorted(names):
        yield from _pack_one(root / name, name, owner)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _pack_one(path: Path, name: str, owner: int) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.uid = info.gid = owner
    status = path.lstat()
    info.mode = status.st_mode & 0o777
    if path.is_symlink():
        info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif path.is_dir():
        info.type = tarfile.DIRTYPE
    elif path.is_file():
        info.size = status.st_size
    else:
        return  # a socket or a device: no builder can use it
    yield info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    if info.isreg():
        yield from _content(path, info.size)


def _content(path: Path, size_bytes: int) -> Iterator[bytes]:
    left = size_bytes
    with path.open("rb") as stream:
        while left and (chunk := stream.read(min(left, _CHUNK_BYTES))):
            left -= len(chunk)
            yield chunk
    if left:
        raise OSError(errno.EIO, "the file shrank while it was read", str(path))
    yield b"\0" * (-size_bytes % tarfile.BLOCKSIZE)


def tree(root: Path) -> Iterator[str]:
    """Yield the path of everything below `root`, relative, links not followed."""
    for directory, directories, files in os.walk(root):
        here = Path(directory).relative_to(root)
        for name in (*directories, *files):
            yield (here / name).as_posix()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """How many files came out of an archive, and the names that were refused."""

    files: int
    skipped: tuple[str, ...] = ()


def unpack(chunks: Iterable[bytes], target: Path) -> Unpacked:
    """Write the regular files of a tar stream below `target`, without the directory it begins with.

    Docker calls that directory by its name, Podman calls it `/`.
    An experiment chose what is in there, so links, devices and names that would leave `target`
    are skipped, and owners, times and special mode bits are not kept.
    Raises `tarfile.TarError` if the stream is cut off, `OSError` if the disk is full.
    """
    files, skipped = 0, []
    with tarfile.open(fileobj=reader(chunks), mode="r|", bufsize=_CHUNK_BYTES) as archive:
        rooted = False
        for number, member in enumerate(archive):
            if member.isdir():
                rooted = rooted or (number == 0 and not member.name)
                continue
            if rooted:
                member.name = f"root/{member.name.lstrip('/')}"
            if _unpack_one(archive, member, target):
                files += 1
            else:
                skipped.append(member.name)
    return Unpacked(files=files, skipped=tuple(skipped))


def first_file(chunks: Iterable[bytes]) -> bytes | None:
    """The content of the first member of a tar stream; `None` if it is no file, or cut off.

    All of the stream is read: an engine may keep its container locked until then.
    """
    data = b"".join(chunks)
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            member = archive.next()
            stream = archive.extractfile(member) if member is not None else None
            return stream.read() if stream is not None else None
    except tarfile.TarError:
        return None


def _unpack_one(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> bool:
    parts = PurePosixPath(member.name).parts[1:]
    if not parts or ".." in parts or member.name.startswith("/") or not member.isreg():
        return False
    content = archive.extractfile(member)
    if content is None:
        return False
    path = target.joinpath(*parts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            shutil.copyfileobj(content, stream, _CHUNK_BYTES)
        path.chmod(0o755 if member.mode & 0o100 else 0o644)
    except OSError as error:
        if error.errno in _BAD_NAME:
            return False
        raise
    return True


def reader(chunks: Iterable[bytes]) -> io.BufferedReader:
    """Byte strings as a file that is read from front to end."""
    return io.BufferedReader(_Chunks(chunks), _CHUNK_BYTES)


class _Chunks(io.RawIOBase):
    """Makes a file of an iterable of byte strings."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            try:
                self._rest = memoryview(next(self._chunks))
            except StopIteration:
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

"""The image of a bundle as one archive: written from what an engine saves, and loaded into another.

The archive is an OCI layout and Docker's own format at once, so that every Docker and Podman loads
it and other tools read it. Small files come first, layers in their order, all times are zero: one
image gives the same bytes, whoever saved it. Each part is packed by itself as it comes from
the engine, so no layer is ever in memory or unpacked on the disk. Loading believes nothing: what
reaches the engine are the files that image.json leads to, in their order, each with its hash.

Owns: the archive. Does not own: what image.json says (`bundle.image`).
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Protocol, cast, runtime_checkable

from repropack.bundle.image import Blob, CarriedImage, digest_of
from repropack.engines.model import Image
from repropack.engines.packing import Packing, packing_of, plain
from repropack.engines.passing import Passing, passed
from repropack.errors import BuildError, IntegrityError
from repropack.marks import scratch
from repropack.retrieval.members import Kind, Member, members
from repropack.retrieval.streams import DamagedError

_PIECE = 1 << 20
_LARGEST_TEXT = 16 << 20
_BLOCK = 512
_MOST_MEMBERS = 1000
_DIRECTORIES = ("blobs/", "blobs/sha256/")  # Apptainer's own reader makes none that is not there


@runtime_checkable
class Carrier(Protocol):
    """What this module needs of an engine."""

    def save(self, image: Image) -> Iterator[bytes]:
        """An image with its tag, as an archive of Docker's format."""

    def load_pieces(self, pieces: Iterable[bytes], name: str) -> None:
        """Take the images of such an archive, which is called `name` where it cannot be."""


def write_image(
    engine: Carrier,
    image: Image,
    path: Path,
    look: Passing | None = None,
    *,
    name: str | None = None,
) -> CarriedImage:
    """Write an image to a file, whole or not at all, as `look` has it, which gets all of it first.

    It is packed as its name says. Where it is loaded it has the same tag, or is called `name`, with
    its content as a tag: engines differ in what they take for an image's id.
    Raises `OSError`, `BuildError`, and what `look` raises.
    """
    with scratch(path.parent, ".image-") as directory:
        part = Path(directory) / "image"
        with Path(directory, "parts").open("w+b") as parts, part.open("wb") as out:
            kept = _Parts(parts, packing_of(path), look)
            carried = _sort_out(kept, _Stream(engine.save(image)), image.tag)
            if name is not None:
                content = carried.config.digest.rpartition(":")[2]
                carried = replace(carried, tag=f"{name}:{content[:16]}")
            _write(out, kept, carried)
        part.chmod(0o644)
        part.replace(path)
    return carried


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A file of the saved archive (`came` is its digest), packed, as it lies in a scratch file."""

    blob: Blob
    came: str
    offset: int
    packed_bytes: int


class _Parts:
    """What came from the engine, by name and by content, in a scratch file."""

    def __init__(self, file: IO[bytes], packing: Packing, look: Passing | None) -> None:
        self.look, self._file = look, file
        self.packing = packing
        self._packer = packing.packer()
        self._named: dict[str, _Part] = {}
        self._links: dict[str, str] = {}

    def link(self, name: str, goal: str) -> None:
        """Another name of a file that is, or will be, there."""
        self._links[name] = goal

    def take(self, name: str, pieces: Iterable[bytes]) -> None:
        """A file, in a frame of its own, as it is to stand in a tar."""
        start, size, hasher = self._file.seek(0, os.SEEK_END), 0, hashlib.sha256()
        came = hashlib.sha256() if self.look else hasher
        for piece in passed(self.look, iter(pieces), came) if self.look else pieces:
            hasher.update(piece)
            size += len(piece)
            self._file.write(self._packer.pack(piece))
        self._file.write(self._packer.pack(bytes(-size % _BLOCK)) + self._packer.end())
        blob = Blob(digest=f"sha256:{hasher.hexdigest()}", size_bytes=size)
        before, packed_bytes = f"sha256:{came.hexdigest()}", self._file.tell() - start
        part = _Part(blob=blob, came=before, offset=start, packed_bytes=packed_bytes)
        if self.look:
            self.look.was(blob.digest)
        self._named[name] = self._named[blob.digest] = part

    def of(self, name: str) -> _Part:
        """The part of that name or digest. Raises `KeyError`."""
        return self._named[self._links.get(name, name)]

    def packed(self, part: _Part) -> Iterator[bytes]:
        """Its frame."""
        self._file.seek(part.offset)
        left = part.packed_bytes
        while left and (piece := self._file.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece

    def text(self, name: str) -> Any:
        """The JSON of a small file."""
        part = self.of(name)
        if part.blob.size_bytes > _LARGEST_TEXT:
            raise ValueError(f"{name} has {part.blob.size_bytes} bytes")
        content = self.packing.unpack(b"".join(self.packed(part)))
        return json.loads(content[: part.blob.size_bytes])


class _Stream:
    """Pieces as a file that is read to its end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end only."""
        found = [self._rest]
        have = len(self._rest)
        while have < size and (piece := next(self._pieces, b"")):
            found.append(piece)
            have += len(piece)
        data = b"".join(found)
        self._rest = data[size:]
        return data[:size]


def _sort_out(parts: _Parts, stream: _Stream, tag: str) -> CarriedImage:
    """Put away everything that was saved; which of it is the image."""
    try:
        with tarfile.open(fileobj=cast(Any, stream), mode="r|", bufsize=_PIECE) as saved:
            for info in saved:
                if info.issym():
                    goal = posixpath.join(posixpath.dirname(info.name), info.linkname)
                    parts.link(info.name, posixpath.normpath(goal))
                elif info.islnk():
                    parts.link(info.name, info.linkname)
                elif info.isreg() and (file := saved.extractfile(info)) is not None:
                    parts.take(info.name, plain(file))
        while stream.read(_PIECE):  # what follows the end, so that nobody's pipe breaks
            pass
        (told,) = parts.text("manifest.json")
        config = parts.text(told["Config"])
        found = [parts.of(name) for name in told["Layers"]]
        if [part.came for part in found] != config["rootfs"]["diff_ids"]:
            raise ValueError("its layers are not those of its config")
        layers = tuple(part.blob for part in found)
        name = told["Config"]
        if parts.look:
            written = parts.look.config(config, [layer.digest for layer in layers])
            if written is not None:
                name = "the config as it is written"
                parts.take(name, [written])
        return CarriedImage(tag=tag, config=parts.of(name).blob, layers=layers)
    except (tarfile.TarError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise BuildError(f"what the engine saved of {tag} cannot be read: {error}") from error


def _header(name: str, size_bytes: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size_bytes
    if name.endswith("/"):
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info.tobuf(tarfile.GNU_FORMAT)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _BLOCK)


def _write(out: IO[bytes], parts: _Parts, carried: CarriedImage) -> None:
    packer = parts.packing.packer()
    head = (*((name, b"") for name in _DIRECTORIES), *carried.texts)
    packed = packer.pack(b"".join(_header(name, len(text)) + _padded(text) for name, text in head))
    out.write(packed + packer.end())
    for blob in _blobs(carried):
        out.write(packer.pack(_header(blob.path, blob.size_bytes)) + packer.end())
        for piece in parts.packed(parts.of(blob.digest)):
            out.write(piece)
    out.write(packer.pack(bytes(2 * _BLOCK)) + packer.end())


def _blobs(carried: CarriedImage) -> tuple[Blob, ...]:
    """Its config and its layers, each once: an image may have a layer twice."""
    return tuple(dict.fromkeys((carried.config, *carried.layers)))


def load_image(
    engine: Carrier, archive: Path, carried: CarriedImage, label: tuple[str, str] | None = None
) -> None:
    """Hand the image of an archive to an engine; it must have that label, if one is said.

    Raises `IntegrityError` (exit code 7) for any other archive, and `BuildError` (5).
    """
    try:
        engine.load_pieces(checked(archive, carried, label), archive.name)
    except DamagedError as error:
        raise _other(archive, str(error)) from error


def checked(
    archive: Path, carried: CarriedImage, label: tuple[str, str] | None = None
) -> Iterator[bytes]:
    """The archive unpacked, without its directories: the tar is made again of what proved right.

    Raises `IntegrityError` and `DamagedError`.
    """
    every = members(archive, packing_of(archive).end, _MOST_MEMBERS)
    found = (each for each in every if each.kind is not Kind.DIRECTORY)
    for name, text in carried.texts:
        if (member := next(found, None)) is None or _small(member, name, len(text)) != text:
            raise _other(archive, f"{name} is not what image.json says")
        yield _header(name, len(text)) + _padded(text)
    for blob in _blobs(carried):
        member = next(found, None)
        if member is None or member.name != blob.path or member.size_bytes != blob.size_bytes:
            raise _other(archive, f"{blob.path} is missing")
        yield _header(blob.path, blob.size_bytes)
        if blob == carried.config:
            config = _small(member, blob.path, blob.size_bytes)
            _refuse_config(archive, config, carried, label)
            yield _padded(config)
        else:
            yield from _hashed(archive, member, blob)
    if next(found, None) is not None:
        raise _other(archive, "it holds more than the image")
    yield bytes(2 * _BLOCK)


def _small(member: Member, name: str, size_bytes: int) -> bytes:
    """The content of a file of that name and size; nothing of any other."""
    right = member.name == name and member.kind is Kind.FILE and member.size_bytes == size_bytes
    return b"".join(member.content()) if right and size_bytes <= _LARGEST_TEXT else b""


def _hashed(archive: Path, member: Member, blob: Blob) -> Iterator[bytes]:
    hasher = hashlib.sha256()
    for piece in member.content():
        hasher.update(piece)
        yield bytes(piece)
    if f"sha256:{hasher.hexdigest()}" != blob.digest:
        raise _other(archive, f"{blob.path} has other content")
    yield bytes(-blob.size_bytes % _BLOCK)


def _refuse_config(
    archive: Path, text: bytes, carried: CarriedImage, label: tuple[str, str] | None
) -> None:
    """Raises `IntegrityError` for a config that is not of these layers, or of another bundle."""
    try:
        config = json.loads(text)
        layers = config["rootfs"]["diff_ids"]
        told = config["config"].get("Labels") or {}
        right = label is None or told.get(label[0]) == label[1]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _other(archive, "its config cannot be read") from None
    if digest_of(text) != carried.config.digest or layers != [x.digest for x in carried.layers]:
        raise _other(archive, "its config is another")
    if not right:
        raise _other(archive, "it is the image of another bundle")


def _other(archive: Path, why: str) -> IntegrityError:
    return IntegrityError(
        f"{archive} is not the image of this bundle: {why}",
        hint="get the bundle again from where it was published, or build with --rebuild",
    )

"""One layer of an image as sorted lines, one for each file.

Owns: reading the layer's tar stream once. Memory does not grow with the layer: lines are sorted in
pieces that lie in temporary files. Does not own: what layers over each other show (`imagefiles`).
"""

import hashlib
import heapq
import itertools
import os
import posixpath
import tarfile
import tempfile
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Tuple

PIECE_LINES = 100_000
CHUNK_BYTES = 1 << 20
SEPARATOR = b"\x01"  # in the place of "/", so that what is below a directory follows it at once
END = b"\0"
WHITEOUT, OPAQUE = b"W", b"O"
_LAST = 10**12
_KINDS = {
    tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.CHRTYPE: "c", tarfile.BLKTYPE: "b",
    tarfile.FIFOTYPE: "p",
}  # fmt: skip


class ImageError(ValueError):
    """What was given is not an image that can be read."""


def escaped(name: str) -> str:
    """A path in which every character can be shown."""
    text = name.replace("\\", "\\\\")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\\x%02x" % (ord(c) & 0xFF) for c in text)


def is_layer(head: bytes) -> bool:
    """Whether a file that begins so is a tar with anything in it."""
    return head[257:262] == b"ustar"


class Layer:
    """One layer as sorted lines: KEY, the reversed number in it, and what is there."""

    def __init__(self, stream: Any, scratch: Optional[str]) -> None:
        self._scratch = scratch
        self._lines: List[bytes] = []
        self._pieces: List[BinaryIO] = []
        self._hard: List[Tuple[bytes, bytes, List[bytes]]] = []
        try:
            self._read(stream)
            self._resolve()
        except BaseException:
            self.close()
            raise

    def _read(self, stream: Any) -> None:
        with tarfile.open(fileobj=stream, mode="r|*", bufsize=CHUNK_BYTES) as archive:
            for number in itertools.count():
                member = archive.next()
                if member is None:
                    break
                self._take(archive, member, number)
                archive.members = []  # type: ignore[attr-defined]  # a million would fill memory

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo, number: int) -> None:
        path = _normal(member.name)
        directory, name = posixpath.split(path)
        marked = b""
        if name == ".wh..wh..opq":
            path, marked = directory, OPAQUE
        elif name.startswith(".wh."):
            path, marked = posixpath.join(directory, name[len(".wh.") :]), WHITEOUT
        if not path or (name.startswith(".wh..wh.") and marked != OPAQUE):
            return
        key = b"%s\0%013d\0" % (_key(path), _LAST - number)
        if marked:
            self._put(key, [marked])
        elif member.islnk():
            self._hard.append(
                (key, _key(_normal(member.linkname)), _described(member, "f", "", ""))
            )
        else:
            self._put(key, _file(archive, member))

    def _put(self, key: bytes, fields: List[bytes]) -> None:
        self._lines.append(key + b"\t".join(fields) + b"\n")
        if len(self._lines) >= PIECE_LINES:
            self._spill()

    def _spill(self) -> None:
        if self._lines:
            piece = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115
            piece.writelines(sorted(self._lines))
            self._pieces.append(piece)
            self._lines = []

    def _resolve(self) -> None:
        """A hard link is a file with the content of the one that it is linked to."""
        self._spill()
        wanted = {target for _, target, _ in self._hard}
        found: Dict[bytes, List[bytes]] = {}
        for line in self.lines() if wanted else ():
            key, _, said = line.split(END, 2)
            if key in wanted and key not in found:
                found[key] = said.rstrip(b"\n").split(b"\t")
        for key, target, fields in self._hard:
            same = found.get(target)
            if same is None or len(same) != len(fields):
                raise ImageError("a hard link to nothing")
            self._put(key, fields[:3] + same[3:6] + fields[6:])
        self._hard = []
        self._spill()

    def close(self) -> None:
        """Give up its temporary files."""
        for piece in self._pieces:
            piece.close()

    def lines(self) -> Iterator[bytes]:
        """All of them, in order."""
        for piece in self._pieces:
            piece.seek(0)
        return heapq.merge(*self._pieces)


def _normal(name: str) -> str:
    return posixpath.normpath("/" + name).lstrip("/")


def _key(path: str) -> bytes:
    return os.fsencode(escaped(path)).replace(b"/", SEPARATOR)


def _file(archive: tarfile.TarFile, member: tarfile.TarInfo) -> List[bytes]:
    if member.isreg():
        digest, content = hashlib.sha256(), archive.extractfile(member)
        while content is not None:
            chunk = content.read(CHUNK_BYTES)
            if not chunk:
                break
            digest.update(chunk)
        return _described(member, "f", "%d" % member.size, digest.hexdigest())
    kind = _KINDS.get(member.type, "?")
    target = escaped(member.linkname) if kind == "l" else ""
    if kind in "cb":
        target = "%d,%d" % (member.devmajor, member.devminor)
    return _described(member, kind, "0", target)


def _described(member: tarfile.TarInfo, kind: str, size: str, content: str) -> List[bytes]:
    mode = "-" if kind == "l" else "%04o" % (member.mode & 0o7777)
    owner = "%d:%d" % (member.uid, member.gid)
    words = (kind, mode, owner, size, content, _attributes(member), "%d" % member.mtime)
    return [os.fsencode(word) for word in words]


def _attributes(member: tarfile.TarInfo) -> str:
    """Extended attributes (capabilities), by name and hash."""
    found = sorted((n, v) for n, v in member.pax_headers.items() if n.startswith("SCHILY.xattr."))
    if not found:
        return "-"
    text = "\0".join("%s=%s" % each for each in found)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]

"""Lists of hashes: `sha256sum`, `sha1sum`, `md5sum`, `b3sum`, their `--tag` form, and BagIt.

Owns: how each writes names with unusual characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from repropack.errors import IntegrityError, InvalidError
from repropack.footprint.model import Algorithm, Entry, shown
from repropack.footprint.recorded import Recorded, add, from_list

_LINE = re.compile(rb"(\\?)([0-9a-fA-F]{32,64})(?: [ *]|\t)([^\n]+)")
_TAGGED = re.compile(rb"(\\?)(MD5|SHA1|SHA256|BLAKE3) \(([^\n]+)\) = ([0-9a-fA-F]{32,64})")
_BAG = re.compile(r"manifest-(md5|sha1|sha256)\.txt", re.IGNORECASE)
_BAG_LINE = re.compile(rb"([0-9a-fA-F]{32,64})[ \t]+\*?([^\n]+)")
_ESCAPED = re.compile(rb"%(0[AaDd]|25)")
_PAYLOAD = b"data/"
_BY_LENGTH = {32: Algorithm.MD5, 40: Algorithm.SHA1, 64: Algorithm.SHA256}


def looks_like_list(text: bytes) -> bool:
    """Whether a text's first line is one of these lists'."""
    first = text.lstrip().partition(b"\n")[0].rstrip(b"\r")
    return bool(_LINE.fullmatch(first) or _TAGGED.fullmatch(first))


def read(text: bytes, where: Path, algorithm: Algorithm | None) -> Recorded:
    """A list. 64 digits are SHA-256, or BLAKE3 where the name says so (`b3`, `blake3`).

    Raises `IntegrityError` for lines that are none, and `InvalidError` for other hashes.
    """
    if _BAG.fullmatch(where.name):
        return _bag(text, where)
    found: dict[bytes, bytes] = {}
    named: set[Algorithm] = set()
    for number, line in _numbered(text):
        tagged = _TAGGED.fullmatch(line)
        match = tagged or _LINE.fullmatch(line)
        if match is None:
            raise IntegrityError(f"{where}:{number}: no hash and name: {shown(line[:80])}")
        if tagged:
            named.add(Algorithm(tagged[2].decode().lower()))
        told = match[4] if tagged else match[2]
        add(found, _name(match[3], escaped=bool(match[1])), bytes.fromhex(told.decode()), where)
    chosen = named.pop() if len(named) == 1 else algorithm or _algorithm(found, where)
    if any(len(content) != chosen.length for content in found.values()):
        raise InvalidError(f"{where} holds hashes of several lengths, or not of {chosen.value}")
    return from_list(found, chosen, "list")


def _numbered(text: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(text.split(b"\n"), start=1):
        stripped = line.rstrip(b"\r")
        if stripped and not stripped.startswith(b"#"):
            yield number, stripped


def _algorithm(found: dict[bytes, bytes], where: Path) -> Algorithm:
    lengths = {2 * len(content) for content in found.values()}
    name = where.name.lower()
    if lengths == {64} and re.search(r"b3|blake3", name):
        return Algorithm.BLAKE3
    known = _BY_LENGTH.get(next(iter(lengths), 64))
    if len(lengths) > 1 or known is None:
        raise InvalidError(
            f"{where}: which algorithm its hashes are of is not known", hint="add --algo"
        )
    return known


def _name(name: bytes, *, escaped: bool) -> bytes:
    if escaped:
        name = re.sub(rb"\\([\\nr])", lambda m: {b"n": b"\n", b"r": b"\r"}.get(m[1], m[1]), name)
    while name.startswith(b"./"):
        name = name[2:]
    return name


def _bag(text: bytes, where: Path) -> Recorded:
    """BagIt's manifest of its payload; paths start from the bag, with `%` escapes (RFC 8493)."""
    match = _BAG.fullmatch(where.name)
    assert match is not None
    algorithm = Algorithm(match[1].lower())
    found: dict[bytes, bytes] = {}
    for number, line in _numbered(text):
        parts = _BAG_LINE.fullmatch(line)
        if parts is None or len(parts[1]) != 2 * algorithm.length:
            raise IntegrityError(f"{where}:{number}: no {algorithm.value} and name")
        name = _name(parts[2], escaped=False)
        if not name.startswith(_PAYLOAD):
            raise IntegrityError(f"{where}:{number}: {shown(name)} is no payload (data/…)")
        name = _ESCAPED.sub(lambda m: bytes.fromhex(m[1].decode()), name)
        add(found, name[len(_PAYLOAD) :], bytes.fromhex(parts[1].decode()), where)
    return from_list(found, algorithm, "BagIt", below="data")


def list_lines(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The lines that `sha256sum`, `b3sum` and their like write, and take with `--check`."""
    for entry in _files(entries):
        name = entry.path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        mark = b"\\" if name != entry.path else b""
        yield b"%s%s  %s\n" % (mark, entry.hash.hex().encode(), name)


def bag_lines(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The lines of BagIt's manifest, for a dataset that is a bag's `data/`."""
    for entry in _files(entries):
        name = entry.path.replace(b"%", b"%25").replace(b"\n", b"%0A").replace(b"\r", b"%0D")
        yield b"%s  %s%s\n" % (entry.hash.hex().encode(), _PAYLOAD, name)


def _files(entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        if entry.link is not None:
            raise InvalidError(
                f"{shown(entry.path)} is a link, which a list of hashes cannot say",
                hint="leave out --format",
            )
        yield entry

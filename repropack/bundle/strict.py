"""What a field of somebody else's manifest may be, before it becomes a path, a command or a name.

Owns: the shapes. Each function gives the value back, or raises `ValueError` with the field's name.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

#: As much as a disk holds; a larger number is a mistake or a trap.
_LARGEST = 1 << 60
_SHAPES = {
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "md5": re.compile(r"(?:[0-9a-f]{32})?"),
    "package": re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}"),
    "version": re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,200}"),
    "build": re.compile(r"[A-Za-z0-9_.+-]{0,200}"),
    "file name": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!=~-]{0,254}"),
    "Debian package": re.compile(r"[a-z0-9][a-z0-9+.-]{0,100}"),
    "Debian release": re.compile(r"[a-z]{1,30}"),
    "Python": re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,3}){1,2}"),
    "whole version": re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,60}"),
    "image": re.compile(r"(?!.*//)[A-Za-z0-9][A-Za-z0-9._:/@-]{0,400}"),
    # An image of this tag is replaced: it must not be one that the reviewer has from elsewhere.
    "tag": re.compile(r"repropack/[a-z0-9][a-z0-9._+-]{0,100}:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
    "name": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}"),
    "root hash": re.compile(r"(?:[a-z0-9]{1,20}:)?[0-9a-f]{32,128}"),
}


def shaped(what: str, value: object) -> str:
    """Text of a known shape."""
    if not isinstance(value, str) or not _SHAPES[what].fullmatch(value):
        raise ValueError(f"{str(value)[:80]!r} cannot be a {what}")
    return value


def count(what: str, value: object) -> int:
    """A number of bytes or files."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise ValueError(f"{str(value)[:80]!r} cannot be a {what}")
    return value


def inside(what: str, value: object) -> str:
    """A relative path that stays where it is, without what an engine's options would split."""
    text = value if isinstance(value, str) else ""
    parts = PurePosixPath(text).parts
    bad = not parts or text.startswith(("/", "-")) or ".." in parts or len(text) > 4000
    if bad or re.search(r"[\x00-\x1f\x7f\\\\]", text):
        raise ValueError(f"{text[:80]!r} cannot be a {what}")
    return text


def address(what: str, value: object) -> str:
    """An address of the web: a file of the reviewer's is none."""
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s\x00-\x1f\x7f]+", value):
        raise ValueError(f"{str(value)[:80]!r} cannot be a {what}")
    return value

"""Names of files, which git and Linux keep as bytes and Python as text.

Owns: the one way from bytes to text and back, what is shown to people, and which names are safe.
Does not own: which files there are (`tree`).
"""

from __future__ import annotations

import os
from pathlib import Path

# What repropack itself keeps in a project's directory.
WORKING_DIRECTORY = ".repropack"


def decode(raw: bytes) -> str:
    """Text of a name; bytes that are not UTF-8 become surrogates, so that nothing is lost."""
    return raw.decode("utf-8", "surrogateescape")


def encode(path: str) -> bytes:
    """The bytes that `decode` was given."""
    return path.encode("utf-8", "surrogateescape")


def on_disk(root: Path, path: str) -> Path:
    """Where `path` is below `root`, whatever the encoding of this machine's file names."""
    return root / os.fsdecode(encode(path))


def display(path: str) -> str:
    r"""`path` as it can be printed: control characters and stray bytes become `\n`, `\xff`, …."""
    if path.isascii() and path.isprintable():  # as nearly all are: this runs for every file
        return path
    text = encode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def is_odd(path: str) -> bool:
    """Whether tools trip over it: stray bytes, control characters, quotes, a leading dash."""
    return (
        display(path) != path
        or '"' in path
        or "'" in path
        or "\\" in path
        or f"/{path}".find("/-") >= 0
    )


def is_working_file(path: str) -> bool:
    """Whether `path` lies in a `.repropack` directory, which never enters a source."""
    return WORKING_DIRECTORY in path.split("/")


def is_safe(path: str) -> bool:
    """Whether `path` can be written below a directory without leaving it or becoming a repository.

    Git refuses to create such names, yet a crafted tree can hold them.
    """
    return all(part not in ("", ".", "..") and part.lower() != ".git" for part in path.split("/"))


def listing(paths: tuple[str, ...], *, limit: int = 10) -> str:
    """Up to `limit` of `paths`, one indented line each, and how many more there are."""
    lines = [f"  {display(path)}" for path in paths[:limit]]
    if len(paths) > limit:
        lines.append(f"  … and {len(paths) - limit} more")
    return "\n".join(lines)

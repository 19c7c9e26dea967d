"""Files below a working directory that untrusted code has written.

Owns: which file a relative path really is, its identity (size, time, hash), and atomic writing.
Does not own: what is in the files (`readers`), which of them matter (`collect`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from typing import Any, Optional, Tuple

_CHUNK_BYTES = 1 << 20
_PAIR = re.compile(r"\[\n +([-+.0-9eE]+),\n +([-+.0-9eE]+)\n +\]")  # no text holds a line end


class FileProblem(Exception):
    """A file cannot be used; the message says why in words that fit after its path."""


@dataclass(frozen=True)
class FileState:
    """The identity of a file at a moment; two equal states mean that nobody wrote it between."""

    size_bytes: int
    mtime_ns: int
    sha256: str


def inside(root: str, relative: str) -> str:
    """The real path of the regular file `relative` to `root`; FileProblem if it is none.

    A `..` or a symbolic link may not lead out of `root`; pipes and devices are refused, because
    opening one could block for ever.
    """
    if "\0" in relative or not relative:
        raise FileProblem("is not a file name")
    real_root = os.path.realpath(root)
    path = os.path.realpath(os.path.join(real_root, relative))
    if path != real_root and not path.startswith(real_root.rstrip(os.sep) + os.sep):
        raise FileProblem("is outside of the working directory")
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise FileProblem(missing_reason(error)) from None
    if not stat.S_ISREG(mode):
        raise FileProblem("is a directory" if stat.S_ISDIR(mode) else "is not a regular file")
    return path


def missing_reason(error: OSError) -> str:
    """Why a file could not be opened, in words that fit after its path."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return "was not written"
    return "cannot be read: %s" % (error.strerror or error)


def state(path: str) -> Optional[FileState]:
    """The identity of the file, or None if it cannot be read."""
    try:
        size_bytes, sha256 = digest(path)
        return FileState(size_bytes, os.stat(path).st_mtime_ns, sha256)
    except OSError:
        return None


def lines_kept(path: str, old: FileState) -> int:
    """How many lines of a file that grew are those of before: 0 if it does not begin with them.

    A line that was not ended counts: what was added to it is not all the run's.
    """
    hasher, left, count, last = hashlib.sha256(), old.size_bytes, 0, b""
    try:
        with open(path, "rb") as stream:
            while left:
                chunk = stream.read(min(left, _CHUNK_BYTES))
                if not chunk:
                    return 0
                hasher.update(chunk)
                left -= len(chunk)
                count += chunk.count(b"\n")
                last = chunk[-1:]
    except OSError:
        return 0
    same = hasher.hexdigest() == old.sha256
    return count + (last not in (b"", b"\n")) if same else 0


def digest(path: str) -> Tuple[int, str]:
    """Size in bytes and SHA-256 of the file's content. OSError if it cannot be read."""
    hasher, size_bytes = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(_CHUNK_BYTES), b""):
            hasher.update(chunk)
            size_bytes += len(chunk)
    return size_bytes, hasher.hexdigest()


def copy(source: str, target: str) -> Tuple[int, str]:
    """Copy the content; size and SHA-256 of what was copied. Leaves no partial file behind."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    hasher, size_bytes = hashlib.sha256(), 0
    try:
        with open(source, "rb") as stream, open(target, "wb") as out:
            for chunk in iter(lambda: stream.read(_CHUNK_BYTES), b""):
                hasher.update(chunk)
                size_bytes += len(chunk)
                out.write(chunk)
    except OSError:
        remove(target)
        raise
    return size_bytes, hasher.hexdigest()


def remove(path: str) -> None:
    """Remove the file if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def write_atomically(path: str, data: bytes) -> None:
    """Write a temporary sibling and rename it: the file is whole or absent. OSError if not."""
    temporary = "%s.%d.tmp" % (path, os.getpid())
    try:
        with open(temporary, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        remove(temporary)
        raise


def json_bytes(value: Any) -> bytes:
    """`value` as ASCII JSON with a line end, keys in their own order, NaN refused.

    A pair of numbers stands on one line: histories have hundreds of them.
    """
    text = json.dumps(value, indent=2, allow_nan=False)
    return (_PAIR.sub(r"[\1, \2]", text) + "\n").encode("ascii")


def printable(text: str, longest: int = 200) -> str:
    """`text` without control characters and terminal sequences, cut to `longest` characters."""
    cleaned = "".join(char if char.isprintable() else " " for char in text).strip()
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 1] + "…"

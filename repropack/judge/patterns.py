"""Globs below a working directory that untrusted code has written.

Owns: `*`, `**`, a directory as all files below it. Links are not followed down.
"""

from __future__ import annotations

import fnmatch
import glob
import os
from typing import Iterator, List, Optional, Sequence


def refusal(pattern: str) -> Optional[str]:
    """Why a path of the config cannot be one inside of the working directory."""
    if not pattern or "\0" in pattern:
        return "is not a file name"
    if os.path.isabs(pattern) or ".." in pattern.split("/"):
        return "is outside of the working directory"
    return None


def is_glob(path: str) -> bool:
    """Whether the path stands for whatever matches it."""
    return glob.has_magic(path)


def expand(pattern: str, cwd: str, excluded: Optional[str] = None) -> List[str]:
    """Relative paths of the files that match; a directory stands for all files below it.

    Files below the real path `excluded` are left out.
    """
    found = []
    matched = _deep(pattern, cwd) if "**" in pattern.split("/") else _shallow(pattern, cwd)
    for path in matched:
        found += below(path) if os.path.isdir(path) and not os.path.islink(path) else [path]
    kept = [path for path in found if excluded is None or not _is_below(path, excluded)]
    return [os.path.relpath(path, cwd) for path in kept]


def below(directory: str) -> List[str]:
    """All files below a directory."""
    return [os.path.join(at, name) for at, _, names in os.walk(directory) for name in names]


def _shallow(pattern: str, cwd: str) -> Iterator[str]:
    return glob.iglob(os.path.join(glob.escape(cwd), pattern))


def _deep(pattern: str, cwd: str) -> Iterator[str]:
    """Matches of a pattern with `**`. glob.glob would follow links, round and round."""
    segments = [segment for segment in pattern.split("/") if segment not in ("", ".")]
    for directory, _, names in os.walk(cwd):
        base = os.path.relpath(directory, cwd).split(os.sep) if directory != cwd else []
        for name in names:
            if _matches([*base, name], segments):
                yield os.path.join(directory, name)


def _matches(parts: Sequence[str], segments: Sequence[str]) -> bool:
    """Whether the path, or a directory above it, matches; `*` does not match a leading dot."""
    if not segments or not parts:
        return not segments
    hidden = parts[0].startswith(".") and not segments[0].startswith(".")
    if segments[0] == "**":
        deeper = not hidden and _matches(parts[1:], segments)
        return deeper or not segments[1:] or _matches(parts, segments[1:])
    same = not hidden and fnmatch.fnmatchcase(parts[0], segments[0])
    return same and _matches(parts[1:], segments[1:])


def _is_below(path: str, directory: str) -> bool:
    return os.path.realpath(path).startswith(directory.rstrip(os.sep) + os.sep)

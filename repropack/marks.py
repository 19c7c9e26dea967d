"""Whose something temporary is: the process that will remove it, unless it is killed before.

Owns: saying so in a name, telling whether that process is gone, and directories that are named so:
whoever makes one next removes those whose process is gone.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_OWNED = re.compile(r"([0-9a-f]{16})-(\d+)-(\d+)(?:-[0-9a-f]{8})?$")


@contextmanager
def scratch(parent: Path, name: str, suffix: str = "") -> Iterator[Path]:
    """A new directory in `parent`, for its owner alone, which is gone afterwards.

    So are those of the same name and suffix that killed processes left. Raises `OSError`.
    """
    path = new_scratch(parent, name, suffix)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def new_scratch(parent: Path, name: str, suffix: str = "") -> Path:
    """The same, for whoever removes it by other means."""
    for old in left_behind(parent, name, suffix):
        shutil.rmtree(old, ignore_errors=True)
    path = parent / f"{name}{mark()}{suffix}"
    path.mkdir(0o700)
    return path


def left_behind(parent: Path, name: str, suffix: str = "") -> list[Path]:
    """What processes that are gone have left of this name."""
    with suppress(OSError):
        return [
            Path(entry.path)
            for entry in os.scandir(parent)
            if entry.name.startswith(name)
            and entry.name.endswith(suffix)
            and is_orphan(entry.name.removesuffix(suffix))
        ]
    return []


def mark() -> str:
    """A suffix of a name that says the same where a label would get into an image.

    No other name has it.
    """
    return "-".join(filter(None, (owner(), secrets.token_hex(4))))


def owner(pid: int | None = None) -> str:
    """`SYSTEM-PID-START` of a process (default: this one); empty if it cannot be told.

    SYSTEM is a hash of the boot and of the namespace that the number counts in, because others may
    use the same daemon: from another machine, or from a container.
    """
    pid = os.getpid() if pid is None else pid
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    start = status.rpartition(")")[2].split()[19]  # field 22 of proc(5): clock ticks since the boot
    return f"{system}-{pid}-{start}" if (system := _system()) else ""


@cache
def _system() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
        space = bytes(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
    return hashlib.sha256(boot + space).hexdigest()[:16]


def is_orphan(text: str) -> bool:
    """Whether an owner, or a name with a mark, is of a process of this system that is gone."""
    found = _OWNED.search(text)
    if found is None or found[1] != _system():
        return False
    return owner(int(found[2])) != "-".join(found.groups())

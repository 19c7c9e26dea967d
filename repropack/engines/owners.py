"""Whose a container is: the process that will remove it, unless it is killed before.

Owns: saying so in labels and names, and telling whether that process is gone. Does not own:
finding and removing what is left behind, which each engine does in its own way.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from functools import cache
from pathlib import Path

OWNER = "repropack.owner"
_OWNED = re.compile(r"([0-9a-f]{16})-(\d+)-(\d+)(?:-[0-9a-f]{8})?$")


def labels() -> dict[str, str]:
    """The labels of a container: what it is for and whose it is."""
    return {"repropack.run": "1", OWNER: owner()}


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

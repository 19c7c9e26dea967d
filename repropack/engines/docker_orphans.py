"""What a repropack that was killed left behind in Docker: found again, and removed.

Owns: saying in each container, and each image of a moment, which process it belongs to, and
removing those whose process is gone. Does not own: what a repropack that lives removes itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from repropack.engines.docker_client import failures

if TYPE_CHECKING:
    from docker import APIClient

SHELL = "repropack/shell"
_OWNER = "repropack.owner"
_OWNED = re.compile(r"([0-9a-f]{16})-(\d+)-(\d+)(?:-[0-9a-f]{8})?$")


def labels() -> dict[str, str]:
    """The labels of a container: what it is for and whose it is."""
    return {"repropack.run": "1", _OWNER: owner()}


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


def sweep(client: APIClient) -> list[str]:
    """Remove what killed processes left; its names. What cannot be removed stays."""
    removed: list[str] = []
    with suppress(*failures()):
        for found in client.containers(all=True):
            name = str((found["Names"] or ["/"])[0]).lstrip("/")
            of_name = name if name.startswith("repropack-") else ""
            if is_orphan((found["Labels"] or {}).get(_OWNER) or of_name):
                with suppress(*failures()):
                    client.remove_container(found["Id"], v=True, force=True)
                    removed.append(name)
        for found in client.images(SHELL):
            for tag in filter(is_orphan, found["RepoTags"] or ()):
                with suppress(*failures()):
                    client.remove_image(tag)
                    removed.append(tag)
    return removed

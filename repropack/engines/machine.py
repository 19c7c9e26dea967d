"""What this machine has for the engines that run on it directly, without a daemon to ask."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def cpus() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


def memory_bytes() -> int:
    """All of the memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def free_bytes(directory: Path) -> int | None:
    """Free space where a directory is, or will be made."""
    existing = next((path for path in (directory, *directory.parents) if path.exists()), None)
    return shutil.disk_usage(existing).free if existing else None

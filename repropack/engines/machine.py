"""What this machine has for the engines that run on it directly, without a daemon to ask.

A job of a cluster, or a container, has a part of the machine: its control groups say which.
https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.max, cpu.max),
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html (memory.limit_in_bytes)
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def cpus() -> int:
    """The CPUs that this process may use: those it is bound to, and its share of their time."""
    bound = len(os.sched_getaffinity(0))
    shares = [_quotient(text) for text in _limits("cpu.max", "cpu", "cpu.cfs_quota_us")]
    return max(1, min([bound, *(int(share) for share in shares if share)]))


def memory_bytes() -> int:
    """The memory that this process may use: all there is, or what its control groups leave it."""
    limits = _limits("memory.max", "memory", "memory.limit_in_bytes")
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([there, *(int(text) for text in limits if text.isdigit())])


def _quotient(text: str) -> float | None:
    """CPUs from `quota period`, in microseconds; none from `max period` and `-1 period`."""
    quota, _, period = text.partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _limits(file: str, controller: str, older: str) -> Iterator[str]:
    """What that file says for this process's group and each above it, in either version."""
    try:
        groups = _OWN.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = _GROUPS / controller if controllers else _GROUPS
        at = top / path.lstrip("/")
        for group in (at, *at.parents):
            yield from _said(group / (older if controllers else file))
            if group == top:
                break


def _said(file: Path) -> Iterator[str]:
    try:
        said = file.read_text("ascii").strip()
        if file.name == "cpu.cfs_quota_us":
            said += " " + file.with_name("cpu.cfs_period_us").read_text("ascii").strip()
    except (OSError, ValueError):
        return
    yield said


def free_bytes(directory: Path) -> int | None:
    """Free space where a directory is, or will be made."""
    existing = next((path for path in (directory, *directory.parents) if path.exists()), None)
    return shutil.disk_usage(existing).free if existing else None

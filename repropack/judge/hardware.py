"""What the machine is and what a run took of it, read from /proc and the control group.

Owns: where Linux keeps these numbers. A number that cannot be read is None, never a guess.
"""

from __future__ import annotations

import os
import platform
from typing import Any, Dict, List, Optional


def describe() -> Dict[str, Any]:
    """CPU model, cores that this process may use, memory in bytes, kernel, machine, Python."""
    return {
        "cpu": _cpu_model(),
        "cores": _cores(),
        "memory_bytes": _memory_bytes(),
        "kernel": "%s %s" % (platform.system(), platform.release()),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def _cpu_model() -> Optional[str]:
    for line in _lines("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "cpu model"):
            return value.strip()
    return None


def _cores() -> Optional[int]:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count()


def _memory_bytes() -> Optional[int]:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


class ControlGroup:
    """The memory accounting of this process's control group, version 1 or 2.

    The root group stands for the whole machine, so its numbers are not those of a run.
    """

    def __init__(self, root: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup") -> None:
        self._directories = _directories(root, own)

    def peak_bytes(self) -> Optional[int]:
        """The most memory that the group ever held, page cache included; None if unknown."""
        for name in ("memory.peak", "memory.max_usage_in_bytes"):
            for line in self._read(name):
                if line.strip().isdigit():
                    return int(line)
        return None

    def used_bytes(self) -> Optional[int]:
        """Memory in use now without the file cache that the kernel would give back."""
        for used, inactive in (
            ("memory.current", "inactive_file"),
            ("memory.usage_in_bytes", "total_inactive_file"),
        ):
            now = [int(line) for line in self._read(used) if line.strip().isdigit()]
            if now:
                words = (line.split() for line in self._read("memory.stat"))
                cache = dict(pair for pair in words if len(pair) == 2).get(inactive, "0")
                return max(0, now[0] - int(cache))
        return None

    def oom_kills(self) -> int:
        """How many processes of the group the kernel has killed for want of memory."""
        for name in ("memory.events", "memory.oom_control"):
            for line in self._read(name):
                words = line.split()
                if len(words) == 2 and words[0] == "oom_kill" and words[1].isdigit():
                    return int(words[1])
        return 0

    def _read(self, name: str) -> List[str]:
        for directory in self._directories:
            found = _lines(os.path.join(directory, name))
            if found:
                return found
        return []


def _directories(root: str, own: str) -> List[str]:
    """Where the group's files may be: below its own path, or at the mount (inside a container)."""
    found = []
    for line in _lines(own):
        parts = line.strip().split(":", 2)
        if len(parts) != 3 or parts[1] not in ("", "memory"):
            continue
        mount = os.path.join(root, parts[1]) if parts[1] else root
        if parts[2] != "/":
            found += [os.path.normpath(mount + parts[2]), mount]
        elif not parts[1]:
            found.append(mount)  # version 2: the machine's root has no memory.peak at all
    return found


def _lines(path: str) -> List[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.readlines()
    except (OSError, ValueError):
        return []

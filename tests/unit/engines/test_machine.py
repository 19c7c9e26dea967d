"""What a process has of the machine, by control groups of either version."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from repropack.engines import machine

GIB = 1 << 30


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of control groups, empty so far, on a machine with eight CPUs and 64 GiB."""
    monkeypatch.setattr(machine, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(machine, "_OWN", tmp_path / "cgroup")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    sizes = {"SC_PHYS_PAGES": 64 * GIB // 4096, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    return tmp_path


def groups(root: Path, own: str, **files: str) -> None:
    """`own` is what /proc/self/cgroup says; names of files have `__` for `/`."""
    (root / "cgroup").write_text(own)
    for name, text in files.items():
        path = root / "groups" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def found() -> tuple[int, int]:
    """CPUs, and memory in GiB."""
    return machine.cpus(), machine.memory_bytes() // GIB


def test_without_limits(write: Path) -> None:
    """All of the machine; so also where there is nothing to read."""
    assert found() == (8, 64)
    groups(write, "0::/\n")
    assert found() == (8, 64)
    groups(write, "0::/job\n", job__cpu_DOT_max="max 100000", job__memory_DOT_max="max")
    assert found() == (8, 64)


def test_of_a_group_above(write: Path) -> None:
    """The tightest limit of all that a job is in counts (version 2)."""
    groups(
        write,
        "0::/slurm/job/step\n",
        slurm__memory_DOT_max=str(32 * GIB),
        slurm__job__memory_DOT_max=str(8 * GIB),
        slurm__job__cpu_DOT_max="250000 100000",
        slurm__job__step__memory_DOT_max="max",
    )
    assert found() == (2, 8)


def test_of_version_1(write: Path) -> None:
    """Each controller has a tree of its own; half a CPU is one."""
    groups(
        write,
        "5:cpu,cpuacct:/job\n4:memory:/job\n1:name=systemd:/\n0::/\n",
        memory__job__memory_DOT_limit_in_bytes=str(4 * GIB),
        memory__memory_DOT_limit_in_bytes="9223372036854771712",
        cpu__job__cpu_DOT_cfs_quota_us="50000",
        cpu__job__cpu_DOT_cfs_period_us="100000",
        cpu__cpu_DOT_cfs_quota_us="-1",
        cpu__cpu_DOT_cfs_period_us="100000",
    )
    assert found() == (1, 4)

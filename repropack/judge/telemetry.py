"""What a run takes of the machine while it runs: a sample a second, a thousand at most.

Owns: `telemetry.json` of a run: CPU, memory, disk and network of the experiment, use, memory and
power of the GPUs. A number that cannot be read is None, never a guess. Does not own: the record.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Dict, List, Optional, Sequence, Set

from repropack.judge.hardware import ControlGroup
from repropack.judge.nvml import Gpus

SCHEMA = "repropack.telemetry/1"
INTERVAL_S = 1.0
MOST_SAMPLES = 1000
COLUMNS = (
    "seconds",  # since the start
    "cpu_seconds",  # used since the start, by all processes together
    "memory_bytes",
    "read_bytes",  # from and to storage, since the start
    "written_bytes",
    "received_bytes",  # over the network, since the start; None without a network of its own
    "sent_bytes",
    "gpu_utilization",  # from 0 to 1: the share of time in which a kernel ran, mean of the GPUs
    "gpu_memory_bytes",
    "gpu_power_watts",
)
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

Row = List[Optional[float]]


class Sampler:
    """Samples the descendants of this process from `start` to `stop`, in a thread."""

    def __init__(self, *, gpu: bool, network: bool, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._network = network
        self._group = ControlGroup()
        self._gpus = Gpus() if gpu else None
        self._rows: List[Row] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="telemetry", daemon=True)
        self._began_s = 0.0
        self._storage: Dict[int, "tuple[int, int]"] = {}
        self._before: Row = []
        self._own_s = self._cpu_s = 0.0
        self._threads = 0

    def start(self) -> None:
        """Begin."""
        self._began_s = time.monotonic()
        self._before = [cpu_seconds(descendants(os.getpid())), *network_bytes()]
        self._thread.start()

    def stop(self) -> Dict[str, Any]:
        """End, and give all that was seen as a JSON object."""
        self._over.set()
        self._thread.join(5.0)
        if self._gpus is not None:
            self._gpus.close()
        return {
            "schema": SCHEMA,
            "interval_s": self._interval_s,
            "columns": list(COLUMNS),
            "rows": self._rows,
            "gpus": [] if self._gpus is None else list(self._gpus.names),
            "gpu_energy_joules": self._energy(),
            "most_threads": self._threads or None,
            "overhead_seconds": round(self._own_s, 3),
        }

    def _watch(self) -> None:
        wait_s = min(0.1, self._interval_s)
        while not self._over.wait(wait_s):
            wait_s = self._interval_s
            began = time.thread_time() if hasattr(time, "thread_time") else 0.0
            try:
                self._rows.append(self._sample())
            except Exception:  # whatever cannot be read must not cost a run
                continue
            if len(self._rows) > MOST_SAMPLES:
                self._rows = self._rows[::2]
                self._interval_s *= 2
            if hasattr(time, "thread_time"):
                self._own_s += time.thread_time() - began

    def _sample(self) -> Row:
        pids = descendants(os.getpid())
        self._threads = max(self._threads, sum(len(_names("/proc/%d/task" % pid)) for pid in pids))
        for pid in pids:
            found = storage_bytes(pid)
            if found is not None:
                self._storage[pid] = found
        received, sent = network_bytes() if self._network else (None, None)
        _, received_before, sent_before = self._before
        use, memory, power = self._gpus.sample() if self._gpus else (None, None, None)
        row: Row = [
            time.monotonic() - self._began_s,
            self._cpu_seconds(pids),
            self._memory_bytes(pids),
            float(sum(read for read, _ in self._storage.values())) if self._storage else None,
            float(sum(written for _, written in self._storage.values())) if self._storage else None,
            None if received is None else received - (received_before or 0.0),
            None if sent is None else sent - (sent_before or 0.0),
            use,
            memory,
            power,
        ]
        return [None if value is None else round(value, 3) for value in row]

    def _cpu_seconds(self, pids: Sequence[int]) -> float:
        """It never falls, though a process that has just ended may be missing for a moment."""
        self._cpu_s = max(self._cpu_s, cpu_seconds(pids) - (self._before[0] or 0.0))
        return self._cpu_s

    def _memory_bytes(self, pids: Sequence[int]) -> Optional[float]:
        """Of the container, without the file cache; else of the processes (shared pages count)."""
        used = self._group.used_bytes()
        if used is not None:
            return float(used)
        pages = [_number(_read("/proc/%d/statm" % pid).split(), 1) for pid in pids]
        return float(sum(page for page in pages if page is not None) * _PAGE_BYTES)

    def _energy(self) -> Optional[float]:
        """Joules that the GPUs took: power times time between samples."""
        seconds, power = COLUMNS.index("seconds"), COLUMNS.index("gpu_power_watts")
        joules, known = 0.0, False
        for before, after in zip(self._rows, self._rows[1:]):
            a, b, since, until = before[power], after[power], before[seconds], after[seconds]
            if a is not None and b is not None and since is not None and until is not None:
                joules += (a + b) / 2 * (until - since)
                known = True
        return round(joules, 1) if known else None


def descendants(pid: int) -> List[int]:
    """The processes below this one."""
    found: List[int] = []
    seen: Set[int] = {pid}
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        for task in _names("/proc/%d/task" % parent):
            for word in _read("/proc/%d/task/%s/children" % (parent, task)).split():
                child = int(word)
                if child not in seen:
                    seen.add(child)
                    found.append(child)
                    waiting.append(child)
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """What they used and what the children that they waited for used; this process's too."""
    ended = _ticks(os.getpid(), own=False)  # first: a child that ends meanwhile counts once at most
    return (ended + sum(_ticks(pid, own=True) for pid in pids)) / float(_TICKS)


def _ticks(pid: int, *, own: bool) -> int:
    fields = _read("/proc/%d/stat" % pid).rpartition(")")[2].split()
    numbers = [_number(fields, index) or 0 for index in (11, 12, 13, 14)]
    return sum(numbers) if own else sum(numbers[2:])


def storage_bytes(pid: int) -> "Optional[tuple[int, int]]":
    """Bytes that a process has read from storage and written to it; None if it is not told."""
    found = dict(
        line.split(": ", 1) for line in _read("/proc/%d/io" % pid).splitlines() if ": " in line
    )
    if "read_bytes" not in found:
        return None
    return int(found["read_bytes"]), int(found["write_bytes"])


def network_bytes() -> "tuple[Optional[float], Optional[float]]":
    """Bytes received and sent by all interfaces but the loopback, since they are up."""
    received = sent = 0
    lines = _read("/proc/net/dev").splitlines()[2:]
    for line in lines:
        name, _, numbers = line.partition(":")
        fields = numbers.split()
        if name.strip() != "lo" and len(fields) >= 9:
            received, sent = received + int(fields[0]), sent + int(fields[8])
    return (float(received), float(sent)) if lines else (None, None)


def _names(directory: str) -> List[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _number(fields: Sequence[str], index: int) -> Optional[int]:
    return int(fields[index]) if len(fields) > index and fields[index].isdigit() else None

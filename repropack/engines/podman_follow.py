"""Following a Podman container from its start to its end: output, memory, timeout, Ctrl-C."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO

from repropack.engines.build_log import lines_of
from repropack.engines.ending import Ending, How
from repropack.engines.model import STOP_GRACE_S, Progress
from repropack.engines.podman_cli import Podman
from repropack.errors import RunError

_TICK_S = 1.0
_QUIET_S = 10.0
_FIRST_SAMPLE_S = 0.3
_TAIL_LINES = 5
_MIB = 1 << 20
_CHUNK_BYTES = 1 << 16
_CGROUPS = Path("/sys/fs/cgroup")


def follow(
    podman: Podman,
    container: str,
    limit_s: float | None,
    progress: Progress,
    stop: threading.Event,
) -> Ending:
    """Start `container` and follow it to its end.

    Stop it at `limit_s` seconds, on Ctrl-C, or when `stop` is set, which takes up to a second.
    `RunError` if it cannot be started.
    """
    words = ("start", "--attach", "--sig-proxy=false", container)
    with podman.started(*words, said=subprocess.STDOUT) as process:
        follower = _Follower(podman, container, process, progress)
        how = follower.follow(limit_s, stop)
        seconds = round(time.monotonic() - follower.began, 3)
    if how is How.EXITED and not _was_started(podman, container):
        raise podman.failure(
            "\n".join(follower.tail), kind=RunError, doing="the run could not be started"
        )
    return Ending(
        how=how,
        seconds=seconds,
        peak_memory_bytes=follower.peak_bytes or None,
        tail=tuple(follower.tail),
    )


class _Follower:
    def __init__(
        self, podman: Podman, container: str, process: subprocess.Popen[bytes], progress: Progress
    ) -> None:
        assert process.stdout is not None  # it was asked for
        self._podman = podman
        self._container = container
        self._progress = progress
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._memory: Path | None = None
        self._asked = False
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.peak_bytes = 0
        self.began = self._heard = time.monotonic()
        reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        reader.start()

    def _read(self, output: IO[bytes]) -> None:
        with suppress(OSError, ValueError):  # it was closed: the run was stopped
            for line in lines_of(iter(lambda: os.read(output.fileno(), _CHUNK_BYTES), b"")):
                self._lines.put(line)
        self._lines.put(None)

    def follow(self, limit_s: float | None, stop: threading.Event) -> How:
        try:
            if self._until_end(limit_s, stop):
                return How.EXITED
            self._stop()
            return How.OVERDUE
        except KeyboardInterrupt:
            self._progress("stopping the run")
            self._stop()
            return How.INTERRUPTED

    def _until_end(self, limit_s: float | None, stop: threading.Event) -> bool:
        """Take its output until it ends; False when the time is over before that."""
        next_sample = self.began + _FIRST_SAMPLE_S
        while True:
            if limit_s is not None and time.monotonic() - self.began >= limit_s:
                return False
            if stop.is_set():
                raise KeyboardInterrupt
            if time.monotonic() >= next_sample:
                next_sample = time.monotonic() + _TICK_S
                self._measure()
            try:
                line = self._lines.get(timeout=max(0.0, next_sample - time.monotonic()))
            except queue.Empty:
                continue
            if line is None:
                return True
            self._heard = time.monotonic()
            self.tail.append(line)
            self._progress(line)

    def _measure(self) -> None:
        """Keep the peak, and show a sign of life when the experiment says nothing."""
        if self._memory is None and not self._asked:
            self._asked = True
            self._memory = _memory_file(self._podman, self._container)
        if self._memory is not None:
            with suppress(OSError, ValueError):  # the container has just ended
                self.peak_bytes = max(self.peak_bytes, int(self._memory.read_text()))
        now = time.monotonic()
        if now - self._heard >= _QUIET_S:
            self._heard = now
            memory = f", {self.peak_bytes // _MIB} MiB of memory" if self.peak_bytes else ""
            self._progress(f"running for {now - self.began:.0f} s{memory}")

    def _stop(self) -> None:
        """Ask the runner to end the experiment and to write its record; then insist."""
        with suppress(KeyboardInterrupt, RunError):  # asked twice: it is removed at once
            self._podman.ask(
                *("stop", "--time", str(STOP_GRACE_S), self._container),
                kind=RunError,
                doing="stopping",
            )


def _memory_file(podman: Podman, container: str) -> Path | None:
    """Where the kernel says how much memory the container uses (cgroup v2, on this machine)."""
    with suppress(RunError):
        words = ("container", "inspect", "--format", "{{.State.CgroupPath}}", container)
        path = podman.ask(*words, kind=RunError, doing="podman").strip().lstrip("/")
        for name in ("memory.peak", "memory.current"):
            if path and (_CGROUPS / path / name).is_file():
                return _CGROUPS / path / name
    return None


def _was_started(podman: Podman, container: str) -> bool:
    try:
        words = ("container", "inspect", "--format", "{{.State.StartedAt.Unix}}", container)
        return int(podman.ask(*words, kind=RunError, doing="podman")) > 0
    except (RunError, ValueError):
        return True  # it is gone; what is missing then is told as such

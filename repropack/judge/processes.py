"""One shell command in a session of its own, whose output is pumped until nothing of it is left.

Owns: start, timeout, stopping the whole group, processes that were left behind.
Does not own: what the output is used for (a callable gets it), records (`runner`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Callable, Mapping, Optional, Set

_POLL_S = 0.1
_CHUNK_BYTES = 1 << 16
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Ending:
    """How a command ended: `why` is `exit`, `timeout`, `interrupted` or `not started`.

    `code` is the exit code, negative for a signal as in subprocess; `error` belongs to
    `not started`; `left_behind` tells that processes outlived the command and were killed.
    """

    why: str
    code: Optional[int] = None
    error: str = ""
    left_behind: bool = False


class StopRequest:
    """Whether somebody asked the run to stop, and how often; signal handlers set it."""

    def __init__(self) -> None:
        self.count = 0
        self.signal_name = ""

    def __call__(self, number: int, _frame: object = None) -> None:
        """Note one more request; this is a signal handler."""
        self.count += 1
        self.signal_name = signal.Signals(number).name


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants, so that none can escape by leaving its group."""
    # Elsewhere than on Linux the process group has to do.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(
    command: str,
    cwd: str,
    env: Mapping[str, str],
    timeout_s: Optional[float],
    grace_s: float,
    stop: StopRequest,
    sink: Callable[[bytes], None],
) -> Ending:
    """Run `sh -c command` and give its merged output to `sink`; returns when all of it has ended.

    After `timeout_s`, or when `stop` is set, the group gets SIGTERM and after `grace_s` SIGKILL;
    a second stop request kills at once.
    """
    others = _children(os.getpid())
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Ending("not started", error=str(error))
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    pump = _Pump(process, sink)
    try:
        why = _wait(process, pump, deadline, grace_s, stop)
    finally:
        left_behind = _kill_rest(process.pid, others | {process.pid})
        process.wait()
        pump.drain(2.0)
    return Ending(why, process.returncode, left_behind=left_behind)


class _Pump:
    """Moves bytes from the command's output to the sink, without ever blocking for long."""

    def __init__(self, process: subprocess.Popen[bytes], sink: Callable[[bytes], None]) -> None:
        assert process.stdout is not None
        self._stream = process.stdout
        self._sink = sink
        os.set_blocking(self._stream.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stream, selectors.EVENT_READ)
        self.open = True

    def step(self, wait_s: float) -> bool:
        """Wait for output and pass it on; False when there was none."""
        if not self.open:
            time.sleep(wait_s)
            return False
        if not self._selector.select(wait_s):
            return False
        try:
            data = os.read(self._stream.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self.close()
            return False
        self._sink(data)
        return True

    def idle(self) -> None:
        """Tell the sink that time has passed."""
        self._sink(b"")

    def drain(self, limit_s: float) -> None:
        """Pass on what is left in the pipe and close it, even if somebody still holds it."""
        end = time.monotonic() + limit_s
        while self.open and time.monotonic() < end and self.step(0.05):
            pass
        self.close()

    def close(self) -> None:
        if self.open:
            self.open = False
            self._selector.close()
            self._stream.close()


def _wait(
    process: subprocess.Popen[bytes],
    pump: _Pump,
    deadline: Optional[float],
    grace_s: float,
    stop: StopRequest,
) -> str:
    """Until the command has ended; why it did."""
    why, kill_at = "exit", None  # type: str, Optional[float]
    while True:
        if not pump.step(_POLL_S if pump.open else _POLL_S / 5):
            pump.idle()  # so that a progress line that was held back can be shown
        if process.poll() is not None:
            return why
        now = time.monotonic()
        if kill_at is None and (stop.count or (deadline is not None and now >= deadline)):
            why = "interrupted" if stop.count else "timeout"
            kill_at = now + grace_s
            _signal_group(process.pid, signal.SIGTERM)
        if kill_at is not None and (now >= kill_at or stop.count > 1):
            _signal_group(process.pid, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _kill_rest(group: int, known: Set[int]) -> bool:
    """Kill what is left of the group, then every orphan that came to us; whether there was any."""
    left_behind = _group_lives(group)
    _signal_group(group, signal.SIGKILL)
    end = time.monotonic() + 5.0
    while time.monotonic() < end:
        orphans = _children(os.getpid()) - known
        if not orphans:
            break
        for pid in orphans:
            left_behind = _kill_and_reap(pid) or left_behind
    return left_behind


def _kill_and_reap(pid: int) -> bool:
    """Whether the orphan was still running. A zombie is only reaped."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ChildProcessError, ProcessLookupError, PermissionError):
        return False
    return True


def _group_lives(group: int) -> bool:
    """Whether any process of the group is more than a zombie."""
    for pid in _numbers("/proc"):
        fields = _stat(pid)
        if len(fields) > 2 and fields[2] == str(group) and fields[0] not in ("Z", "X"):
            return True
    return False


def _children(parent: int) -> Set[int]:
    found = set()
    for pid in _numbers("/proc"):
        fields = _stat(pid)
        if len(fields) > 1 and fields[1] == str(parent):
            found.add(pid)
    return found


def _stat(pid: int) -> "list[str]":
    """State, parent, group, … of a process; empty if it is gone."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as stream:
            return stream.read().rpartition(b")")[2].decode("ascii", "replace").split()
    except OSError:
        return []


def _numbers(directory: str) -> "list[int]":
    try:
        return [int(name) for name in os.listdir(directory) if name.isdigit()]
    except OSError:
        return []

"""A runner's process on this machine, followed like a container: output, outer timeout, Ctrl-C.

Owns: the process from its start to its end. Does not own: what it is that runs (`venv_run`,
`cluster_run`), or the experiment's own timeout, log and record (the runner's business).
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from repropack.engines.build_log import one_line
from repropack.engines.model import OUTER_GRACE_S, STOP_GRACE_S, Progress, RunStatus
from repropack.errors import RunError

_TICK_S = 1.0
_POLL_S = 0.005
_CHUNK_BYTES = 1 << 16


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a runner to end the experiment and to write its record."""
    process.terminate()


class Runner:
    """A runner's process. `sweep` is called when it has ended, for what it may have left running.

    `timeout_s` is the experiment's own timeout; `ask_to_end` is how the runner is asked to stop.
    `last_line` is what came last of it.
    Raises `RunError` if it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        variables: Mapping[str, str],
        timeout_s: float | None,
        sweep: Callable[[], None],
        ask_to_end: Callable[[subprocess.Popen[bytes]], None] = end,
    ) -> None:
        self._limit_s = None if timeout_s is None else timeout_s + OUTER_GRACE_S
        self._began = time.monotonic()
        self._rest = b""
        self.last_line = ""
        self._sweep = sweep
        self._ask_to_end = ask_to_end
        try:
            # A session of its own: Ctrl-C reaches the runner once, from here.
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise RunError(f"the run could not be started: {error}") from error
        assert self._process.stdout is not None  # it was asked for
        self._output = self._process.stdout

    @property
    def code(self) -> int | None:
        """The runner's exit code, 128 and the signal's number if one ended it."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def follow(
        self, progress: Progress, stop: threading.Event | None = None
    ) -> tuple[RunStatus, str]:
        """Follow the runner to its end; say how it ended, and why it was stopped."""
        try:
            if self._until_end(progress, stop or threading.Event()):
                return RunStatus.COMPLETED, ""
            self._stop()
            return RunStatus.COMPLETED, "the runner did not end within its timeout and was stopped"
        except KeyboardInterrupt:
            progress("stopping the run")
            self._stop()
            return RunStatus.INTERRUPTED, "stopped by the user"
        finally:
            self._kill()
            self._sweep()

    def _until_end(self, progress: Progress, stop: threading.Event) -> bool:
        """Show the output until it ends; False when the time is over before that.

        `KeyboardInterrupt` when somebody stops it, from this thread or another.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while True:
                ended = self._process.poll() is not None
                if selector.select(0 if ended else _TICK_S):
                    if not self._read(progress):
                        break
                elif ended:
                    break  # something that it left behind holds the pipe open
                if self._is_overdue():
                    return False
                if stop.is_set():
                    raise KeyboardInterrupt
        while self._process.poll() is None:
            if self._is_overdue():
                return False
            time.sleep(_POLL_S)
        return True

    def _is_overdue(self) -> bool:
        return self._limit_s is not None and time.monotonic() - self._began > self._limit_s

    def _read(self, progress: Progress) -> bool:
        chunk = os.read(self._output.fileno(), _CHUNK_BYTES)
        *lines, self._rest = (self._rest + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if text := one_line(line.decode("utf-8", "replace")):
                self.last_line = text
                progress(text)
        return bool(chunk)

    def _stop(self) -> None:
        """Ask the runner to end the experiment and to write its record; then insist."""
        self._ask_to_end(self._process)
        try:
            self._process.wait(timeout=STOP_GRACE_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            return

    def _kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._output.close()

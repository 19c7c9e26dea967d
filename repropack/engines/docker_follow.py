"""Following a container from its start to its end: output, memory, timeout, Ctrl-C.

Owns: the three streams of one container (output, statistics, end) as one queue of events.
Does not own: creating and removing the container (`docker_run`).
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from repropack.engines.build_log import lines_of
from repropack.engines.diagnosis import explain
from repropack.engines.docker_client import translated
from repropack.engines.ending import Ending, How
from repropack.engines.model import STOP_GRACE_S, Progress
from repropack.errors import RunError

if TYPE_CHECKING:
    from docker import APIClient

_TICK_S = 1.0
_QUIET_S = 10.0
_LAST_OUTPUT_S = 2.0
_FIRST_SAMPLE_S = 0.1
_JOIN_S = 2.0
_TAIL_LINES = 5
_MIB = 1 << 20


def follow(
    client: APIClient,
    container: str,
    limit_s: float | None,
    progress: Progress,
    stop: threading.Event | None = None,
) -> Ending:
    """Start `container` and follow it to its end.

    Stop it at `limit_s` seconds, on Ctrl-C, or when `stop` is set, which takes up to a second.
    `RunError` if it cannot be started.
    """
    return _Follower(client, container, progress, stop or threading.Event()).follow(limit_s)


class _Follower:
    def __init__(
        self, client: APIClient, container: str, progress: Progress, asked: threading.Event
    ) -> None:
        self._asked = asked
        self._client = client
        self._container = container
        self._progress = progress
        self._events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._memory_bytes: list[int] = []
        self._began = self._heard = time.monotonic()
        self._exited = self._silent = False
        self._detail = ""
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sampling: threading.Thread | None = None
        self._stream: Any = None
        # Before API 1.41 the daemon takes two samples a second apart before it answers.
        self._one_shot = _version(client.api_version) >= (1, 41)

    def follow(self, limit_s: float | None) -> Ending:
        try:
            how = self._follow(limit_s)
            seconds = round(time.monotonic() - self._began, 3)
            if not self._detail:
                self._last_output()
        finally:
            self._close()
        return Ending(
            how=how,
            seconds=seconds,
            peak_memory_bytes=max(self._memory_bytes, default=None),
            detail=self._detail,
            tail=tuple(self._tail),
        )

    def _follow(self, limit_s: float | None) -> How:
        try:
            self._start()
            how = self._until_end(limit_s)
            if how is How.OVERDUE:
                self._stop()
            return how
        except KeyboardInterrupt:
            self._progress("stopping the run")
            self._stop()
            return How.INTERRUPTED

    def _start(self) -> None:
        with translated(RunError, "the run could not be started"):
            # Attached before the start: no line is missed, and nothing is kept by the daemon.
            self._stream = self._client.attach(self._container, stream=True, logs=False)
            self._client.start(self._container)
        self._began = time.monotonic()
        self._thread("line", lambda: lines_of(self._stream))
        self._sampling = self._thread("stats", self._stats)
        self._thread("exit", lambda: iter([self._client.wait(self._container, timeout=None)]))

    def _thread(self, kind: str, source: Callable[[], Iterator[Any]]) -> threading.Thread:
        """Turn a blocking stream of the SDK into events of the queue."""

        def pump() -> None:
            try:
                for item in source():
                    self._events.put((kind, item))
            except Exception as error:  # whatever the connection breaks with, it broke
                self._events.put((f"{kind} broken", error))
            self._events.put((f"{kind} over", None))

        thread = threading.Thread(target=pump, name=f"{self._container}-{kind}", daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def _stats(self) -> Iterator[dict[str, Any]]:
        """Samples, asked for one by one: a stream of them would outlive the container."""
        pause_s = _FIRST_SAMPLE_S
        while not self._over.wait(pause_s):
            yield self._client.stats(self._container, stream=False, one_shot=self._one_shot)
            pause_s = _TICK_S

    def _until_end(self, limit_s: float | None) -> How:
        deadline = None if limit_s is None else self._began + limit_s
        while not self._exited:
            if deadline is not None and time.monotonic() >= deadline:
                return How.OVERDUE
            if self._asked.is_set():
                raise KeyboardInterrupt
            self._take(_TICK_S)
        return How.ENGINE_GONE if self._detail else How.EXITED

    def _take(self, wait_s: float) -> None:
        try:
            kind, item = self._events.get(timeout=wait_s)
        except queue.Empty:
            return
        if kind == "line":
            self._say(item)
        elif kind == "stats":
            self._measure(item)
        elif kind == "exit broken":
            self._detail = explain(str(item)).what
        elif kind == "exit over":
            self._exited = True
        elif kind == "line over":
            self._silent = True

    def _say(self, line: str) -> None:
        self._heard = time.monotonic()
        self._tail.append(line)
        self._progress(line)

    def _measure(self, sample: dict[str, Any]) -> None:
        """Keep the peak, and show a sign of life when the experiment says nothing."""
        memory_bytes = _memory_bytes(sample)
        if memory_bytes is None:
            return
        self._memory_bytes.append(memory_bytes)
        now = time.monotonic()
        if now - self._heard >= _QUIET_S:
            self._heard = now
            seconds = now - self._began
            self._progress(f"running for {seconds:.0f} s, {memory_bytes // _MIB} MiB of memory")

    def _stop(self) -> None:
        """Ask the runner to end the experiment and to write its record; then insist."""
        try:
            self._client.stop(self._container, timeout=STOP_GRACE_S)
        except KeyboardInterrupt:
            return  # asked twice: the container is removed at once
        except Exception as error:  # the connection broke: what is left is removed by the caller
            self._detail = explain(str(error)).what

    def _close(self) -> None:
        """End the threads and the connection that was taken over for the output."""
        self._over.set()
        with contextlib.suppress(Exception):  # it may be closed from the other side
            self._stream.close()
        for thread in self._threads:
            # The daemon may take a second for a last sample, which nobody wants any more.
            if thread is not self._sampling:
                thread.join(timeout=_JOIN_S)
        # docker-py only closes the socket, which stays open as long as its response holds it.
        with contextlib.suppress(Exception):
            self._stream._response.close()

    def _last_output(self) -> None:
        """Take the lines that were still on their way when the container ended."""
        deadline = time.monotonic() + _LAST_OUTPUT_S
        while not self._silent and (left := deadline - time.monotonic()) > 0:
            self._take(left)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _memory_bytes(sample: dict[str, Any]) -> int | None:
    """Memory in use without the file cache that the kernel would give back (as `docker stats`)."""
    memory = sample.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    detail = memory.get("stats") or {}
    cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return max(int(memory["usage"]) - int(cache), 0)

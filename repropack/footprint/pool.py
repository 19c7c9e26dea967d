"""Tasks over a tree, done here or in processes, which are started when they pay.

Owns: the processes, their end, and how much they have read so far.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from repropack.footprint import reading
from repropack.footprint.model import Algorithm
from repropack.footprint.reading import LARGE, Advance
from repropack.footprint.walk import Tree

_HERE_FILES = 2000
_HERE_BYTES = LARGE
#: A process that waits for the disk leaves its core to another. 200 000 small files from a disk, on
#: two cores: 16 s with two processes, 10.6 s with four, 7.5 s with eight, 7.2 s with sixteen.
_READERS = 8
TICK_S = 0.2
_COUNT_BYTES = 1 << 20
Tick = Callable[[], None]
Result = TypeVar("Result", covariant=True)

_counter: Any = None
_stop: Any = None
_uncounted = 0


def cores() -> int:
    """How many cores there are for this process; at most 16 are used."""
    return min(len(os.sched_getaffinity(0)), 16)


class Task(Protocol[Result]):
    """Something to do with some of a tree's files. Travels to another process."""

    @property
    def n_files(self) -> int:
        """How many files it is about."""

    def run(
        self, tree: Tree, advance: Advance, *, threads: int, mapped: bool, small: bool
    ) -> Result:
        """Do it. `mapped`: in a process that may die. `small`: large files may be left."""


class _Stopped(Exception):
    """In a process: nobody waits for the hash any more."""


def _begin(counter: Any, stop: Any, room: Any) -> None:
    """In a new process: Ctrl-C is the parent's to act upon, and its end is this one's."""
    global _counter, _stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _counter, _stop = counter, stop
    reading.room = room
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed cannot end its processes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _count(size_bytes: int) -> None:
    global _uncounted
    _uncounted += size_bytes
    if _uncounted >= _COUNT_BYTES:
        with _counter.get_lock():
            _counter.value += _uncounted
        _uncounted = 0
    if _stop.value:
        raise _Stopped


def _work(root: bytes, named: str, task: Task[Result], threads: int) -> Result:
    tree = Tree(os.fsdecode(root), named)
    return task.run(tree, _count, threads=threads, mapped=True, small=False)


class Pool:
    """Does tasks here or in processes."""

    def __init__(self, tree: Tree, algorithm: Algorithm, *, jobs: int | None = None) -> None:
        """`jobs`: how many processes; without it as many as keep the cores and a disk busy."""
        self.tree = tree
        self.algorithm = algorithm
        self.jobs = jobs or max(cores(), _READERS)
        self._given_files = 0
        self._given_bytes = 0
        self._read_bytes = 0
        self._executor: ProcessPoolExecutor | None = None
        self._counter: Any = None
        self._stop: Any = None

    @property
    def _threads(self) -> int:
        """How many hash at once: more would wait for a core, not for a disk."""
        return min(self.jobs, cores())

    @property
    def _at_once(self) -> int:
        """How many large files are read at once. BLAKE3 needs all cores for one."""
        return 1 if self.algorithm is Algorithm.BLAKE3 else self._threads

    @property
    def read_bytes(self) -> int:
        """How much has been read so far, here and in processes."""
        return self._read_bytes + (self._counter.value if self._counter is not None else 0)

    def submit(self, task: Task[Result], n_bytes: int) -> Future[Result] | None:
        """Begin with a task elsewhere; None where it is to be done here.

        `n_bytes` is what is known to be read for it.
        """
        self._given_files += task.n_files
        self._given_bytes += n_bytes
        few = self._given_files <= _HERE_FILES
        little = max(self._given_bytes, self._read_bytes) <= _HERE_BYTES
        quick = few and little and self._executor is None
        if n_bytes < LARGE and (quick or self.jobs == 1):
            return None
        self._start()
        assert self._executor is not None
        named = os.fsdecode(self.tree.single)
        try:
            return self._executor.submit(_work, self.tree.root, named, task, self._threads)
        except BrokenProcessPool:
            self.close()
            return None

    def _start(self) -> None:
        if self._executor is not None:
            return
        # A copy of this process is there at once, a new one has Python to start and modules to
        # import. But a copy has no other threads, and what they held is held for ever.
        alone = threading.active_count() == 1
        context = multiprocessing.get_context("fork" if alone else "spawn")
        self._counter = self._counter or context.Value("Q", 0)
        self._stop = context.Value("b", 0, lock=False)
        self._executor = ProcessPoolExecutor(
            self.jobs,
            mp_context=context,
            initializer=_begin,
            initargs=(self._counter, self._stop, context.Semaphore(self._at_once)),
        )

    def take(self, task: Task[Result], future: Future[Result] | None, tick: Tick) -> Result:
        """What came of a task. One whose process died is done again here, by reading."""
        if future is not None:
            try:
                return _wait(future, tick)
            except BrokenProcessPool:
                self.close()

        def advance(size_bytes: int) -> None:
            self._read_bytes += size_bytes
            tick()

        small = future is None
        return task.run(self.tree, advance, threads=1, mapped=False, small=small)

    def close(self) -> None:
        """End the processes, also in the middle of a file."""
        executor, self._executor = self._executor, None
        if executor is not None:
            self._stop.value = 1
            executor.shutdown(wait=True, cancel_futures=True)


def _wait(future: Future[Result], tick: Tick) -> Result:
    while True:
        try:
            return future.result(timeout=TICK_S)
        except TimeoutError:
            tick()

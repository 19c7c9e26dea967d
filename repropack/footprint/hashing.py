"""Many files' hashes, in the order in which the files were found.

Small files cost system calls and Python's own time, so they are shared among processes, in
batches; large ones go to a process that maps them and hashes with all cores. A few small files
are hashed here: starting processes takes longer.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from repropack.footprint.model import Algorithm, Found, Hashed
from repropack.footprint.reading import LARGE, Advance, hash_file
from repropack.footprint.walk import Tree

_BATCH_FILES = 1000
_HERE_FILES = 2000
_HERE_BYTES = LARGE
_TICK_S = 0.2
_COUNT_BYTES = 1 << 20
Answers = list[bytes | str]
Tick = Callable[[], None]

_counter: Any = None
_stop: Any = None
_uncounted = 0


class _Stopped(Exception):
    """In a process: nobody waits for the hash any more."""


def _begin(counter: Any, stop: Any) -> None:
    """In a new process: Ctrl-C is the parent's to act upon, and its end is this one's."""
    global _counter, _stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _counter, _stop = counter, stop
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


def _work(
    root: bytes, named: str, batch: list[Found], algorithm: Algorithm, threads: int
) -> Answers:
    return _answers(Tree(os.fsdecode(root), named), batch, algorithm, threads, _count, mapped=True)


def _answers(
    tree: Tree,
    batch: list[Found],
    algorithm: Algorithm,
    threads: int,
    advance: Advance,
    *,
    mapped: bool = False,
) -> Answers:
    return [
        hash_file(tree, found, algorithm, advance=advance, threads=threads, mapped=mapped)
        for found in batch
    ]


class Pool:
    """Hashes batches here or in processes, which it starts when they pay."""

    def __init__(self, tree: Tree, algorithm: Algorithm, *, jobs: int) -> None:
        self.tree = tree
        self.algorithm = algorithm
        self.jobs = jobs
        self._given_files = 0
        self._given_bytes = 0
        self._read_bytes = 0
        self._executor: ProcessPoolExecutor | None = None
        self._counter: Any = None
        self._stop: Any = None

    @property
    def read_bytes(self) -> int:
        """How much has been read so far, here and in processes."""
        return self._read_bytes + (self._counter.value if self._counter is not None else 0)

    def submit(self, batch: list[Found]) -> Future[Answers] | None:
        """Begin with a batch elsewhere; None where it is to be done here."""
        total = sum(found.size_bytes for found in batch)
        self._given_files += len(batch)
        self._given_bytes += total
        few = self._given_files <= _HERE_FILES and self._given_bytes <= _HERE_BYTES
        if few or (self.jobs == 1 and total < LARGE):
            return None
        self._start()
        assert self._executor is not None
        try:
            return self._executor.submit(
                _work,
                self.tree.root,
                os.fsdecode(self.tree.single),
                batch,
                self.algorithm,
                self.jobs,
            )
        except BrokenProcessPool:
            self.close()
            return None

    def _start(self) -> None:
        if self._executor is not None:
            return
        context = multiprocessing.get_context("spawn")
        self._counter = self._counter or context.Value("Q", 0)
        self._stop = context.Value("b", 0, lock=False)
        self._executor = ProcessPoolExecutor(
            self.jobs,
            mp_context=context,
            initializer=_begin,
            initargs=(self._counter, self._stop),
        )

    def take(self, batch: list[Found], future: Future[Answers] | None, tick: Tick) -> Answers:
        """The hashes of a batch. One whose process died is done again here, by reading."""
        if future is not None:
            try:
                return _wait(future, tick)
            except BrokenProcessPool:
                self.close()

        def advance(size_bytes: int) -> None:
            self._read_bytes += size_bytes
            tick()

        return _answers(self.tree, batch, self.algorithm, 1, advance)

    def close(self) -> None:
        """End the processes, also in the middle of a file."""
        executor, self._executor = self._executor, None
        if executor is not None:
            self._stop.value = 1
            executor.shutdown(wait=True, cancel_futures=True)


def _wait(future: Future[Answers], tick: Tick) -> Answers:
    while True:
        try:
            return future.result(timeout=_TICK_S)
        except TimeoutError:
            tick()


def hash_all(items: Iterable[Hashed], pool: Pool, tick: Tick) -> Iterator[Hashed]:
    """The same items in the same order, those with `wanted` with their hash or their trouble."""
    waiting: deque[tuple[list[Hashed], list[Found], Future[Answers] | None]] = deque()
    try:
        for batch in _batches(items):
            wanted = [item.found for item in batch if item.wanted]
            waiting.append((batch, wanted, pool.submit(wanted) if wanted else None))
            tick()
            while len(waiting) > 2 * pool.jobs + 1 or (waiting and waiting[0][2] is None):
                yield from _taken(*waiting.popleft(), pool, tick)
        while waiting:
            yield from _taken(*waiting.popleft(), pool, tick)
    finally:
        pool.close()


def _batches(items: Iterable[Hashed]) -> Iterator[list[Hashed]]:
    batch: list[Hashed] = []
    size_bytes = 0
    for item in items:
        if item.wanted and item.found.size_bytes >= LARGE and batch:
            yield batch
            batch, size_bytes = [], 0
        batch.append(item)
        size_bytes += item.found.size_bytes if item.wanted else 0
        if len(batch) >= _BATCH_FILES or size_bytes >= LARGE:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _taken(
    batch: list[Hashed],
    wanted: list[Found],
    future: Future[Answers] | None,
    pool: Pool,
    tick: Tick,
) -> Iterator[Hashed]:
    if not wanted:
        yield from batch
        return
    answers = iter(pool.take(wanted, future, tick))
    for item in batch:
        if not item.wanted:
            yield item
            continue
        answer = next(answers)
        if isinstance(answer, bytes):
            yield item._replace(hash=answer)
        else:
            yield item._replace(found=item.found._replace(trouble=answer))

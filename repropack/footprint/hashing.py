"""Many files' hashes, in the order in which the files were found.

Small files cost system calls and Python's own time, so they are shared among processes, in
batches; large ones go to a process that maps them and hashes with all cores. A few small files
are hashed here: starting processes takes longer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass

from repropack.footprint.model import Algorithm, Found, Hashed
from repropack.footprint.pool import Pool, Tick
from repropack.footprint.reading import LARGE, Advance, hash_file
from repropack.footprint.walk import Tree

_BATCH_FILES = 1000
Answers = list[bytes | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The hash of each of some files, or why it has none."""

    batch: list[Found]
    algorithm: Algorithm

    @property
    def n_files(self) -> int:
        """How many files it is about."""
        return len(self.batch)

    def run(
        self, tree: Tree, advance: Advance, *, threads: int, mapped: bool, small: bool
    ) -> Answers:
        """Hash them."""
        return [
            hash_file(tree, found, self.algorithm, advance=advance, threads=threads, mapped=mapped)
            for found in self.batch
        ]


def hash_all(items: Iterable[Hashed], pool: Pool, tick: Tick) -> Iterator[Hashed]:
    """The same items in the same order, those with `wanted` with their hash or their trouble."""
    waiting: deque[tuple[list[Hashed], Task, Future[Answers] | None]] = deque()
    try:
        for batch in _batches(items):
            wanted = [item.found for item in batch if item.wanted]
            task = Task(batch=wanted, algorithm=pool.algorithm)
            size_bytes = sum(found.size_bytes for found in wanted)
            waiting.append((batch, task, pool.submit(task, size_bytes) if wanted else None))
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
    task: Task,
    future: Future[Answers] | None,
    pool: Pool,
    tick: Tick,
) -> Iterator[Hashed]:
    if not task.batch:
        yield from batch
        return
    found: Answers = pool.take(task, future, tick)
    answers = iter(found)
    for item in batch:
        if not item.wanted:
            yield item
            continue
        answer = next(answers)
        if isinstance(answer, bytes):
            yield item._replace(hash=answer)
        else:
            yield item._replace(found=item.found._replace(trouble=answer))

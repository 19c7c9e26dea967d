"""What comes of tasks in the order in which they were given, whoever does them.

A task may be done in part; what is left of it is begun with as soon as that is known, by as many as
can do it, and comes before what comes of the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from repropack.footprint.pool import Pool, Task, Tick

Result = TypeVar("Result")
#: Tasks that are left to do after a result, and how much of each is known to be read.
Rest = list[tuple[Task[Result], int]]


def nothing_left(result: object) -> Rest[Result]:
    """For tasks that are always done as a whole."""
    return []


def in_order(
    tasks: Iterable[Task[Result]],
    pool: Pool,
    tick: Tick,
    *,
    rest: Callable[[Result], Rest[Result]] = nothing_left,
) -> Iterator[Result]:
    """The results. There are never more new tasks under way than keep all processes busy."""
    waiting: deque[_Waiting[Result]] = deque()
    try:
        for task in tasks:
            waiting.append(_Waiting(task, 0, pool))
            tick()
            while waiting and (len(waiting) > 2 * pool.jobs + 1 or waiting[0].is_here):
                yield _first(waiting, pool, tick, rest)
        while waiting:
            yield _first(waiting, pool, tick, rest)
    finally:
        pool.close()


def _first(
    waiting: deque[_Waiting[Result]],
    pool: Pool,
    tick: Tick,
    rest: Callable[[Result], Rest[Result]],
) -> Result:
    """What came of the first task. What is left of it, and of others that have come, is begun with
    and takes its place behind it."""
    first = waiting.popleft()
    behind: list[_Waiting[Result]] = []
    for one in (first, *waiting):
        if one is not first:
            behind.append(one)
        if (one is first or one.has_come) and not one.is_taken:
            behind += (_Waiting(task, n_bytes, pool) for task, n_bytes in rest(one.take(tick)))
    waiting.clear()
    waiting.extend(behind)
    return first.take(tick)


class _Waiting(Generic[Result]):
    """A task that was given away, and what has come of it."""

    def __init__(self, task: Task[Result], n_bytes: int, pool: Pool) -> None:
        self._pool = pool
        self._task = task
        self._result: list[Result] = []
        self._future = pool.submit(task, n_bytes)

    @property
    def is_taken(self) -> bool:
        """Whether its result is here."""
        return bool(self._result)

    @property
    def is_here(self) -> bool:
        """Whether it is to be done here."""
        return self._future is None

    @property
    def has_come(self) -> bool:
        """Whether there is something to take without waiting."""
        return self._future is not None and self._future.done()

    def take(self, tick: Tick) -> Result:
        """Wait for the result."""
        if not self._result:
            self._result.append(self._pool.take(self._task, self._future, tick))
        return self._result[0]

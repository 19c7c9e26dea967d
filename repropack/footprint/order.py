"""What comes of tasks in the order in which they were given, whoever does them.

A task may be done in part; what is left of it is begun with as soon as that is known, and comes
before what comes of the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from repropack.footprint.pool import Pool, Task, Tick

Result = TypeVar("Result")
#: What is left to do after a result, and how much of it is known to be read.
Rest = tuple[Task[Result], int]


def nothing_left(result: object) -> None:
    """For tasks that are always done as a whole."""


def in_order(
    tasks: Iterable[Task[Result]],
    pool: Pool,
    tick: Tick,
    *,
    rest: Callable[[Result], Rest[Result] | None] = nothing_left,
) -> Iterator[Result]:
    """The results. There are never more tasks under way than keep all processes busy."""
    waiting: deque[_Waiting[Result]] = deque()
    try:
        for task in tasks:
            waiting.append(_Waiting(task, pool, rest))
            tick()
            while len(waiting) > 2 * pool.jobs + 1 or (waiting and waiting[0].is_here):
                yield from _first(waiting, tick)
        while waiting:
            yield from _first(waiting, tick)
    finally:
        pool.close()


def _first(waiting: deque[_Waiting[Result]], tick: Tick) -> Iterator[Result]:
    """The results of the first task, while the rests of others are begun with."""
    first = waiting.popleft()
    while not first.is_done:
        first.take(tick)
        for other in waiting:
            if other.has_come:
                other.take(tick)
    yield from first.results


class _Waiting(Generic[Result]):
    """A task that was given away, and what has come of it."""

    def __init__(
        self,
        task: Task[Result],
        pool: Pool,
        rest: Callable[[Result], Rest[Result] | None],
    ) -> None:
        self.results: list[Result] = []
        self._pool = pool
        self._rest = rest
        self._task: Task[Result] | None = task
        self._future = pool.submit(task, 0)

    @property
    def is_done(self) -> bool:
        """Whether all of it has been done."""
        return self._task is None

    @property
    def is_here(self) -> bool:
        """Whether it is to be done here."""
        return self._future is None

    @property
    def has_come(self) -> bool:
        """Whether there is something to take without waiting."""
        return not self.is_done and self._future is not None and self._future.done()

    def take(self, tick: Tick) -> None:
        """Wait for what comes next, and begin with the rest."""
        assert self._task is not None
        result = self._pool.take(self._task, self._future, tick)
        self.results.append(result)
        rest = self._rest(result)
        self._task = None
        if rest is not None:
            self._task, n_bytes = rest
            self._future = self._pool.submit(self._task, n_bytes)

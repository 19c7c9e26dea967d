"""How many runs there is room for at once, and the places where they are done.

Does not own: doing them (`running`).
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from repropack.engines import EngineFacts
from repropack.judge import turns


def room_for(record: dict[str, Any] | None, facts: EngineFacts) -> int:
    """How many such runs the machine can do at once; 0 when it is not known how much one takes."""
    if record is None:
        return 0
    return turns.room_for(record, facts.cpus or os.cpu_count() or 1, facts.memory_bytes)


class Place:
    """Where a run is done, with the GPU that is its own, or ""; it is left when that has ended."""

    def __init__(self, places: Places, gpu: str) -> None:
        self.gpu = gpu
        self._places = places
        self._left = threading.Lock()

    def leave(self) -> None:
        """Let the next run have it; a second time nothing happens."""
        if self._left.acquire(blocking=False):
            self._places.left(self.gpu)


class Places:
    """So many runs at once, each with a GPU of its own where it uses one and there are several."""

    def __init__(self, count: int, gpus: list[str]) -> None:
        self._free = threading.Semaphore(count)
        self._gpus: queue.SimpleQueue[str] = queue.SimpleQueue()
        for gpu in gpus:
            self._gpus.put(gpu)

    @contextmanager
    def taken(self, *, gpu: bool) -> Iterator[Place]:
        """Wait for a place, and leave it at the end at the latest."""
        self._free.acquire()
        place = Place(self, self._gpus.get() if gpu else "")
        try:
            yield place
        finally:
            place.leave()

    def left(self, gpu: str) -> None:
        """A place is free again, with its GPU."""
        if gpu:
            self._gpus.put(gpu)
        self._free.release()

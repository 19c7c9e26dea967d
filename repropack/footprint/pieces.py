"""Files that follow each other, cut into pieces that several processes can have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from repropack.footprint.model import Found, Run

Batch = tuple[Run | Found, ...]


def cut(batch: Batch, n_pieces: int, *, first_alone: bool = False) -> Iterator[Batch]:
    """At most so many pieces with as many files each, in their order. `first_alone`: one more."""
    items = list(_single(batch))
    begin = int(first_alone)
    if first_alone:
        yield (items[0],)
    step = max(1, -(-(len(items) - begin) // n_pieces))
    for number in range(begin, len(items), step):
        yield tuple(_joined(items[number : number + step]))


def _single(batch: Batch) -> Iterator[Run | Found]:
    for item in batch:
        if isinstance(item, Run):
            yield from (Run(item.directory, [name]) for name in item.names)
        else:
            yield item


def _joined(items: list[Run | Found]) -> Iterator[Run | Found]:
    for directory, group in groupby(items, _directory):
        if directory is None:
            yield from group
        else:
            yield Run(directory, [name for run in _runs(group) for name in run.names])


def _directory(item: Run | Found) -> bytes | None:
    return item.directory if isinstance(item, Run) else None


def _runs(items: Iterable[Run | Found]) -> Iterator[Run]:
    return (item for item in items if isinstance(item, Run))

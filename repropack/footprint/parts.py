"""A part of a tree, read and written down as its part of the footprint. Runs in processes.

What comes back is bytes that need no more than to be put in a row: a million files are a thousand
parts to whoever waits for them. What is told of a file is asked of its open descriptor, before and
after it was read, so that size, time and hash are of one and the same file.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from repropack.footprint import cache, ours
from repropack.footprint.model import UNKNOWN, Algorithm, Entry, Found, Run
from repropack.footprint.order import in_order
from repropack.footprint.pieces import cut
from repropack.footprint.pool import Pool, Tick
from repropack.footprint.reading import CHANGED, LARGE, Advance, hash_open, one_shot
from repropack.footprint.rooting import part
from repropack.footprint.walk import Tree, reason

#: A task ends after so many bytes, and what is left of it comes back: what was read is not lost
#: when the whole is stopped.
ENOUGH_BYTES = 64 << 20
#: Up to here a file is read at once.
_SMALL = 1 << 20
_TOLD_BYTES = 1 << 20
#: A file's path, what it was when it was read, and its hash.
_Read = tuple[bytes, os.stat_result, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Lines of the footprint, what its root hash is of, lines of the cache, and the sums.

    `rest` is what has not been done of the task, `large` whether it begins with a large file.
    """

    n_files: int
    n_links: int
    n_bytes: int
    max_mtime_ns: int
    lines: bytes
    root: bytes
    cache: bytes
    troubles: tuple[Found, ...]
    rest: Task | None
    large: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Files and links that follow each other, and what is to be written of them.

    `known` are the lines of the cache that may tell of them; with `remembered` new ones are made.
    """

    batch: tuple[Run | Found, ...]
    algorithm: Algorithm
    times: bool = True
    remembered: bool = False
    known: tuple[bytes, ...] = ()

    @property
    def n_files(self) -> int:
        """How many files it is about."""
        return sum(1 if isinstance(item, Found) else len(item.names) for item in self.batch)

    def run(self, tree: Tree, advance: Advance, *, threads: int, mapped: bool, small: bool) -> Part:
        """Do it, or the beginning of it. `small` leaves large files to another process."""
        work = _Work(self, tree, advance, threads=threads, mapped=mapped, small=small)
        for number, item in enumerate(self.batch):
            if isinstance(item, Found):
                work.note(item)
            elif (left := work.read(item)) is not None:
                return work.finish(replace(self, batch=(left, *self.batch[number + 1 :])))
        return work.finish(None)


def parts(tasks: Iterable[Task], pool: Pool, tick: Tick) -> Iterator[Part]:
    """What comes of tasks, in their order."""
    return in_order(tasks, pool, tick, rest=lambda part: list(_left(part, pool.jobs)))


def _left(part: Part, jobs: int) -> Iterator[tuple[Task, int]]:
    """What is left of a task, in as many pieces as there are processes to read them."""
    if part.rest is not None:
        for number, batch in enumerate(cut(part.rest.batch, jobs, first_alone=part.large)):
            yield replace(part.rest, batch=batch), LARGE * (part.large and number == 0)


class _Changed(Exception):
    """A file is not what it was a moment ago."""


class _Elsewhere(Exception):
    """A file is too large to be read here."""


class _Work:
    """Collects what is written of a task."""

    def __init__(
        self, task: Task, tree: Tree, advance: Advance, *, threads: int, mapped: bool, small: bool
    ) -> None:
        self.task = task
        self.tree = tree
        self.advance = advance
        self.threads = threads
        self.mapped = mapped
        self.small = small
        self.flags = tree.flags
        self.hasher = one_shot(task.algorithm)
        self.known = cache.lookup(task.known)
        self.began_ns = time.time_ns()
        self.n_files = self.n_links = self.n_bytes = self.max_mtime_ns = self.n_read = (
            self.n_told
        ) = 0
        self.lines: list[bytes] = []
        self.root: list[bytes] = []
        self.cache: list[bytes] = []
        self.troubles: list[Found] = []

    def note(self, found: Found) -> None:
        """A link, or what is no file."""
        if found.link is None:
            self.troubles.append(found)
        else:
            self.n_files += 1
            self.n_links += 1
            self.lines.append(ours.line(Entry(found.path, link=found.link)))
            self.root.append(part(b"l", found.path, found.link))

    def read(self, run: Run) -> Run | None:
        """Files of one directory; those that are left for another time."""
        directory, names = run
        try:
            entered = self.tree.enter(directory) if self.tree.is_directory else None
        except OSError as error:
            self.troubles += (Found(path, trouble=reason(error)) for path in run.paths())
            return None
        try:
            n_done = self._contents(run, entered)
        finally:
            if entered is not None:
                os.close(entered)
        return Run(directory, names[n_done:]) if n_done < len(names) else None

    def _contents(self, run: Run, entered: int | None) -> int:
        """Read the first of these files, as many as are to be read now."""
        directory, names = run
        done: list[_Read] = []
        number = 0
        for name in names:
            if self.n_read - self.n_told >= _TOLD_BYTES:
                self._tell()
            if self.n_read >= ENOUGH_BYTES:
                break
            path = directory + name
            place = self.tree.root if entered is None else name
            try:
                done.append(
                    (self.known and self._remembered(path, place, entered))
                    or (path, *self._content(place, entered))
                )
            except _Elsewhere:
                break
            except _Changed:
                self.troubles.append(Found(path, trouble=CHANGED))
            except OSError as error:
                self.troubles.append(Found(path, trouble=reason(error)))
            number += 1
        self._write(run, done)
        return number

    def _content(self, place: bytes, entered: int | None) -> tuple[os.stat_result, bytes]:
        """A file's hash, and what it was before and after it was read."""
        descriptor = os.open(place, self.flags, dir_fd=entered)
        try:
            before = os.fstat(descriptor)
            size_bytes = before.st_size
            if size_bytes >= _SMALL or not stat.S_ISREG(before.st_mode):
                return before, self._large(descriptor, before)
            piece = os.read(descriptor, size_bytes + 1)
            if len(piece) != size_bytes:
                return before, self._large(descriptor, before)
            after = os.fstat(descriptor)
            if (
                before.st_mtime_ns != after.st_mtime_ns
                or before.st_ctime_ns != after.st_ctime_ns
                or after.st_size != size_bytes
            ):
                raise _Changed
            self.n_read += size_bytes
            return before, self.hasher(piece).digest()
        finally:
            os.close(descriptor)

    def _large(self, descriptor: int, status: os.stat_result) -> bytes:
        """The hash of what is not read at once, or was not read as a whole at once."""
        if not stat.S_ISREG(status.st_mode):
            raise _Changed
        if self.small and status.st_size >= LARGE:
            raise _Elsewhere
        os.lseek(descriptor, 0, os.SEEK_SET)
        content = hash_open(
            descriptor,
            status,
            self.task.algorithm,
            advance=self.advance,
            threads=self.threads,
            mapped=self.mapped,
        )
        self.n_read += status.st_size
        self.n_told += status.st_size
        if isinstance(content, str):
            raise _Changed
        return content

    def _tell(self) -> None:
        self.advance(self.n_read - self.n_told)
        self.n_told = self.n_read

    def _remembered(self, path: bytes, place: bytes, entered: int | None) -> _Read | None:
        """A file that has been read by an earlier call."""
        told = self.known.get(cache.escaped(path))
        if told is None:
            return None
        status = os.stat(place, dir_fd=entered, follow_symlinks=entered is None)
        facts = cache.facts(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        content = cache.known(told, facts, self.task.algorithm.length)
        return (path, status, content) if content and stat.S_ISREG(status.st_mode) else None

    def _write(self, run: Run, done: list[_Read]) -> None:
        """Tell of files what is told of them."""
        if self.task.remembered:
            self._remember(done)
        self.n_files += len(done)
        self.n_bytes += sum([status.st_size for _, status, _ in done])
        if self.task.times:
            times = [status.st_mtime_ns for _, status, _ in done]
            self.max_mtime_ns = max(self.max_mtime_ns, *times, 0)
        else:
            times = [UNKNOWN] * len(done)
        if self.task.times and ours.are_plain(run):
            self.lines += [
                ours.file_line(path, status.st_size, mtime_ns, content.hex().encode())
                for (path, status, content), mtime_ns in zip(done, times, strict=True)
            ]
        else:
            self.lines += [
                ours.line(Entry(path, status.st_size, mtime_ns, content))
                for (path, status, content), mtime_ns in zip(done, times, strict=True)
            ]
        self.root += [part(b"f", path, content) for path, _, content in done]

    def _remember(self, done: list[_Read]) -> None:
        for path, status, content in done:
            mtime_ns, ctime_ns = status.st_mtime_ns, status.st_ctime_ns
            if cache.is_settled(mtime_ns, ctime_ns, self.began_ns):
                facts = cache.facts(status.st_size, mtime_ns, ctime_ns, status.st_ino)
                told = content.hex().encode()
                self.cache.append(cache.line(cache.escaped(path), facts, told))

    def finish(self, rest: Task | None) -> Part:
        """All of it."""
        self._tell()
        return Part(
            n_files=self.n_files,
            n_links=self.n_links,
            n_bytes=self.n_bytes,
            max_mtime_ns=self.max_mtime_ns,
            lines=b",\n".join((*self.lines, b"")),
            root=b"".join(self.root),
            cache=b"".join(self.cache),
            troubles=tuple(self.troubles),
            rest=rest,
            large=rest is not None and self.n_read < ENOUGH_BYTES,
        )

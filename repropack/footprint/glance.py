"""The short way to "nothing changed".

What a footprint would say of each file now is compared with its line, so that nothing has to be
parsed; what the lines say is added up and held against the footprint's own root hash and totals,
as in every check. Whatever is not as it was leaves the answer to the long way.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from repropack.footprint import ours, parts
from repropack.footprint.cache import StatCache
from repropack.footprint.model import Algorithm, Entry, Found, Run
from repropack.footprint.order import in_order
from repropack.footprint.packing import reading
from repropack.footprint.pool import Pool
from repropack.footprint.reading import Advance
from repropack.footprint.rooting import Root, part
from repropack.footprint.walk import Tree, batches

#: With fewer files the long way is as short.
MANY_FILES = 1000
_TASK_FILES = 1000
#: A file's time; in a name its quotes would be escaped.
_TIME = re.compile(rb',"mtime_ns":(0|-?[1-9][0-9]*),"hash"')


def unchanged(path: Path, pool: Pool, *, tick: Callable[[int], None]) -> int | None:
    """The bytes of a dataset that is as a footprint of ours says, by paths, sizes and times.

    None where anything differs, or cannot be told this way.
    """
    total = _Total(path)
    with reading(path) as file:
        if not ours.at_entries(file):
            return None
        tasks = _tasks(pool.tree, file, pool.algorithm, total.directories)
        for seen in in_order(tasks, pool, lambda: tick(total.root.n_files)):
            if total.ended or not seen.same:
                return None
            total.ended = seen.ended
            total.add(seen.root, seen.n_files, seen.n_bytes, seen.max_mtime_ns)
        return total.agreed(file)


def read_unchanged(
    path: Path, pool: Pool, known: StatCache, *, tick: Callable[[int], None]
) -> tuple[int, int] | None:
    """The same by paths, sizes and contents, and how many files were read for that.

    Every hash that was made is `known` afterwards, so that the long way need not read again.
    """
    total = _Total(path)
    with reading(path) as file:
        if not ours.at_entries(file):
            return None
        tasks = (
            parts.Task(batch=tuple(batch), algorithm=pool.algorithm, times=False, remembered=True)
            for _, batch in batches(pool.tree.runs(), total.directories, _TASK_FILES)
        )
        whole, n_links = True, 0
        for part in parts.parts(tasks, pool, lambda: tick(total.root.n_files)):
            known.put(part.cache)
            n_links += part.n_links
            lines = b"".join(islice(file, part.n_files)) if whole else b""
            if not total.ended and lines.endswith(b"}\n"):
                total.ended, lines = True, lines[:-1] + b",\n"
            whole = whole and not part.troubles and _TIME.sub(b',"hash"', lines) == part.lines
            times = map(int, _TIME.findall(lines))
            total.add(part.root, part.n_files, part.n_bytes, max(times, default=0))
        n_bytes = total.agreed(file) if whole else None
        return None if n_bytes is None else (n_bytes, total.root.n_files - n_links)


class _Total:
    """What has been found to agree so far, to be held against the footprint's head in the end."""

    def __init__(self, path: Path) -> None:
        self.summary = ours.Reader(path).summary
        self.root = Root(self.summary.algorithm)
        self.directories: list[bytes] = []
        self.ended = False

    def add(self, root: bytes, n_files: int, n_bytes: int, max_mtime_ns: int) -> None:
        """Some files."""
        self.root.add_part(root, n_files=n_files, n_bytes=n_bytes, max_mtime_ns=max_mtime_ns)

    def agreed(self, file: IO[bytes]) -> int | None:
        """The bytes of all files, if nothing but the empty directories is left of the footprint."""
        end = ours.end(self.directories)
        if self.ended != bool(self.root.n_files) or file.read(len(end) + 1) != end:
            return None
        for directory in self.directories:
            self.root.add_directory(directory)
        return self.root.n_bytes if self.root.summary() == self.summary else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What files are and what was recorded of them agree (`same`), and what the lines add up to.

    `ended`: the last line has no comma behind it, so that it is the footprint's last.
    """

    same: bool
    ended: bool = False
    n_files: int = 0
    n_bytes: int = 0
    max_mtime_ns: int = 0
    root: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Files and links that follow each other, and the footprint's lines of them."""

    batch: list[Run | Found]
    n_files: int
    lines: bytes
    algorithm: Algorithm

    def run(self, tree: Tree, advance: Advance, *, threads: int, mapped: bool, small: bool) -> Seen:
        """Compare them."""
        advance(0)
        *lines, after = self.lines.split(b"\n")
        if after or len(lines) != self.n_files:
            return Seen(same=False)
        ended = not lines[-1].endswith(b",")
        if ended:
            lines[-1] += b","
        work = _Work(tree, lines, self.algorithm)
        try:
            same = all(
                work.link(item) if isinstance(item, Found) else work.files(item)
                for item in self.batch
            )
        except (OSError, ValueError):
            same = False
        return Seen(
            same=same,
            ended=ended,
            n_files=self.n_files,
            n_bytes=work.n_bytes,
            max_mtime_ns=work.max_mtime_ns,
            root=b"".join(work.root),
        )


def _tasks(
    tree: Tree, file: IO[bytes], algorithm: Algorithm, directories: list[bytes]
) -> Iterator[Task]:
    """What is there, each piece with as many lines as it has files."""
    for n_files, batch in batches(tree.runs(), directories, _TASK_FILES):
        lines = b"".join(islice(file, n_files))
        yield Task(batch=batch, n_files=n_files, lines=lines, algorithm=algorithm)


class _Work:
    """Adds up what lines say, as far as they are right."""

    def __init__(self, tree: Tree, lines: list[bytes], algorithm: Algorithm) -> None:
        self.tree = tree
        self.lines = lines
        self.at = 0
        self.length = algorithm.length
        self.n_bytes = self.max_mtime_ns = 0
        self.root: list[bytes] = []

    def link(self, found: Found) -> bool:
        """A link, or what is no data."""
        self.at += 1
        if found.link is None:
            return False
        self.root.append(part(b"l", found.path, found.link))
        expected = ours.line(Entry(found.path, link=found.link)) + b","
        return self.lines[self.at - 1] == expected

    def files(self, run: Run) -> bool:
        """Files of one directory. Raises `OSError`, and `ValueError` for what is no hash."""
        lines = self.lines[self.at : self.at + len(run.names)]
        self.at += len(lines)
        found = self._looked_at(run)
        if not all(stat.S_ISREG(status.st_mode) for status in found):
            return False
        digits = [line[-3 - 2 * self.length : -3] for line in lines]
        sizes = [status.st_size for status in found]
        times = [status.st_mtime_ns for status in found]
        paths = run.paths()
        contents = bytes.fromhex(b"".join(digits).decode("ascii"))
        length = self.length
        if len(contents) != length * len(paths):
            return False
        self.n_bytes += sum(sizes)
        self.max_mtime_ns = max(self.max_mtime_ns, *times)
        cut = [contents[at : at + length] for at in range(0, len(contents), length)]
        self.root += [part(b"f", path, content) for path, content in zip(paths, cut, strict=True)]
        told: Iterable[bytes]
        if ours.are_plain(run):
            told = map(ours.file_line, paths, sizes, times, digits)
        else:
            told = map(ours.line, map(Entry, paths, sizes, times, cut))
        return [line + b"," for line in told] == lines

    def _looked_at(self, run: Run) -> list[os.stat_result]:
        if not self.tree.is_directory:
            return [os.stat(self.tree.root)]
        entered = self.tree.enter(run.directory)
        try:
            return [os.stat(name, dir_fd=entered, follow_symlinks=False) for name in run.names]
        finally:
            os.close(entered)

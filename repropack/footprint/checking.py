"""A dataset held against a footprint: the same, or what was added, removed and changed."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from repropack.errors import UsageError
from repropack.footprint import glance
from repropack.footprint.cache import StatCache
from repropack.footprint.following import Following, Total
from repropack.footprint.hashing import hash_all
from repropack.footprint.making import open_tree
from repropack.footprint.model import UNKNOWN, Entry, Found, Hashed, shown
from repropack.footprint.pool import Pool
from repropack.footprint.recorded import Recorded
from repropack.footprint.result import Checked, How
from repropack.footprint.walk import Tree
from repropack.progress import Reporter


def check(
    data: Path,
    recorded: Recorded,
    *,
    where: Path | None = None,
    how: How = How.QUICK,
    sample: float = 1.0,
    seed: int | None = None,
    jobs: int | None = None,
    cache: Path | None = None,
    named: str | None = None,
    reporter: Reporter,
) -> Checked:
    """Hold a file or directory against what is recorded of it.

    Quick: paths, sizes and times; a file whose time alone differs, or of which no time is recorded,
    is read. Deep: every file is read. Sampled: a random part, `sample`, of them. `where` is the
    footprint, which is no data should it lie there. With `cache`, files that were read before and
    have not been touched since need not be read again. `named` is what a single file is called.
    Raises `UsageError`, and `IntegrityError` when the footprint itself is damaged.
    """
    tree = open_tree(_payload(data, recorded), named)
    pool = Pool(tree, recorded.algorithm, jobs=jobs)
    part = {How.QUICK: 0.0, How.DEEP: 1.0, How.SAMPLED: sample}[how]
    total = Total(max(recorded.n_files, 0), int(max(recorded.n_bytes, 0) * part))
    following = Following(reporter, pool, total)
    checked = Checked(how=how, format=recorded.name, notes=recorded.notes)
    if how is How.SAMPLED:
        checked.seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    comparison = _Comparison(data, recorded, pool, following, checked)
    if recorded.lines and recorded.n_files >= glance.MANY_FILES:
        if how is How.QUICK and comparison.glance(recorded.lines):
            return checked
        if how is How.DEEP and cache is None:
            with tempfile.TemporaryDirectory() as scratch:
                if not comparison.read(recorded.lines, Path(scratch)):
                    comparison.run(_identity(where), sample, Path(scratch), read=True)
                return checked
    comparison.run(_identity(where), sample, cache)
    return checked


class _Comparison:
    """Holds a dataset against what is recorded of it: the short way, or the long one."""

    def __init__(
        self, data: Path, recorded: Recorded, pool: Pool, following: Following, checked: Checked
    ) -> None:
        self.data = data
        self.recorded = recorded
        self.pool = pool
        self.following = following
        self.checked = checked

    def glance(self, lines: Path) -> bool:
        """Whether nothing has changed as far as can be seen without reading."""
        n_bytes = glance.unchanged(lines, self.pool, tick=self.following.tick_at)
        self._note(n_bytes, 0)
        return n_bytes is not None

    def read(self, lines: Path, scratch: Path) -> bool:
        """Whether nothing has changed. All is read, and what was read is known afterwards."""
        known = StatCache(scratch, self.data, self.recorded.algorithm)
        try:
            tick = self.following.tick_at
            n_bytes, hashed = glance.read_unchanged(lines, self.pool, known, tick=tick) or (None, 0)
        finally:
            known.close(whole=True)
        self._note(n_bytes, hashed)
        return n_bytes is not None

    def _note(self, n_bytes: int | None, hashed: int) -> None:
        if n_bytes is None:
            self.following.tick_at(0)
        else:
            self.checked.n_files, self.checked.n_bytes = self.recorded.n_files, n_bytes
            self.checked.hashed = hashed

    def run(
        self,
        skip: frozenset[tuple[int, int]],
        sample: float,
        cache: Path | None,
        *,
        read: bool = False,
    ) -> None:
        """Tell each file that differs. With `read` what the cache knows has just been read."""
        recorded, checked, tree = self.recorded, self.checked, self.pool.tree
        present = tree.walk(skip=skip)
        if recorded.whole is not None:
            _check_whole(recorded, present, self.pool, self.following, checked)
            return
        chooser = Chooser(checked.how, recorded.n_files, sample, checked.seed)
        pairs = _pairs(recorded.entries(), present, recorded, checked, self.following)
        known = StatCache(cache, self.data, recorded.algorithm) if cache else None
        whole = False
        try:
            items = chooser.items(pairs, checked, known)
            for item in hash_all(items, self.pool, self.following.tick):
                checked.hashed += item.wanted or read
                _compare(item, checked)
                if known and item.hash:
                    known.keep(item.found, item.hash)
            whole = True
        finally:
            if known:
                known.close(whole=whole)
        _finish_directories(recorded, checked, tree)


def _payload(data: Path, recorded: Recorded) -> Path:
    """The part of the data that is recorded: of a bag its `data/`."""
    inner = data / recorded.below
    return inner if recorded.below and inner.is_dir() else data


def _identity(where: Path | None) -> frozenset[tuple[int, int]]:
    if where is None:
        return frozenset()
    status = where.stat()
    return frozenset({(status.st_dev, status.st_ino)})


_Pair = tuple[Entry, Found]


def _pairs(
    entries: Iterator[Entry],
    present: Iterator[Found],
    recorded: Recorded,
    checked: Checked,
    following: Following,
) -> Iterator[_Pair]:
    """What is both recorded and there; what is not is noted. Both come in the same order."""
    found = next(present, None)
    for entry in entries:
        while found is not None and found.path < entry.path:
            if not entry.path.startswith(found.path):  # a directory that had files, and is empty
                _unrecorded(found, recorded, checked)
            found = next(present, None)
        checked.n_files += 1
        following.n_files += 1
        if found is None or found.path != entry.path:
            checked.removed.add(entry.path)
            continue
        checked.n_bytes += found.size_bytes
        yield entry, found
        found = next(present, None)
    while found is not None:
        _unrecorded(found, recorded, checked)
        found = next(present, None)


def _unrecorded(found: Found, recorded: Recorded, checked: Checked) -> None:
    if found.path.endswith(b"/") and not found.trouble:
        checked.empty.append(found.path[:-1])
    elif recorded.listed_only or found.path.rpartition(b"/")[2] in recorded.ignored:
        return
    elif found.trouble:
        checked.unreadable.add(found.path, found.trouble)
    else:
        checked.added.add(found.path)


class Chooser:
    """Decides which files are read."""

    def __init__(self, how: How, n_files: int, sample: float, seed: int | None) -> None:
        if not 0 < sample <= 1:
            raise UsageError("a sample is more than 0 % and at most 100 %")
        self.how = how
        self.left = n_files
        self.to_draw = max(1, math.ceil(sample * n_files))
        self.random = random.Random(seed)

    def items(
        self, pairs: Iterator[_Pair], checked: Checked, known: StatCache | None
    ) -> Iterator[Hashed]:
        """Those that are the same as far as can be seen without reading, and whether to read."""
        for entry, found in pairs:
            why = differs(entry, found)
            drawn = self._draw()
            if found.trouble:
                checked.unreadable.add(found.path, found.trouble)
            elif why:
                checked.changed.add(found.path, why)
            elif found.link is None:
                retimed = entry.mtime_ns not in (UNKNOWN, found.mtime_ns)
                wanted = drawn or (self.how is How.QUICK and entry.mtime_ns != found.mtime_ns)
                checked.retimed += retimed and self.how is How.QUICK
                content = known.known(found) if known and wanted else b""
                if wanted:
                    yield Hashed(found, entry, content, not content)

    def _draw(self) -> bool:
        if self.how is not How.SAMPLED:
            return self.how is How.DEEP
        drawn = self.random.random() * self.left < self.to_draw
        self.left -= 1
        self.to_draw -= drawn
        return drawn


def differs(entry: Entry, found: Found) -> str:
    """How a file differs without being read, or nothing."""
    if found.link != entry.link:
        if found.link is None:
            return "was a link, is a file"
        return f"is a link to {shown(found.link)}" + (
            "" if entry.link is None else f", was one to {shown(entry.link)}"
        )
    if entry.size_bytes not in (UNKNOWN, found.size_bytes) and entry.link is None:
        return f"{found.size_bytes} bytes, recorded {entry.size_bytes}"
    return ""


def _compare(item: Hashed, checked: Checked) -> None:
    if not item.wanted and not item.hash:
        return
    if item.found.trouble:
        checked.unreadable.add(item.found.path, item.found.trouble)
    elif item.recorded is not None and item.hash != item.recorded.hash:
        checked.changed.add(item.found.path, "other content")


def _finish_directories(recorded: Recorded, checked: Checked, tree: Tree) -> None:
    """Empty directories count where they were recorded: a class without images is a class."""
    known = recorded.directories()
    if known is None:
        return
    there, told = set(checked.empty), set(known)
    for path in sorted(told - there):
        if not tree.has_directory(path):
            checked.removed.add(path + b"/")
    for path in sorted(there - told):
        checked.added.add(path + b"/")


def _check_whole(
    recorded: Recorded,
    present: Iterator[Found],
    pool: Pool,
    following: Following,
    checked: Checked,
) -> None:
    """For a format with one hash for all: every file is read, and no single one can be blamed."""
    items = (Hashed(found, None, b"", not found.trouble) for found in present)
    items = (item for item in items if not item.found.path.endswith(b"/"))
    entries: list[Entry] = []
    for item in hash_all(items, pool, following.tick):
        following.n_files += 1
        if item.found.trouble:
            checked.unreadable.add(item.found.path, item.found.trouble)
        checked.n_bytes += item.found.size_bytes
        entries.append(Entry(item.found.path, hash=item.hash))
    checked.n_files = checked.hashed = len(entries)
    assert recorded.whole is not None
    if recorded.whole(iter(entries)) == recorded.root_hash or checked.unreadable.count:
        return
    counted = f"{len(entries)} files, {checked.n_bytes} bytes"
    if recorded.n_files != UNKNOWN:
        counted += f"; recorded {recorded.n_files} files, {recorded.n_bytes} bytes"
    checked.changed.add(b".", f"another hash of the whole; {counted}")

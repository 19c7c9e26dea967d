"""A dataset held against a footprint: the same, or what was added, removed and changed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from repropack.errors import UsageError
from repropack.footprint.following import Following
from repropack.footprint.hashing import Pool, hash_all
from repropack.footprint.making import cores, open_tree
from repropack.footprint.model import TOLD, UNKNOWN, Entry, Found, Hashed, shown
from repropack.footprint.recorded import Recorded
from repropack.footprint.walk import Tree
from repropack.progress import Reporter


class How(StrEnum):
    """How much of the data a check reads."""

    QUICK = "quick"
    DEEP = "deep"
    SAMPLED = "sampled"


@dataclass(slots=True)
class Kind:
    """How many files differ in one way, and the first of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, path: bytes, why: str = "") -> None:
        """One more."""
        self.count += 1
        if len(self.first) < TOLD:
            self.first.append(f"{shown(path)} ({why})" if why else shown(path))

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {"count": self.count, "first": self.first}


@dataclass(slots=True, kw_only=True)
class Checked:
    """What a check found out. `hashed` is how many files were read, `retimed` how many of them
    because their time alone had changed."""

    how: How
    format: str
    n_files: int = 0
    n_bytes: int = 0
    hashed: int = 0
    retimed: int = 0
    added: Kind = field(default_factory=Kind)
    removed: Kind = field(default_factory=Kind)
    changed: Kind = field(default_factory=Kind)
    unreadable: Kind = field(default_factory=Kind)
    seed: int | None = None
    notes: tuple[str, ...] = ()
    empty: list[bytes] = field(default_factory=list)

    @property
    def kinds(self) -> tuple[tuple[str, Kind], ...]:
        """The ways in which files can differ."""
        return (
            ("added", self.added),
            ("removed", self.removed),
            ("changed", self.changed),
            ("unreadable", self.unreadable),
        )

    @property
    def same(self) -> bool:
        """Whether nothing differs, as far as was looked."""
        return not any(kind.count for _, kind in self.kinds)

    def caught(self, rate: float) -> float:
        """The probability that the hashed files would have shown a corruption of this rate."""
        return chance(self.n_files, max(1, math.ceil(rate * self.n_files)), self.hashed)


def chance(n_files: int, n_bad: int, n_read: int) -> float:
    """The probability of at least one bad file among those read, drawn without repetition."""
    if n_read <= 0 or n_bad <= 0:
        return 0.0
    if n_read + n_bad > n_files:
        return 1.0
    missed = (
        math.lgamma(n_files - n_bad + 1)
        - math.lgamma(n_files - n_bad - n_read + 1)
        - math.lgamma(n_files + 1)
        + math.lgamma(n_files - n_read + 1)
    )
    return -math.expm1(missed)


def check(
    data: Path,
    recorded: Recorded,
    *,
    where: Path | None = None,
    how: How = How.QUICK,
    sample: float = 1.0,
    seed: int | None = None,
    jobs: int | None = None,
    reporter: Reporter,
) -> Checked:
    """Hold a file or directory against what is recorded of it.

    Quick: paths, sizes and times; a file whose time alone differs, or of which no time is recorded,
    is read. Deep: every file is read. Sampled: a random part, `sample`, of them. `where` is the
    footprint, which is no data should it lie there.
    Raises `UsageError`, and `IntegrityError` when the footprint itself is damaged.
    """
    tree = open_tree(_payload(data, recorded))
    pool = Pool(tree, recorded.algorithm, jobs=jobs or cores())
    following = Following(reporter, pool, total_bytes=max(recorded.n_bytes, 0))
    checked = Checked(how=how, format=recorded.name, notes=recorded.notes)
    if how is How.SAMPLED:
        checked.seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    present = tree.walk(skip=_identity(where))
    if recorded.whole is not None:
        _check_whole(recorded, present, pool, following, checked)
        return checked
    chooser = Chooser(how, recorded.n_files, sample, checked.seed)
    pairs = _pairs(recorded.entries(), present, recorded, checked, following)
    for item in hash_all(chooser.items(pairs, checked), pool, following.tick):
        _compare(item, checked)
    _finish_directories(recorded, checked, tree)
    return checked


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

    def items(self, pairs: Iterator[_Pair], checked: Checked) -> Iterator[Hashed]:
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
                yield Hashed(found, entry, b"", wanted)

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
    if not item.wanted:
        return
    checked.hashed += 1
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

"""From a dataset to its footprint, in a file outside of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from repropack.errors import DataError, UsageError
from repropack.footprint import deepdiva, lists, ours
from repropack.footprint.cache import StatCache
from repropack.footprint.following import Following, Total
from repropack.footprint.model import TOLD, Algorithm, Entry, Found, Run, Summary, shown
from repropack.footprint.packing import spool, writing
from repropack.footprint.parts import Part, Task, parts
from repropack.footprint.pool import Pool
from repropack.footprint.walk import Tree, batches
from repropack.progress import Reporter

_TASK_FILES = 1000


class Format(StrEnum):
    """What a footprint can be written as."""

    REPROPACK = "repropack"
    DEEPDIVA = "deepdiva"
    LIST = "sums"
    BAGIT = "bagit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A footprint that was written, and what is worth knowing of the data."""

    path: Path
    summary: Summary
    notes: tuple[str, ...]


def footprint(
    data: Path,
    out: Path,
    *,
    algorithm: Algorithm = Algorithm.BLAKE3,
    format: Format = Format.REPROPACK,
    jobs: int | None = None,
    cache: Path | None = None,
    times: bool = True,
    named: str | None = None,
    reporter: Reporter,
) -> Made:
    """Write the footprint of a file or directory. `cache` is where known hashes are kept.

    Without `times` it does not depend on when the files were written. `named` is what a single file
    is to be called.

    Raises `DataError` with everything that could not be read, and `UsageError`.
    """
    refuse_inside(data, out)
    if format is Format.DEEPDIVA and algorithm is not Algorithm.SHA1:
        raise UsageError("DeepDIVA's format holds SHA-1", hint="add --algo sha1")
    tree = open_tree(data, named)
    stat_cache = StatCache(cache, data, algorithm) if cache else None
    pool = Pool(tree, algorithm, jobs=jobs)
    maker = _Maker(pool, stat_cache, Following(reporter, pool, Total(tree=tree)), times=times)
    if format is Format.REPROPACK:
        summary = _make(maker, pool, data, out)
    else:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".footprint-") as scratch:
            plain = Path(scratch) / "footprint.json"
            summary = _make(maker, pool, data, plain)
            _rewrite(plain, out, data, format, summary)
    return Made(path=out, summary=summary, notes=tuple(maker.notes()))


def _make(maker: _Maker, pool: Pool, data: Path, out: Path) -> Summary:
    """Hash what is to be hashed; write it in our format. What was hashed is known afterwards."""
    whole = False
    try:
        with spool(out) as spooled:
            writer = ours.Writer(spooled, pool.algorithm)
            for part in parts(maker.tasks(), pool, maker.following.tick):
                maker.take(part, writer)
            whole = True
            maker.refuse_troubles(data)
            with writing(out) as file:
                return writer.finish(file, maker.directories)
    finally:
        maker.following.total.stop()
        if maker.cache:
            maker.cache.close(whole=whole)


def open_tree(data: Path, named: str | None = None) -> Tree:
    """The dataset at a path. Raises `UsageError` where there is none."""
    if not data.exists():
        if data.is_symlink():
            raise UsageError(f"{data} is a link that leads to nothing: {data.readlink()}")
        raise UsageError(f"there is no {data}")
    return Tree(data, named)


def refuse_inside(data: Path, out: Path) -> None:
    """A footprint in the data would be part of what it is the footprint of."""
    place = out.resolve()
    if not place.parent.is_dir():
        raise UsageError(f"cannot write {out}: there is no {out.parent}")
    if out.is_dir():
        raise UsageError(f"{out} is a directory", hint="name a file with -o")
    if place == data.resolve() or (data.is_dir() and place.is_relative_to(data.resolve())):
        raise UsageError(f"{out} lies in the data itself", hint="name a file outside of it with -o")


class _Maker:
    """Walks, remembers what went wrong, and passes on what went well."""

    def __init__(
        self, pool: Pool, cache: StatCache | None, following: Following, *, times: bool
    ) -> None:
        self.tree = pool.tree
        self.algorithm = pool.algorithm
        self.cache = cache
        self.following = following
        self.times = times
        self.directories: list[bytes] = []
        self.troubles: list[Found] = []
        self.n_troubles = 0
        self.outward: list[bytes] = []
        self.n_outward = 0

    def tasks(self) -> Iterator[Task]:
        """What is found, in pieces that are worth a process's while."""
        for _, batch in batches(self._noticed(), self.directories, _TASK_FILES):
            yield self._task(batch)

    def _noticed(self) -> Iterator[Run | Found]:
        for item in self.tree.runs():
            if isinstance(item, Found) and item.link is not None:
                self._note_outward(item)
            yield item

    def _task(self, batch: list[Run | Found]) -> Task:
        known: tuple[bytes, ...] = ()
        if self.cache:
            known = self.cache.lines(_path(batch[0], 0), _path(batch[-1], -1))
        return Task(
            batch=tuple(batch),
            algorithm=self.algorithm,
            times=self.times,
            remembered=self.cache is not None,
            known=known,
        )

    def take(self, part: Part, writer: ours.Writer) -> None:
        """A part that was read."""
        self.following.n_files += part.n_files
        self.following.n_bytes += part.n_bytes
        self.n_troubles += len(part.troubles)
        self.troubles += part.troubles[: TOLD - len(self.troubles)]
        sums = {name: getattr(part, name) for name in ("n_files", "n_bytes", "max_mtime_ns")}
        writer.add_part(part.lines, part.root, **sums)
        if self.cache:
            self.cache.put(part.cache)

    def _note_outward(self, found: Found) -> None:
        goal = os.path.normpath(os.path.join(os.path.dirname(found.path), found.link or b""))
        if goal.startswith((b"/", b"../")) or goal == b"..":
            self.n_outward += 1
            if len(self.outward) < TOLD:
                self.outward.append(found.path)

    def refuse_troubles(self, data: Path) -> None:
        """Raises `DataError` for all that could not be read, told at once."""
        if not self.n_troubles:
            return
        told = [f"{shown(found.path)} {found.trouble}" for found in self.troubles]
        if self.n_troubles > len(told):
            told.append(f"… and {self.n_troubles - len(told)} more")
        count = "1 file" if self.n_troubles == 1 else f"{self.n_troubles} files"
        raise DataError(
            f"{data} has no footprint: {count} could not be read",
            problems=tuple(told),
            hint="make them readable or take them out of the data, and let nothing write to it",
        )

    def notes(self) -> Iterator[str]:
        """What is allowed, but may surprise another machine."""
        if self.n_outward:
            yield (
                f"{self.n_outward} links lead out of the data; what they lead to is no part of the "
                f"footprint: {_listed(self.outward)}"
            )
        if self.tree.collisions:
            yield (
                "names that differ in upper and lower case alone are one file on other systems: "
                + _listed(self.tree.collisions)
            )


def _path(item: Run | Found, number: int) -> bytes:
    return item.path if isinstance(item, Found) else item.directory + item.names[number]


def _listed(paths: list[bytes]) -> str:
    return ", ".join(shown(path) for path in paths[:5]) + (" …" if len(paths) > 5 else "")


def _rewrite(plain: Path, out: Path, data: Path, format: Format, summary: Summary) -> None:
    """Write another format from ours."""
    write: dict[Format, Callable[[Iterator[Entry]], Iterator[bytes]]] = {
        Format.LIST: lists.list_lines,
        Format.BAGIT: lists.bag_lines,
        Format.DEEPDIVA: lambda entries: iter(
            (deepdiva.text(str(data), entries, max_mtime_ns=summary.max_mtime_ns).encode(),)
        ),
    }
    with writing(out) as file:
        for lines in write[format](ours.Reader(plain).entries()):
            file.write(lines)

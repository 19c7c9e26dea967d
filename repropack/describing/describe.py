"""From a footprint that was just made, and the data, to its description."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from repropack.describing import arrays, images, tables
from repropack.describing.layout import IMAGES, Counting, extension, order, place_of
from repropack.describing.leakage import leaks
from repropack.describing.model import Array, Channels, Description, Table
from repropack.footprint import read
from repropack.footprint.model import Entry, shown
from repropack.footprint.walk import Tree
from repropack.progress import Reporter

#: Tables, and files of arrays, that are looked into; of more the first are told.
MAX_FILES: Final = 200
MAX_PROBLEMS: Final = 20
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_POINTERS = range(120, 400)  # as large are they


def describe(data: Path, footprint: Path, *, jobs: int, reporter: Reporter) -> Description:
    """What can be told of the data that a footprint is of. It is read once more, by `jobs`."""
    recorded = read(footprint, dataset=data)
    work = _Work(Tree(data), jobs, reporter)
    counting = Counting()
    for entry in recorded.entries():
        if entry.link is None:
            counting.add(shown(entry.path), entry.size_bytes)
            work.sort(entry)
    layout, splits = counting.result()
    work.read_files()
    channels = work.measure() if work.images else ()
    return Description(
        layout=layout,
        splits=splits,
        tables=tuple(work.tables),
        arrays=tuple(work.arrays),
        channels=channels,
        leaks=leaks(recorded.entries),
        compared=True,
        problems=tuple(work.problems),
        notes=tuple(work.notes()),
    )


@dataclass(slots=True)
class _Work:
    """What is to be read of the data, and what came of it."""

    tree: Tree
    jobs: int
    reporter: Reporter
    files: list[bytes] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    n_problems: int = 0
    n_skipped: int = 0
    n_hdf5: int = 0
    no_pillow: bool = False

    def sort(self, entry: Entry) -> None:
        """Remember what is to be read."""
        low = shown(entry.path).lower()
        if entry.size_bytes in _POINTERS and self._is_pointer(entry):
            self._problem(shown(entry.path), "a pointer of Git LFS, and not the data: git lfs pull")
        elif extension(low) in IMAGES:
            self.images.append(entry.path)
        elif low.endswith((*tables.ENDS, *arrays.NUMPY, *arrays.HDF5)):
            if len(self.files) < MAX_FILES:
                self.files.append(entry.path)
            else:
                self.n_skipped += 1

    def place(self, path: bytes) -> str:
        """Where a file of the data is."""
        return os.fsdecode(self.tree.place(path))

    def _is_pointer(self, entry: Entry) -> bool:
        try:
            return Path(self.place(entry.path)).read_bytes().startswith(_POINTER)
        except OSError:
            return False

    def read_files(self) -> None:
        """Tables and arrays, one after the other."""
        if self.files:
            self.reporter.step("reading tables and arrays")
        for number, path in enumerate(self.files, 1):
            self.reporter.detail(f"file {number} of {len(self.files)}")
            try:
                self._read(Path(self.place(path)), shown(path))
            except tables.UnreadableError as error:
                self._problem(shown(path), str(error))

    def _read(self, place: Path, path: str) -> None:
        low = path.lower()
        if low.endswith(tables.ENDS):
            self.tables.append(tables.read_table(place, path, self.reporter))
        elif low.endswith(arrays.NUMPY):
            self.arrays += arrays.read_numpy(place, path)
        elif importlib.util.find_spec("h5py") is None:
            self.n_hdf5 += 1
        else:
            self.arrays += arrays.read_hdf5(place, path)

    def measure(self) -> tuple[Channels, ...]:
        """The channels of all images, by split and kind."""
        if importlib.util.find_spec("PIL") is None:
            self.no_pillow = True
            return ()
        self.reporter.step("mean and standard deviation of the images")
        totals: dict[tuple[str, int, int], images.Total] = {}
        places = ((shown(path), self.place(path)) for path in self.images)
        for number, (name, found) in enumerate(images.measure_all(places, self.jobs), 1):
            if number % 100 == 0:
                self.reporter.detail(f"{number} of {len(self.images)} images")
            if isinstance(found, str):
                self._problem(name, found)
                continue
            key = (place_of(name).split, len(found.sums), found.bits)
            totals.setdefault(key, images.Total()).add(found)
        ordered = sorted(totals, key=lambda key: (order(key[0]), key[1:]))
        return tuple(totals[key].channels(key[0], key[2]) for key in ordered)

    def _problem(self, path: str, why: str) -> None:
        self.n_problems += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append((path, why))

    def notes(self) -> list[str]:
        """What was not looked at, and what would help."""
        notes = []
        if self.n_problems > len(self.problems):
            notes.append(f"{self.n_problems - len(self.problems)} more files could not be read")
        if self.n_skipped:
            notes.append(f"{self.n_skipped} more tables and arrays were not looked into")
        if self.n_hdf5:
            notes.append(
                f"{self.n_hdf5} HDF5 files were not looked into: pip install 'repropack[describe]'"
            )
        if self.no_pillow:
            notes.append(
                "mean and deviation of images need Pillow: pip install 'repropack[describe]'"
            )
        return notes

"""The short way to "nothing changed", for very many files.

What a footprint would say of each file now is compared with what its line begins with, so that
nothing has to be parsed here; a second process reads the footprint as a whole, as every check
does. Whatever is not as it was leaves the answer to the long way.
"""

from __future__ import annotations

import multiprocessing
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO

from repropack.errors import IntegrityError
from repropack.footprint import ours
from repropack.footprint.model import Entry, Found
from repropack.footprint.packing import reading
from repropack.footprint.walk import LONGEST, Tree, near

#: With fewer files the second process takes longer to start than it saves.
MANY_FILES = 50_000
_TICK_FILES = 5000


def unchanged(path: Path, tree: Tree, *, tick: Callable[[int], None]) -> int | None:
    """The bytes of a dataset that is as a footprint of ours says, by paths, sizes and times.

    None where anything differs, or cannot be told this way.
    """
    context = multiprocessing.get_context("spawn")
    other = context.Process(target=_read_whole, args=(path,), daemon=True)
    other.start()
    try:
        n_bytes = _compared(path, tree, tick)
        other.join()
        return n_bytes if other.exitcode == 0 else None
    finally:
        if other.is_alive():
            other.terminate()
        other.join()


def _read_whole(path: Path) -> None:
    """In the other process: add the footprint up. Its exit code says whether it agrees."""
    try:
        for _ in ours.Reader(path).entries():
            pass
    except (IntegrityError, KeyboardInterrupt):
        os._exit(1)


def _compared(path: Path, tree: Tree, tick: Callable[[int], None]) -> int | None:
    n_bytes = n_files = 0
    directories: list[bytes] = []
    with reading(path) as file:
        if not ours.at_entries(file):
            return None
        for name in tree.paths():
            if isinstance(name, Found):
                if name.trouble:
                    return None
                directories.append(name.path[:-1])
                continue
            size_bytes = _as_recorded(tree, name, file)
            if size_bytes is None:
                return None
            n_bytes += size_bytes
            n_files += 1
            if n_files % _TICK_FILES == 0:
                tick(n_files)
        return n_bytes if file.read() == ours.end(directories) else None


def _as_recorded(tree: Tree, name: bytes, file: IO[bytes]) -> int | None:
    """The size of a file that the next line is of, as the file is now."""
    place = tree.place(name)
    try:
        if len(place) > LONGEST:
            return None
        status = os.lstat(place)
        if stat.S_ISREG(status.st_mode):
            size_bytes = status.st_size
            expected = ours.start(name, size_bytes, status.st_mtime_ns)
            return size_bytes if file.readline().startswith(expected) else None
        if not stat.S_ISLNK(status.st_mode):
            return None
        with near(place) as (tail, beginning):
            goal = os.readlink(tail, dir_fd=beginning)
    except OSError:
        return None
    told = file.readline().rstrip(b",\n")
    return 0 if told == ours.line(Entry(name, link=goal)) else None

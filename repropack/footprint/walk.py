"""The tree of a dataset, in the order of its paths' bytes, whatever is in it.

Owns: the order, what is no file, and paths that are longer than the system takes at once.
Holds the names of one directory at a time, not those of the tree.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from repropack.footprint.model import TOLD, Found, Run

#: Linux takes 4096 bytes in one call, with the one that ends them.
LONGEST = 4000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
)


class Tree:
    """A dataset on this machine: a directory, or one file, which is known by its name (`named`)."""

    def __init__(self, root: str | os.PathLike[str], named: str | None = None) -> None:
        self.root = os.fsencode(root)
        self.is_directory = os.path.isdir(self.root)
        self.single = b""
        if not self.is_directory:
            self.single = os.fsencode(named or os.path.basename(os.path.abspath(root)))
        self.collisions: list[bytes] = []
        self._held = b"", -1
        self._before = self.root if self.root.endswith(b"/") else self.root + b"/"

    def place(self, path: bytes) -> bytes:
        """Where a path of the dataset is on this machine."""
        return self._before + path if self.is_directory else self.root

    def walk(self, *, skip: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Found]:
        """Everything in it, sorted by path bytes; links are not followed (the root may be one).

        A directory with nothing in it comes with a `/` at its end. `skip` names files by device and
        inode that are no data, such as the footprint itself.
        """
        if not self.is_directory:
            yield self.look(self.single)
            return
        inodes = frozenset(inode for _, inode in skip)
        for run in self.runs():
            for found in (run,) if isinstance(run, Found) else map(self.look, run.paths()):
                if found.inode not in inodes or self._identity(found.path) not in skip:
                    yield found

    def runs(self) -> Iterator[Run | Found]:
        """The same, with files that follow each other in one directory by their names alone."""
        if not self.is_directory:
            found = self.look(self.single)
            yield found if found.trouble else Run(b"", [self.single])
            return
        prefix = b""
        open_ones = [self._listed(prefix)]
        sizes = [0]
        while open_ones:
            part = next(open_ones[-1], None)
            if part is None:
                open_ones.pop()
                prefix = prefix[: len(prefix) - sizes.pop()]
            elif isinstance(part, bytes):
                prefix += part
                sizes.append(len(part))
                open_ones.append(self._listed(prefix))
            else:
                yield part

    def _listed(self, path: bytes) -> Iterator[bytes | Run | Found]:
        """A directory in its order: the directories in it, runs of files, and what else is there.

        Names of directories end in `/`, so that they sort as their files do.
        """
        try:
            names, others = self._scanned(path)
        except OSError as error:
            yield Found(path=path or b"./", trouble=reason(error))
            return
        if not names and path:
            yield Found(path=path)
        names.sort()
        self._note_collisions(path, names)
        begin = 0
        if others:
            for number, name in enumerate(names):
                if name not in others:
                    continue
                if begin < number:
                    yield Run(path, names[begin:number])
                begin = number + 1
                yield name if name.endswith(b"/") else self.look(path + name)
        if begin < len(names):
            yield Run(path, names[begin:] if begin else names)

    def _scanned(self, path: bytes) -> tuple[list[bytes], set[bytes]]:
        """The names in a directory, and which of them are no files as far as it tells."""
        if len(self._before) + len(path) <= LONGEST:
            return _scan(self.place(path))
        descriptor = self.enter(path)
        try:
            return _scan(descriptor)
        finally:
            os.close(descriptor)

    def enter(self, path: bytes) -> int:
        """A descriptor of a directory, however long its path is."""
        with self._near(path) as (tail, beginning):
            descriptor = os.open(tail, _DIRECTORY, dir_fd=beginning)
        if len(self._before) + len(path) > LONGEST:
            self._hold(path, descriptor)
        return descriptor

    def _hold(self, path: bytes, descriptor: int) -> None:
        """Remember the last directory with a long path: what comes next lies mostly in it."""
        _, held = self._held
        self._held = path, os.dup(descriptor)
        if held >= 0:
            os.close(held)

    def __del__(self) -> None:
        if self._held[1] >= 0:
            os.close(self._held[1])

    @contextlib.contextmanager
    def _near(self, path: bytes) -> Iterator[tuple[bytes, int | None]]:
        """The end of a path that can be opened at once, and where it begins."""
        above, held = self._held
        if held >= 0 and path.startswith(above) and len(path) - len(above) <= LONGEST:
            yield path[len(above) :] or b".", held
        else:
            with near(self.place(path)) as (tail, beginning):
                yield tail, beginning

    def _note_collisions(self, path: bytes, names: list[bytes]) -> None:
        """Remember a few names that are one file where upper and lower case are the same."""
        if len(set(_folded(names))) == len(names):
            return
        seen: set[bytes] = set()
        for name in names:
            if len(self.collisions) < TOLD and fold(name) in seen:
                self.collisions.append(path + name)
            seen.add(fold(name))

    def look(self, path: bytes) -> Found:
        """What lies at a path, as the system tells it without reading it."""
        place = self.place(path)
        try:
            if len(place) <= LONGEST:
                status = os.lstat(place) if self.is_directory else os.stat(place)
            else:
                with self._near(path) as (tail, beginning):
                    status = os.stat(tail, dir_fd=beginning, follow_symlinks=False)
            mode = status.st_mode
            if not stat.S_ISREG(mode):
                return self._other(path, mode)
        except OSError as error:
            return Found(path=path, trouble=reason(error))
        return Found(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def _other(self, path: bytes, mode: int) -> Found:
        if stat.S_ISLNK(mode):
            with self._near(path) as (tail, beginning):
                return Found(path=path, link=os.readlink(tail, dir_fd=beginning))
        kind = next((name for test, name in _KINDS if test(mode)), "no file")
        return Found(path=path, trouble=f"is {kind}")

    def open(self, path: bytes) -> int:
        """A descriptor of a file. Never waits for a FIFO, never follows a link to get there."""
        place = self.place(path)
        if len(place) <= LONGEST:
            return os.open(place, self.flags)
        with self._near(path) as (tail, beginning):
            return os.open(tail, self.flags, dir_fd=beginning)

    @property
    def flags(self) -> int:
        """How files are opened; the root itself may be a link to one."""
        return _FILE | os.O_NOFOLLOW if self.is_directory else _FILE

    def has_directory(self, path: bytes) -> bool:
        """Whether there is a directory at a path, whatever is in it."""
        with contextlib.suppress(OSError), self._near(path) as (tail, beginning):
            mode = os.stat(tail, dir_fd=beginning, follow_symlinks=False).st_mode
            return stat.S_ISDIR(mode)
        return False

    def _identity(self, path: bytes) -> tuple[int, int] | None:
        with contextlib.suppress(OSError):
            status = os.lstat(self.place(path))
            return status.st_dev, status.st_ino
        return None


def batches(
    items: Iterable[Run | Found], directories: list[bytes], most: int
) -> Iterator[tuple[int, list[Run | Found]]]:
    """What was found in pieces of about `most` files, with their numbers of files.

    Directories with nothing in them are put among `directories` instead.
    """
    batch: list[Run | Found] = []
    n_files = 0
    for item in items:
        if isinstance(item, Found):
            if item.path.endswith(b"/") and not item.trouble:
                directories.append(item.path[:-1])
                continue
            batch.append(item)
            n_files += 1
        else:
            begin = 0
            while len(item.names) - begin > most - n_files:
                end = begin + most - n_files
                yield most, [*batch, Run(item.directory, item.names[begin:end])]
                batch, n_files, begin = [], 0, end
            batch.append(Run(item.directory, item.names[begin:]))
            n_files += len(item.names) - begin
        if n_files >= most:
            yield n_files, batch
            batch, n_files = [], 0
    if batch:
        yield n_files, batch


def _scan(place: bytes | int) -> tuple[list[bytes], set[bytes]]:
    with os.scandir(place) as entries:
        found: list[os.DirEntry[Any]] = list(entries)
        files = [entry.name for entry in found if entry.is_file(follow_symlinks=False)]
        marked = set()
        if len(files) < len(found):
            marked = {
                os.fsencode(entry.name) + b"/" * entry.is_dir(follow_symlinks=False)
                for entry in found
                if not entry.is_file(follow_symlinks=False)
            }
    names = files if isinstance(place, bytes) else [os.fsencode(name) for name in files]
    return [*names, *marked], marked


@contextlib.contextmanager
def near(place: bytes) -> Iterator[tuple[bytes, int | None]]:
    """The end of a path, and a directory to begin at where the path is too long for one call."""
    beginning: int | None = None
    try:
        while len(place) > LONGEST:
            cut = place.rindex(b"/", 0, LONGEST)
            further = os.open(place[:cut] or b"/", _DIRECTORY, dir_fd=beginning)
            if beginning is not None:
                os.close(beginning)
            beginning, place = further, place[cut + 1 :]
        yield place, beginning
    finally:
        if beginning is not None:
            os.close(beginning)


def _folded(names: list[bytes]) -> list[bytes]:
    joined = b"\0".join(names)
    return joined.lower().split(b"\0") if joined.isascii() else [fold(name) for name in names]


def fold(name: bytes) -> bytes:
    """What two names have in common that macOS or Windows take for one."""
    if name.isascii():
        return name.lower()
    text = unicodedata.normalize("NFC", os.fsdecode(name)).casefold()
    return text.encode("utf-8", "surrogateescape")


def reason(error: OSError) -> str:
    """Why something cannot be read, in two or three words."""
    if isinstance(error, FileNotFoundError):
        return "vanished while being read"
    if error.errno == errno.ELOOP:
        return "became a link while being read"
    return (error.strerror or str(error)).lower()

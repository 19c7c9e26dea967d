"""The tree of a dataset, in the order of its paths' bytes, whatever is in it.

Owns: the order, what is no file, and paths that are longer than the system takes at once.
Holds the names of one directory at a time, not those of the tree.
"""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
from collections.abc import Iterator

from repropack.footprint.model import TOLD, Found

#: Linux takes 4096 bytes in one call, with the one that ends them.
LONGEST = 4000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
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
        for path in self.paths():
            if isinstance(path, Found):
                yield path
                continue
            found = self.look(path)
            if found.inode in inodes and self._identity(path) in skip:
                continue
            yield found

    def paths(self) -> Iterator[bytes | Found]:
        """Each file's path; an empty directory, or one that cannot be read, as it was found."""
        prefix = b""
        open_ones = [self._listed(prefix)]
        sizes = [0]
        while open_ones:
            name = next(open_ones[-1], None)
            if name is None:
                open_ones.pop()
                prefix = prefix[: len(prefix) - sizes.pop()]
            elif isinstance(name, Found):
                yield name
            elif name.endswith(b"/"):
                prefix += name
                sizes.append(len(name))
                open_ones.append(self._listed(prefix))
            else:
                yield prefix + name

    def _listed(self, path: bytes) -> Iterator[bytes | Found]:
        try:
            names = self.names(path)
        except OSError as error:
            return iter((Found(path=path or b"./", trouble=reason(error)),))
        return iter(names) if names or not path else iter((Found(path=path),))

    def names(self, path: bytes) -> list[bytes]:
        """What is in a directory, directories with a `/`, so that they sort as their files do."""
        if len(self._before) + len(path) <= LONGEST:
            names = _scan(self.place(path))
        else:
            with near(self.place(path)) as (tail, beginning):
                descriptor = os.open(tail, _DIRECTORY, dir_fd=beginning)
            try:
                names = _scan(descriptor)
            finally:
                os.close(descriptor)
        names.sort()
        if len(set(map(fold, names))) < len(names):
            self._collide(path, names)
        return names

    def _collide(self, path: bytes, names: list[bytes]) -> None:
        """Remember a few names that are one file where upper and lower case are the same."""
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
                with near(place) as (tail, beginning):
                    status = os.stat(tail, dir_fd=beginning, follow_symlinks=False)
            mode = status.st_mode
            if not stat.S_ISREG(mode):
                return self._other(path, mode)
        except OSError as error:
            return Found(path=path, trouble=reason(error))
        return Found(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def _other(self, path: bytes, mode: int) -> Found:
        if stat.S_ISLNK(mode):
            with near(self.place(path)) as (tail, beginning):
                return Found(path=path, link=os.readlink(tail, dir_fd=beginning))
        kind = next((name for test, name in _KINDS if test(mode)), "no file")
        return Found(path=path, trouble=f"is {kind}")

    def open(self, path: bytes) -> int:
        """A descriptor of a file. Never waits for a FIFO, never follows a link to get there."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        flags |= os.O_NOFOLLOW if self.is_directory else 0
        place = self.place(path)
        if len(place) <= LONGEST:
            return os.open(place, flags)
        with near(place) as (tail, beginning):
            return os.open(tail, flags, dir_fd=beginning)

    def has_directory(self, path: bytes) -> bool:
        """Whether there is a directory at a path, whatever is in it."""
        with contextlib.suppress(OSError), near(self.place(path)) as (tail, beginning):
            mode = os.stat(tail, dir_fd=beginning, follow_symlinks=False).st_mode
            return stat.S_ISDIR(mode)
        return False

    def _identity(self, path: bytes) -> tuple[int, int] | None:
        with contextlib.suppress(OSError):
            status = os.lstat(self.place(path))
            return status.st_dev, status.st_ino
        return None


def _scan(place: bytes | int) -> list[bytes]:
    with os.scandir(place) as entries:
        return [
            os.fsencode(entry.name) + b"/" * entry.is_dir(follow_symlinks=False)
            for entry in entries
        ]


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
    return (error.strerror or str(error)).lower()

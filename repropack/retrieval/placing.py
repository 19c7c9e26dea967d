"""Fetched files put where they are used: whole or not at all, and never over what is there."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from repropack.errors import UsageError
from repropack.progress import Reporter
from repropack.retrieval.model import Got
from repropack.retrieval.store import Store
from repropack.retrieval.unpacking import Limits, refuse_outward, unpack

#: Linux's ioctl that shares the blocks of a file until one of the two is written to.
_FICLONE = 0x40049409
#: Whether a directory holds what is wanted, as far as that is known.
Holds = Callable[[Path], bool]
#: Looks at what came before it gets its name, and raises if it is not what was wanted.
Approve = Callable[[Path], None]


@contextmanager
def scratch_for(place: Path, store: Store, reporter: Reporter) -> Iterator[Path]:
    """An empty directory beside `place`, removed at the end; one process at a time has it.

    What a process that was killed left there is removed first.
    """
    key = "place-" + hashlib.sha256(os.fsencode(place.absolute())).hexdigest()
    with store.lock(key, reporter):
        scratch = place.parent / f".{place.name[:100]}.fetching"
        new = [path for path in place.parents if not path.exists()]
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
        except OSError as error:
            raise UsageError(f"cannot write {place.parent}: {error.strerror}") from error
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            with contextlib.suppress(OSError):  # those that hold something now stay
                for path in new:
                    path.rmdir()


def unpacked(
    got: Got, place: Path, scratch: Path, *, limits: Limits, holds: Holds, reporter: Reporter
) -> Path:
    """An archive as a directory in `scratch` that can become `place`. Raises `DataError`.

    One that holds a single directory of the place's own name is used without it; `holds` tells
    more where it is known what the data has to hold.
    """
    into = scratch / "unpacked"
    into.mkdir()
    links = unpack(got.path, got.wanted.file_name, into, limits=limits, reporter=reporter)
    inner = _inner(into, place, holds)
    refuse_outward(inner, links, got.wanted.file_name)
    return inner


def _inner(root: Path, place: Path, holds: Holds) -> Path:
    names = list(root.iterdir())
    if len(names) != 1 or names[0].is_symlink() or not names[0].is_dir() or holds(root):
        return root
    return names[0] if holds(names[0]) or names[0].name == place.name else root


def several(files: tuple[Got, ...], scratch: Path) -> Path:
    """Files, each under its name, as a directory in `scratch`."""
    root = scratch / "files"
    root.mkdir()
    for got in files:
        path = root / got.wanted.name
        path.parent.mkdir(parents=True, exist_ok=True)
        copy(got.path, path)
    return root


def single(got: Got, scratch: Path) -> Path:
    """A copy of a file in `scratch`."""
    copy(got.path, scratch / "file")
    return scratch / "file"


def copy(source: Path, target: Path) -> None:
    """A copy that shares the disk's blocks where the disk can; a change of one is none of both."""
    with source.open("rb") as read, target.open("xb") as write:
        try:
            fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
        except OSError:
            shutil.copyfileobj(read, write, 1 << 20)


def move(source: Path, place: Path) -> None:
    """Give it its name. Raises `UsageError` if something is there by now."""
    with contextlib.suppress(OSError):
        if not place.is_symlink():
            place.rmdir()  # an empty directory is in nobody's way
    if os.path.lexists(place):
        raise UsageError(f"{place} exists already", hint="move it away, or name another place")
    try:
        source.rename(place)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise UsageError(f"{place} exists already") from error
        raise

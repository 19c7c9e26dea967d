"""What any format says of a dataset, for a check to hold against what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from repropack.errors import IntegrityError
from repropack.footprint.model import UNKNOWN, Algorithm, Entry, shown
from repropack.footprint.packing import reading

#: More than any list of a dataset has, and less than a machine's memory.
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A dataset's identity in a format.

    `entries` are sorted by path bytes. `directories` are the empty ones, read when the entries are
    used up; None where the format has none. `listed_only`: other files are nobody's business.
    `ignored` are names of files that are no data unless they are listed. `below` is the
    directory in the dataset that the paths start from. `whole` is the hash of all of it, for a
    format that has no other (DVC), with the function that makes it. `lines` is a footprint of ours.
    """

    name: str
    algorithm: Algorithm
    n_files: int
    n_bytes: int
    entries: Callable[[], Iterator[Entry]]
    directories: Callable[[], list[bytes] | None] = lambda: None
    listed_only: bool = False
    ignored: frozenset[bytes] = frozenset()
    below: str = ""
    root_hash: str = ""
    lines: Path | None = None
    whole: Callable[[Iterator[Entry]], str] | None = None
    notes: tuple[str, ...] = ()


def from_list(found: dict[bytes, bytes], algorithm: Algorithm, name: str, **more: Any) -> Recorded:
    """What a format records that knows hashes alone, from path → hash."""
    entries = [Entry(path, UNKNOWN, UNKNOWN, found[path]) for path in sorted(found)]
    return Recorded(
        name=name,
        algorithm=algorithm,
        n_files=len(entries),
        n_bytes=UNKNOWN,
        entries=lambda: iter(entries),
        **more,
    )


def add(found: dict[bytes, bytes], path: bytes, content: bytes, where: Path) -> None:
    """Put a file's hash among the others. Raises `IntegrityError` for a second, other one."""
    if found.setdefault(path, content) != content:
        raise IntegrityError(f"{where} gives two hashes for {shown(path)}")


def read_whole(path: Path) -> bytes:
    """A file's content, unpacked. Raises `IntegrityError` where it is unreasonably long."""
    with reading(path) as file:
        text = _read(file)
    if len(text) > _MOST_BYTES:
        raise IntegrityError(f"{path} is longer than any list of files")
    return text


def _read(file: IO[bytes]) -> bytes:
    return file.read(_MOST_BYTES + 1)

"""A file that may be in parts: FILE.001, FILE.002 … and FILE.sha256, which lists them.

Owns: when a part is full, their names and the list, and reading them as one. Does not own: what is
in the file.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from repropack.errors import IntegrityError

PART_BYTES = 50_000_000_000
LIST = ".sha256"
_MOST_PARTS = 999
_PIECE = 1 << 20
_LARGEST_LIST = 1 << 20


class Splitting:
    """Bytes go in, and into files of at most `part_bytes`: `paths`, which are named by number."""

    def __init__(self, directory: Path, part_bytes: int) -> None:
        self._directory = directory
        self._part_bytes = part_bytes
        self._file: IO[bytes] | None = None
        self._room = 0
        self.paths: list[Path] = []

    def write(self, data: bytes) -> None:
        """More of it. Raises `OSError`."""
        view = memoryview(data)
        while view:
            if not self._room:
                self._next()
            assert self._file is not None
            piece = view[: self._room]
            self._file.write(piece)
            self._room -= len(piece)
            view = view[len(piece) :]

    def _next(self) -> None:
        self.close()
        if len(self.paths) == _MOST_PARTS:
            raise OSError(None, f"more than {_MOST_PARTS} parts")
        path = self._directory / f"{len(self.paths) + 1:03}"
        self._file, self._room = path.open("xb"), self._part_bytes
        self.paths.append(path)

    def close(self) -> None:
        """The last part is whole."""
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The parts as one file, as far as reading it from front to end goes."""

    name: str
    paths: tuple[Path, ...]

    @property
    def size_bytes(self) -> int:
        """Of all of them."""
        return sum(path.stat().st_size for path in self.paths)

    def open(self, mode: str) -> IO[bytes]:
        """All of it; the mode is `rb`."""
        assert mode == "rb"
        reading: Any = _Reading(self.paths)
        return io.BufferedReader(reading, _PIECE)


class _Reading(io.RawIOBase):
    def __init__(self, paths: tuple[Path, ...]) -> None:
        super().__init__()
        self._left = list(paths)
        self._file: IO[bytes] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._file is not None:
                if count := self._file.readinto(buffer):  # type: ignore[attr-defined]
                    return int(count)
                self._file.close()
                self._file = None
            if not self._left:
                return 0
            self._file = self._left.pop(0).open("rb", buffering=0)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


def list_text(name: str, sums: dict[str, str]) -> str:
    """FILE.sha256: what `sha256sum -c` takes, and how to join the parts."""
    names = " ".join(sums)
    return (
        f"# {name} in {len(sums)} parts. To check them, and to make one file of them:\n"
        f"#   sha256sum -c {name}{LIST}\n"
        f"#   cat {names} > {name}\n"
        + "".join(f"{digest}  {part}\n" for part, digest in sums.items())
    )


def parse_list(text: str, name: str) -> dict[str, str]:
    """Part → SHA-256 of the list of `name`. Raises `ValueError` for anything else."""
    sums: dict[str, str] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
        if match is None or match[2] != f"{name}.{len(sums) + 1:03}":
            raise ValueError(f"{line[:120]!r} is not a line of a list of parts")
        sums[match[2]] = match[1]
    if not 0 < len(sums) <= _MOST_PARTS:
        raise ValueError(f"it lists {len(sums)} parts")
    return sums


def joined(path: Path) -> Joined:
    """The file that a path names: itself, or all its parts where it is the first or their list.

    Raises `IntegrityError` for a part that is missing or another one.
    """
    name = path.name.removesuffix(LIST).removesuffix(".001")
    if name == path.name:
        return Joined(name=name, paths=(path,))
    listed = path.with_name(name + LIST)
    try:
        with listed.open("rb") as file:
            sums = parse_list(file.read(_LARGEST_LIST).decode("utf-8"), name)
    except (OSError, ValueError) as error:
        raise IntegrityError(
            f"{listed} cannot be read: {error}",
            hint="it lists the parts, and lies beside them where the archive was published",
        ) from error
    for part, digest in sums.items():
        refuse_part(path.with_name(part), digest)
    return Joined(name=name, paths=tuple(path.with_name(part) for part in sums))


def refuse_part(path: Path, digest: str) -> None:
    """Raises `IntegrityError` for a part that is not the one of that SHA-256."""
    try:
        found = sha256_of(path)
    except OSError as error:
        raise IntegrityError(
            f"{path} cannot be read: {error.strerror}", hint="get every part of the archive"
        ) from error
    if found != digest:
        raise IntegrityError(f"{path} is not the part that was written", hint="get it again")


def sha256_of(path: Path) -> str:
    """Of a file's content."""
    if not path.is_file():
        raise FileNotFoundError(2, "there is no such file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pieces(path: Path) -> Iterator[bytes]:
    """The content of a file."""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece

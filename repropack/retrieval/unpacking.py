"""An archive's members as files of an empty directory: all of them, or none.

Refused: names that are absolute or lead out, links that do, devices, a name twice, and more files
or bytes than the limits. Links are made last, so that nothing is ever written through one.
"""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from repropack.errors import DataError
from repropack.footprint.following import size
from repropack.progress import Reporter
from repropack.retrieval.members import Kind, Member, ending, members
from repropack.retrieval.streams import DamagedError, Whole

#: Below, no archive is a bomb, however well it packs.
RATIO_FROM_BYTES: Final = 100_000_000
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\")
_TELL_EVERY = 500
_BAD_NAME = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EILSEQ, errno.EINVAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much an archive may become: files, bytes, and bytes for each byte of the archive."""

    n_files: int = 5_000_000
    n_bytes: int = 1_000_000_000_000
    ratio: float = 200.0

    def bytes_of(self, archive_bytes: int) -> int:
        """How many bytes may come out of an archive of that size."""
        return min(self.n_bytes, max(RATIO_FROM_BYTES, int(self.ratio * archive_bytes)))


def unpack(
    archive: Path | Whole,
    name: str,
    into: Path,
    *,
    limits: Limits,
    reporter: Reporter,
    modes: bool = False,
) -> tuple[Path, ...]:
    """Unpack `archive`, which is called `name`, into an empty directory; gives the links in it.

    With `modes`, what may be executed there may be executed here. Raises `DataError`; what is in
    the directory then is of no use.
    """
    unpacker = _Unpacker(archive, into, limits, reporter, modes)
    try:
        for member in members(archive, ending(name), limits.n_files):
            unpacker.take(member)
        return unpacker.link_all()
    except DamagedError as error:
        raise DataError(
            f"{name} cannot be unpacked: {error}",
            hint="see that it is what its authors published, and that its hash is given",
        ) from error
    except _Refused as error:
        raise DataError(
            f"{name} is not unpacked: {error}",
            hint=error.hint or "unpack it by hand where nothing can be harmed, and look at it",
        ) from error
    except OSError as error:
        if error.errno not in _BAD_NAME:
            raise
        where = Path(os.fsdecode(error.filename or "")).name
        raise DataError(
            f"{name} is not unpacked: {where!r}: {error.strerror}",
            hint="this disk does not take the name: unpack it by hand",
        ) from error


class _Refused(Exception):
    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


class _Unpacker:
    def __init__(
        self, archive: Path | Whole, into: Path, limits: Limits, reporter: Reporter, modes: bool
    ) -> None:
        self._into = into
        self._modes = modes
        self._n_files_allowed = limits.n_files
        size = archive.stat().st_size if isinstance(archive, Path) else archive.size_bytes
        self._allowed_bytes = limits.bytes_of(size)
        self._reporter = reporter
        self._n_files = 0
        self._n_bytes = 0
        self._made: set[Path] = {into}
        self._links: list[tuple[Path, str]] = []

    def take(self, member: Member) -> None:
        """One member: written, or remembered if it is a link."""
        parts = _parts(member.name)
        path = self._into.joinpath(*parts)
        self._count(member)
        if member.kind is Kind.OTHER:
            raise _Refused(f"{member.name!r} is a device or a FIFO")
        if member.kind is Kind.DIRECTORY:
            self._directory(path)
            return
        if not parts:
            raise _Refused(f"{member.name!r} is no name of a file")
        self._directory(path.parent)
        if member.kind is Kind.LINK:
            self._links.append((path, member.goal))
        elif member.kind is Kind.HARD_LINK:
            self._hard_link(path, member)
        else:
            self._write(path, member)

    def _count(self, member: Member) -> None:
        self._n_files += 1
        if self._n_files > self._n_files_allowed:
            raise _Refused(
                f"it holds more than {self._n_files_allowed} files", "--max-files N allows more"
            )
        self._refuse_bytes(member.size_bytes)
        if self._n_files % _TELL_EVERY == 0:
            self._reporter.detail(f"{self._n_files} files · {size(self._n_bytes)} unpacked")

    def _refuse_bytes(self, more: int) -> None:
        if self._n_bytes + more > self._allowed_bytes:
            raise _Refused(
                f"it becomes more than {size(self._allowed_bytes)}, which looks like a bomb",
                "if its authors say that it is so large: --max-bytes N and --max-ratio N",
            )

    def _directory(self, path: Path) -> None:
        if path in self._made:
            return
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise _Refused(f"{path.name!r} is a file and a directory at once") from None
        self._made.add(path)

    def _write(self, path: Path, member: Member) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        except FileExistsError:
            raise _Refused(f"it holds {member.name!r} twice") from None
        with os.fdopen(descriptor, "wb") as file:
            for piece in member.content():
                self._refuse_bytes(len(piece))
                self._n_bytes += len(piece)
                file.write(piece)
            if self._modes:
                os.fchmod(file.fileno(), 0o755 if member.executable else 0o644)
        with suppress(OSError, OverflowError, ValueError):
            os.utime(path, (member.mtime_s, member.mtime_s))

    def _hard_link(self, path: Path, member: Member) -> None:
        goal = self._into.joinpath(*_parts(member.goal))
        if not goal.is_file():
            raise _Refused(
                f"{member.name!r} is the same file as {member.goal!r}, which is not there"
            )
        try:
            path.hardlink_to(goal)
        except FileExistsError:
            raise _Refused(f"it holds {member.name!r} twice") from None

    def link_all(self) -> tuple[Path, ...]:
        """Make the links, none of which may be absolute."""
        for path, goal in self._links:
            if not goal or goal.startswith("/") or "\0" in goal:
                raise _Refused(f"the link {path.name!r} leads out of it, to {goal!r}")
            try:
                path.symlink_to(goal)
            except FileExistsError:
                raise _Refused(f"it holds {path.name!r} twice") from None
        return tuple(path for path, _ in self._links)


def refuse_outward(root: Path, links: tuple[Path, ...], name: str) -> None:
    """Raises `DataError` for links that lead out of `root`, alone or together with others."""
    real = os.path.realpath(root)
    for path in links:
        if not Path(os.path.realpath(path)).is_relative_to(real):
            raise DataError(
                f"{name} is not unpacked: the link {path.name!r} leads out of it, to "
                f"{str(path.readlink())!r}",
                hint="unpack it by hand where nothing can be harmed, and look at it",
            )


def _parts(name: str) -> tuple[str, ...]:
    """A member's name below the directory. Raises `_Refused`."""
    if name.startswith("/") or _DRIVE.match(name):
        raise _Refused(f"the name {name!r} is absolute")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts or any(part.startswith("..\\") for part in parts):
        raise _Refused(f"the name {name!r} leads out of it")
    if "\0" in name:
        raise _Refused(f"the name {name!r} is no name")
    return parts

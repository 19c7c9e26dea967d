"""Writing a source out: the same bytes, modes, links and times on every machine.

Owns: the files below the directory given.
Does not own: replacing an older directory as a whole (`bundle`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from repropack.errors import BuildError
from repropack.source.content import Content
from repropack.source.model import EXECUTABLE_MODE, Entry
from repropack.source.names import encode, on_disk


def export_tree(
    entries: tuple[Entry, ...], content: Content, directory: Path, *, mtime_s: int
) -> None:
    """Write `entries` below `directory`, which must be empty or absent.

    Files have mode 644 or 755 whatever the umask, directories 755, and everything has the time
    `mtime_s`. Raises BuildError where the directory cannot be written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise BuildError(f"{directory} is not empty", hint="choose a directory of its own")
        folders = [directory, *_folders(entries, directory)]
        for folder in folders[1:]:
            folder.mkdir()
        for entry, pieces in content.stream(entries):
            _write(on_disk(directory, entry.path), entry, pieces, mtime_s)
        for folder in folders:
            folder.chmod(0o755)
            os.utime(folder, (mtime_s, mtime_s))
    except OSError as error:
        place = os.fsdecode(error.filename or directory)
        raise BuildError(
            f"{place} cannot be written: {error.strerror}", hint="is the disk full? try `df -h`"
        ) from error


def _folders(entries: tuple[Entry, ...], directory: Path) -> list[Path]:
    """Every directory that entries need, a parent before what is in it."""
    found: set[str] = set()
    for entry in entries:
        parent = entry.path.rpartition("/")[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return [on_disk(directory, each) for each in sorted(found, key=encode)]


def _write(file: Path, entry: Entry, pieces: Iterator[bytes], mtime_s: int) -> None:
    if entry.is_link:
        file.symlink_to(os.fsdecode(b"".join(pieces)))
        os.utime(file, (mtime_s, mtime_s), follow_symlinks=False)
        return
    with file.open("xb") as stream:
        for piece in pieces:
            stream.write(piece)
        stream.flush()
        os.fchmod(stream.fileno(), 0o755 if entry.mode == EXECUTABLE_MODE else 0o644)
        os.utime(stream.fileno(), (mtime_s, mtime_s))

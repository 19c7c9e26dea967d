"""A bundle's directory as one file, the same bytes each time, whole or not at all.

Owns: the file's name and place. Does not own: the tar (`tar`), how it is packed (`packing`), parts
(`parts`).
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from repropack.archives.outward import refuse_outward
from repropack.archives.packing import packed, packer
from repropack.archives.parts import LIST, Splitting, list_text, sha256_of
from repropack.archives.tar import listed, tar_of
from repropack.errors import BuildError, UsageError
from repropack.marks import scratch

#: What `build --archive` takes; `verify` reads more.
ENDINGS = (".tar.zst", ".tar.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What was written: the file, or its parts and the list of them."""

    path: Path
    parts: tuple[Path, ...]
    size_bytes: int

    @property
    def list(self) -> Path:
        """The list of its parts."""
        return self.path.with_name(self.path.name + LIST)

    @property
    def is_split(self) -> bool:
        """Whether there are several parts."""
        return self.parts != (self.path,)


def refuse_archive(path: Path, *, force: bool) -> None:
    """Raises `UsageError` for a name that no archive has, or that something else has already."""
    if not path.name.endswith(ENDINGS) or path.name in ENDINGS:
        raise UsageError(
            f"--archive {path}: it is packed as its name says",
            hint=f"let the name end in {' or '.join(ENDINGS)}",
        )
    for there in (path, *_parts_of(path), path.with_name(path.name + LIST)):
        if os.path.lexists(there) and not (force and there.is_file()):
            raise UsageError(
                f"{there} exists already", hint="remove it, name another, or add --force"
            )


def _parts_of(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.[0-9][0-9][0-9]")) if path.parent.is_dir() else []


def write_archive(directory: Path, top: str, path: Path, *, part_bytes: int) -> Archive:
    """Write a bundle as the file `path`, in which everything is below `top`, whole or not at all.

    Where it has more than `part_bytes`, it is in parts of so many. Raises `BuildError`.
    """
    try:
        items = listed(directory)
        refuse_outward(directory, items)
        read = partial(tar_of, directory, top, items)
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch(path.parent, f".{path.name}.", ".tmp") as place:
            parts = Splitting(place, part_bytes)
            try:
                with closing(packed(read, packer(path.name))) as pieces:
                    for piece in pieces:
                        parts.write(piece)
            finally:
                parts.close()
            return _put(parts.paths, place, path)
    except OSError as error:
        raise BuildError(
            f"cannot write {path}: {error.strerror or error}", hint="is the disk full? try `df -h`"
        ) from error


def _put(made: list[Path], place: Path, path: Path) -> Archive:
    """Rename into place; nothing of an older archive stays.

    Parts are whole with their list, so an older one goes first and the new one comes last.
    """
    older = [path, *_parts_of(path), path.with_name(path.name + LIST)]
    names = [path.name] if len(made) == 1 else [f"{path.name}.{each.name}" for each in made]
    size_bytes = sum(each.stat().st_size for each in made)
    if len(made) > 1:
        sums = {name: sha256_of(each) for name, each in zip(names, made, strict=True)}
        (place / "list").write_text(list_text(path.name, sums), "utf-8")
        made, names = [*made, place / "list"], [*names, path.name + LIST]
    older[-1].unlink(missing_ok=True)
    for each, name in zip(made, names, strict=True):
        each.replace(path.with_name(name))
    for each in older:
        if each.name not in names:
            each.unlink(missing_ok=True)
    parts = tuple(path.with_name(name) for name in names if not name.endswith(LIST))
    return Archive(path=path, parts=parts, size_bytes=size_bytes)

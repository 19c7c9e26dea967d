"""An image as a directory: its layers unpacked one over the other, for engines that have no store.

Owns: reading an image's archive from front to end, and unpacking without leaving the directory:
links in it lead somewhere within it, as they will for whoever runs in it. Devices, owners and the
bits that lend rights are left out. Does not own: whether the archive is the one that was meant
(`carried`), where it is kept (`cluster`).
The formats: https://github.com/opencontainers/image-spec/blob/main/layer.md (layers, whiteouts),
https://docs.docker.com/reference/cli/docker/image/save/ (manifest.json).
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from repropack.engines.archive import reader
from repropack.errors import BuildError

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MOST_LINKS = 40
_LARGEST_TEXT = 16 << 20
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrolled:
    """An image that lies in a directory: its tag, the digest of its config, and the config."""

    tag: str
    id: str
    config: dict[str, Any]


def unroll(pieces: Iterable[bytes], root: Path, name: str) -> Unrolled:
    """Unpack the image of an archive below `root`, which is empty.

    Its manifest has to come first, then its config, then its layers in their order. Raises
    `BuildError` with the archive's `name` for any other, `OSError` if the disk refuses.
    """
    manifest: dict[str, Any] = {}
    config: dict[str, Any] = {}
    wanted: list[str] = []
    try:
        with tarfile.open(fileobj=reader(pieces), mode="r|", bufsize=_PIECE) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if file is None:
                    continue
                if member.name == "manifest.json":
                    (manifest,) = _text(file, member)
                    wanted = list(dict.fromkeys(map(str, manifest["Layers"])))
                elif member.name == manifest.get("Config"):
                    config = _text(file, member)
                elif wanted and member.name == wanted[0]:
                    _Root(root).apply(file)
                    wanted.pop(0)
                elif member.name in wanted:
                    raise ValueError("its layers do not come in their order")
        if not config or wanted:
            raise ValueError("a part of the image is missing")
        digest = PurePosixPath(str(manifest["Config"])).name.partition(".")[0]
        (tag,) = manifest["RepoTags"]
        return Unrolled(tag=str(tag), id=f"sha256:{digest}", config=config)
    except (tarfile.TarError, ValueError, KeyError, TypeError, EOFError) as error:
        raise BuildError(f"{name} could not be unpacked: {error}") from error


def _text(file: IO[bytes], member: tarfile.TarInfo) -> Any:
    if member.size > _LARGEST_TEXT:
        raise ValueError(f"{member.name} has {member.size} bytes")
    return json.loads(file.read())


class _Root:
    """The directory that is `/` of an image, while one layer is laid over those before it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: set[Path] = set()

    def apply(self, layer: IO[bytes]) -> None:
        """Lay a layer over what is there."""
        with tarfile.open(fileobj=layer, mode="r|", bufsize=_PIECE) as archive:
            for member in archive:
                self._take(archive, member)

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = self._place(member.name)
        if path == self._root:
            return
        if path.name == _OPAQUE:
            self._empty(path.parent)
            return
        if path.name.startswith(_WHITEOUT):
            _remove(path.with_name(path.name.removeprefix(_WHITEOUT)))
            return
        if member.isdir():
            self._directory(path)
            path.chmod(member.mode & 0o777 | 0o700)
        elif member.isreg():
            self._file(archive, member, path)
        elif member.issym():
            _remove(path)
            path.symlink_to(member.linkname)
        elif member.islnk():
            goal = self._place(member.linkname)
            if goal != path:
                _remove(path)
                os.link(goal, path, follow_symlinks=False)
        self._made.add(path)

    def _file(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
        content = archive.extractfile(member)
        assert content is not None  # it is a regular file
        _remove(path)
        with path.open("xb") as file:
            shutil.copyfileobj(content, file, _PIECE)
        path.chmod(member.mode & 0o777 | 0o600)
        os.utime(path, (member.mtime, member.mtime))  # bytecode counts for one time of its source

    def _directory(self, path: Path) -> None:
        if path.is_symlink() or not path.is_dir():
            _remove(path)
            path.mkdir()

    def _empty(self, directory: Path) -> None:
        """Remove what earlier layers put there."""
        for path in directory.iterdir():
            if path not in self._made:
                _remove(path)

    def _place(self, name: str) -> Path:
        """Where a member of that name is; links on the way to it are followed within the root."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in name:
            raise ValueError(f"{name!r} leads out of it")
        if not parts:
            return self._root
        return self._walk(parts[:-1]) / parts[-1]

    def _walk(self, parts: list[str]) -> Path:
        """A directory of the image, made if it is not there."""
        left, here, links = list(reversed(parts)), self._root, 0
        while left:
            part = left.pop()
            if part == "..":
                here = here.parent if here != self._root else here
                continue
            path = here / part
            if path.is_symlink():
                links += 1
                if links > _MOST_LINKS:
                    raise ValueError(f"{part!r} leads on and on")
                goal = os.fspath(path.readlink())
                here = self._root if goal.startswith("/") else here
                left += [each for each in reversed(goal.split("/")) if each not in ("", ".")]
                continue
            self._directory(path)
            here = path
        return here


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def labels_of(config: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The labels of an image's config."""
    return tuple(sorted((str(k), str(v)) for k, v in (_inner(config, "Labels") or {}).items()))


def variables_of(config: dict[str, Any]) -> dict[str, str]:
    """The variables that an image sets."""
    found = (str(each).partition("=") for each in _inner(config, "Env") or ())
    return {name: value for name, _, value in found if name}


def layers_of(config: dict[str, Any]) -> tuple[str, ...]:
    """The digests of an image's layers."""
    return tuple(map(str, (config.get("rootfs") or {}).get("diff_ids") or ()))


def _inner(config: dict[str, Any], key: str) -> Any:
    return (config.get("config") or {}).get(key)

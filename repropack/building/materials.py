"""The sources of a package on this machine: an archive of them, and what identifies them.

Owns: getting source distributions (with pip, nothing of them executed), checking out repositories,
and reading what the project itself has. Does not own: building (`making`), addresses
(`environment.origins`).
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from repropack.engines.archive import pack, tree
from repropack.environment import Kind, Lock, Origin, Requirement, Target
from repropack.environment.fetching import fetch_source
from repropack.environment.gitcommits import checked_out
from repropack.environment.store import digest, explained, key_of, source_files, workspace
from repropack.errors import IntegrityError, InvalidError
from repropack.progress import Progress
from repropack.source import Source

OLDEST_S = 315_532_800  # 1980: what a zip file can hold
STRONG = ("sha256", "sha384", "sha512")
MOST_TEXT_BYTES = 10_000_000
#: Files that say what an editable install is; another change of the code changes nothing of it.
TELLING = frozenset(
    (
        *("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in", "__init__.py", "__about__.py"),
        *("_version.py", "version.py", "__version__.py", "VERSION", "VERSION.txt", "version.txt"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a wheel is built from.

    `archive` is None for a directory of the project, which is exported when it is built. `read`
    reads a file of the package's directory (None: it has none). `identity` tells sources apart,
    `version` is what the repository's tags say, for packages that ask git. `has_cuda`: some of the
    files are CUDA code.
    """

    label: str
    identity: str
    sha256: str
    archive: Path | None
    path: str
    time_s: int
    version: str
    read: Callable[[str], str | None]
    has_cuda: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where sources are taken from and kept."""

    lock: Lock
    source: Source
    target: Target
    cache: Path
    progress: Progress


def material_of(item: Requirement, origin: Origin, store: Store) -> Material:
    """The sources of a package. Raises `InvalidError`, `IntegrityError`, `TemporaryError`."""
    if origin.kind is Kind.SDIST:
        file = fetch_source(item, store.lock, store.target, store.cache, store.progress)
        return of_archive(file, f"{file.name}", digest(file, "sha256"))
    if origin.kind is Kind.FILE:
        file = file_of_source(origin, item, store)
        return of_archive(file, origin.path, digest(file, "sha256"))
    if origin.kind is Kind.GIT:
        return of_repository(origin, item, store)
    return of_directory(origin, item, store)


def file_of_source(origin: Origin, item: Requirement, store: Store) -> Path:
    """A file of the project, in the cache."""
    try:
        data = store.source.read_bytes(origin.path)
    except InvalidError as error:
        raise InvalidError(f"{item.where}: {error.what}", hint=error.hint) from error
    sums = {f"{name}:{hashlib.new(name, data).hexdigest()}" for name in STRONG}
    if item.hashes and not sums & set(item.hashes):
        raise IntegrityError(
            f"{item.where}: {origin.path} has another hash than the lock says",
            hint="lock again, or put back the file that was locked",
        )
    with workspace(store.cache) as directory:
        file = directory / posixpath.basename(origin.path)
        file.write_bytes(data)
        return kept(file, store.cache)


def kept(file: Path, cache: Path) -> Path:
    """A file of sources in the cache, by its hash."""
    place = source_files(cache, digest(file, "sha256")) / file.name
    with explained(cache):
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)
    return place


def of_archive(file: Path, label: str, sha256: str) -> Material:
    """A source distribution."""
    time_s, has_cuda = told_by(file)
    return Material(
        label=label,
        identity=sha256,
        sha256=sha256,
        archive=file,
        path="",
        time_s=time_s,
        version="",
        read=partial(read_member, file),
        has_cuda=has_cuda,
    )


def told_by(file: Path) -> tuple[int, bool]:
    """The time of an archive's newest file, when its release was made; whether it has CUDA code."""
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                return OLDEST_S, any(map(is_cuda, archive.namelist()))
        with tarfile.open(file) as tar:
            members = [(int(member.mtime), member.name) for member in tar]
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise InvalidError(f"{file.name} is no archive that can be read: {error}") from error
    newest = max([OLDEST_S, *(time_s for time_s, _ in members)])
    return newest, any(is_cuda(name) for _, name in members)


def is_cuda(name: str) -> bool:
    """Whether a file is CUDA code, by its name."""
    return name.endswith((".cu", ".cuh"))


def read_member(file: Path, name: str) -> str | None:
    """A file of the archive's top directory."""
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                names = [n for n in archive.namelist() if top_name(n) == name]
                data = archive.read(names[0]) if names else None
        else:
            with tarfile.open(file) as tar:
                members = [m for m in tar if m.isfile() and top_name(m.name) == name]
                stream = tar.extractfile(members[0]) if members else None
                data = stream.read(MOST_TEXT_BYTES) if stream else None
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise InvalidError(f"{file.name} is no archive that can be read: {error}") from error
    return None if data is None else data.decode("utf-8", "replace")


def top_name(name: str) -> str:
    """A member's path without the one directory at the top."""
    return posixpath.normpath(name).partition("/")[2]


def of_repository(origin: Origin, item: Requirement, store: Store) -> Material:
    """A repository at a commit: exported once, with its submodules, and kept."""
    place = source_files(store.cache, key_of([origin.url, origin.commit])) / "source.tar"
    facts = place.with_suffix(".json")
    if not facts.is_file():
        export(origin, item, store, place)
    said = json.loads(facts.read_text("utf-8"))
    return Material(
        label=f"{origin.url}@{origin.commit}" + (f"#{origin.path}" if origin.path else ""),
        identity=f"{origin.commit}:{origin.path}",
        sha256="",
        archive=place,
        path=origin.path,
        time_s=said["time_s"],
        version=said["version"],
        read=lambda name: read_member(place, posixpath.join(origin.path, name)),
        has_cuda=told_by(place)[1],
    )


def export(origin: Origin, item: Requirement, store: Store, place: Path) -> None:
    """Write the tree as an archive with one directory at its top, then what git says of it."""
    with workspace(store.cache) as directory:
        source, version = checked_out(origin, item.where, store.cache, directory, store.progress)
        time_s = max(OLDEST_S, source.commit_time_s or 0)
        source.export(directory / "export" / "source", mtime_s=time_s)
        (directory / "checkout").rename(directory / "done")
        with explained(store.cache):
            place.parent.mkdir(parents=True, exist_ok=True)
            with (directory / "source.tar").open("wb") as file:
                file.writelines(pack(directory / "export", tree(directory / "export")))
            (directory / "source.tar").replace(place)
            facts = directory / "facts.json"
            facts.write_text(json.dumps({"time_s": time_s, "version": version}))
            facts.replace(place.with_suffix(".json"))


def of_directory(origin: Origin, item: Requirement, store: Store) -> Material:
    """A directory of the project itself."""
    source, path = store.source, "" if origin.path == "." else origin.path
    prefix = f"{path}/" if path else ""

    def read(name: str) -> str | None:
        return source.read_text(prefix + name) if source.has(prefix + name) else None

    inside = [entry for entry in source.files() if entry.path.startswith(prefix)]
    if not inside:
        raise InvalidError(
            f"{item.where}: there is no directory {origin.path}",
            hint="commit it, or take the line out",
        )
    facts = sorted(
        [entry.path, entry.object_id if tells(entry.path) else ""]
        for entry in inside
        if tells(entry.path) or entry.path.endswith(".py")
    )
    return Material(
        label=origin.path,
        identity=key_of([path, facts]),
        sha256="",
        archive=None,
        path=path,
        time_s=max(OLDEST_S, source.commit_time_s or 0),
        version=next((v for tag in source.tags if (v := tag_version(tag))), "0"),
        read=read,
        has_cuda=any(is_cuda(entry.path) for entry in inside),
    )


def whole(material: Material, source: Source) -> Material:
    """A directory whose every file counts: its build compiles something."""
    prefix = f"{material.path}/" if material.path else ""
    facts = [[e.path, e.object_id] for e in source.files() if e.path.startswith(prefix)]
    return replace(material, identity=key_of([material.path, facts]))


def tells(path: str) -> bool:
    """Whether a file may change what an editable install is."""
    name = posixpath.basename(path)
    return name in TELLING or name.upper().startswith(("README", "LICENSE", "LICENCE"))


def tag_version(tag: str) -> str:
    """The version that a tag names, or ""."""
    from packaging.version import InvalidVersion, Version

    try:
        return str(Version(tag))
    except InvalidVersion:
        return ""


def bring(material: Material, source: Source, directory: Path) -> str:
    """Put the sources into the directory of a build; gives the name of their archive, or ""."""
    build = directory / "build"
    if material.archive is None:
        source.export(directory / "work", mtime_s=material.time_s)
        return ""
    shutil.copyfile(material.archive, build / material.archive.name)
    return material.archive.name

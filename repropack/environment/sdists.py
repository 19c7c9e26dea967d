"""Packages of which an index has sources alone, as the resolver sees them: read, and never run.

Owns: what such a package needs, by the metadata and the files in its source distribution.
Does not own: asking which version is meant (`resolving`), building it (`building`).
"""

from __future__ import annotations

import email.parser
import json
import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from repropack.environment.downloading import PipFailedError, download_sources
from repropack.environment.failures import classify
from repropack.environment.lines import shown
from repropack.environment.manifest import Manifest
from repropack.environment.metadata import read_metadata
from repropack.environment.model import Kind, Lock, Origin, Requirement, Target
from repropack.environment.origins import unbuilt
from repropack.environment.store import explained, key_of, workspace
from repropack.environment.stubs import Stub
from repropack.errors import ComputedError, InvalidError, OtherPythonError, SourceError
from repropack.workspace import write_atomically

LARGEST_BYTES = 4 << 20
SDIST = Origin(kind=Kind.SDIST)
_WANTED = re.compile(r"Wheels are required for `([^`]+)` because building from source is disabled")
_SECTION = re.compile(r"\[(?P<extra>[^\]:]*)(?::(?P<marker>[^\]]*))?\]")


def without_wheels(output: str) -> tuple[str, ...]:
    """The packages that uv found and could not take, because they have no wheel."""
    return tuple(dict.fromkeys(_WANTED.findall(output)))


def source_stub(pinned: Requirement, manifest: Manifest, target: Target, cache: Path) -> Stub:
    """A package by its source distribution, whose hashes `pinned` has.

    Remembered in `cache`. Raises `InvalidError` where its requirements would have to be computed.
    """
    stub = Stub(
        name=pinned.name,
        version=pinned.version,
        origin=SDIST,
        where=manifest.where(pinned.name),
        hashes=pinned.hashes,
    )
    answer = cache / "resolutions" / f"{key_of(['sdist', pinned.name, *pinned.hashes])}.json"
    with suppress(OSError):
        return replace(stub, requires=tuple(json.loads(answer.read_text("utf-8"))))
    with workspace(cache) as directory:
        archive = downloaded(stub, manifest, target, directory)
        label = f"{stub.where}: {pinned}"
        try:
            requires = tuple(readable(requirements_of(Archive.read(archive), label), label))
        except ComputedError as error:
            raise OtherPythonError(
                f"{label} has no wheel for Python {target.python}, and what it needs is computed: "
                f"{error.what}",
                hint="ask for a version that has a wheel, or lock what you used, with hashes",
            ) from error
    with explained(cache):
        answer.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(answer, json.dumps(requires))
    return replace(stub, requires=requires)


def downloaded(stub: Stub, manifest: Manifest, target: Target, directory: Path) -> Path:
    """Its source distribution, hash checked."""
    wanted = unbuilt(stub.name, stub.version, SDIST, stub.where, hashes=stub.hashes)
    lock = Lock(
        requirements=(wanted,),
        origin=manifest.path,
        because="its metadata is needed",
        indexes=manifest.indexes,
        find_links=manifest.find_links,
    )
    try:
        (path,) = download_sources((wanted,), lock, target, directory, progress=lambda line: None)
    except PipFailedError as failed:
        raise classify(failed.lines, (wanted,), target).error from None
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """The small text files of a source distribution, by their path below its one directory."""

    files: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> Archive:
        """Those of a tar or zip file. Raises `InvalidError` for a file that is neither."""
        try:
            found = dict(of_zip(path) if zipfile.is_zipfile(path) else of_tar(path))
        except (OSError, ValueError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
            raise InvalidError(f"{path.name} is no archive of sources: {error}") from error
        return cls(files={name.partition("/")[2]: text for name, text in found.items()})

    def has(self, path: str) -> bool:
        """Whether a file is there."""
        return path in self.files

    def read_text(self, path: str) -> str:
        """The text of a file. Raises `SourceError`."""
        try:
            return self.files[path]
        except KeyError:
            raise SourceError(f"{path} is not there") from None


def worth(name: str, size_bytes: int) -> bool:
    """Whether a file may say what the package needs."""
    names = (".txt", ".toml", ".cfg", ".in", "setup.py", "PKG-INFO", ".py")
    return name.count("/") <= 3 and size_bytes <= LARGEST_BYTES and name.endswith(names)


def of_tar(path: Path) -> Iterator[tuple[str, str]]:
    """The files of a tar archive."""
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and worth(member.name, member.size):
                yield member.name, file.read().decode("utf-8", "replace")


def of_zip(path: Path) -> Iterator[tuple[str, str]]:
    """The files of a zip archive."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if worth(info.filename, info.file_size):
                yield info.filename, archive.read(info).decode("utf-8", "replace")


def requirements_of(archive: Archive, label: str) -> Iterator[str]:
    """What the package needs, as `Requires-Dist` has it.

    By its metadata, else by what setuptools wrote beside it, else by reading its setup files.
    Raises `InvalidError` where these compute it.
    """
    metadata = email.parser.HeaderParser().parsestr(archive.files.get("PKG-INFO", ""))
    stated = metadata.get_all("Requires-Dist") or []
    if stated or is_static(metadata.get("Metadata-Version"), metadata.get_all("Dynamic") or []):
        yield from stated
        return
    infos = [name for name in archive.files if ".egg-info/" in name]
    if infos:
        listed = next((name for name in infos if name.endswith("/requires.txt")), None)
        yield from listed_requirements(archive.files[listed]) if listed else ()
        return
    yield from (line.text for line in read_metadata(archive, "", label).lines)


def readable(needs: Iterable[str], label: str) -> Iterator[str]:
    """Those that today's standard can read; an extra that it cannot read is nobody's loss.

    Raises `InvalidError` for one that is always needed.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    for need in needs:
        try:
            Requirement(need)
        except InvalidRequirement as error:
            if "extra ==" not in need:
                reason = str(error).splitlines()[0]
                raise InvalidError(
                    f"{label} needs {shown(need)}, which nothing can read: {reason}"
                ) from error
        else:
            yield need


def is_static(version: str | None, dynamic: list[str]) -> bool:
    """Whether the metadata of a source distribution counts for what is built of it (PEP 643)."""
    match = re.fullmatch(r"(\d+)\.(\d+)", (version or "").strip())
    newer = match is not None and (int(match[1]), int(match[2])) >= (2, 2)
    return newer and not any(name.strip().lower() == "requires-dist" for name in dynamic)


def listed_requirements(text: str) -> Iterator[str]:
    """setuptools' `requires.txt`: requirements below `[extra]`, `[:marker]`, `[extra:marker]`."""
    conditions: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        section = _SECTION.fullmatch(line)
        if section:
            extra, marker = section["extra"].strip(), (section["marker"] or "").strip()
            conditions = [f"({marker})"] if marker else []
            conditions += [f'extra == "{extra}"'] if extra else []
        else:
            need, _, own = line.partition(";")
            every = [*([f"({own.strip()})"] if own.strip() else []), *conditions]
            yield need.strip() + (f" ; {' and '.join(every)}" if every else "")

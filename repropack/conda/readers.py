"""conda-lock.yml, pixi.lock and `@EXPLICIT` lists: which packages they lock for Linux.

Owns: reading each with the library that owns the format, and choosing platform and groups.
Does not own: what is installed beside them (`locks`).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from repropack.conda import condalock
from repropack.condafile import PLATFORM, foreign_subdirs, read_explicit
from repropack.environment import Requirement, Target
from repropack.environment.artifacts import File, Package, requirement
from repropack.environment.condamodel import CondaEnvironment, CondaPackage, public_address
from repropack.environment.groups import Offer, choose, refuse_selection
from repropack.environment.parts import NO_PARTS, UNASKED, Parts, Selection
from repropack.errors import InvalidError
from repropack.findings import Finding, Severity, Where

ARCHIVE = re.compile(r"(.+)-([^-]+)-([^-]+)\.(?:conda|tar\.bz2)")
MAIN = "main"
DEFAULT = "default"  # pixi's environment that is made of no feature


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a lock holds for Linux. `pip` are packages before a wheel of each is chosen."""

    packages: tuple[CondaPackage, ...]
    pip: tuple[Package, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    parts: Parts = NO_PARTS
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()  # of packages that main does not need

    def requirements(self, environment: CondaEnvironment, base: Target) -> tuple[Requirement, ...]:
        """pip's part for the environment's own Python."""
        target = replace(base, python=environment.python)
        groups = dict(self.groups)
        return tuple(
            replace(requirement(package, target), groups=groups.get(package.name, ()))
            for package in self.pip
        )


def read_conda_lock(text: str, path: str, selection: Selection = UNASKED) -> Read:
    """A conda-lock.yml, unified or not, as conda-lock reads it: its categories are groups."""
    try:
        lock = condalock.parse(text)
    except Exception as error:  # pydantic's, yaml's, and assertions: all mean the same
        reason = " ".join(str(error).split())[:300]
        raise InvalidError(
            f"{path} is not a lock that conda-lock reads: {reason}",
            hint="run `conda-lock` again",
        ) from error
    here = [entry for entry in lock.package if entry.platform == PLATFORM]
    refuse_other_platforms(bool(here), sorted({e.platform for e in lock.package}), path)
    categories = {group for entry in here for group in entry.categories} - {MAIN}
    parts = choose(Offer(path=path, groups=tuple(sorted(categories))), selection)
    taken = {MAIN, *parts.group_names}
    chosen = [entry for entry in here if not entry.categories or taken & set(entry.categories)]
    lines = name_lines(text)
    return Read(
        packages=tuple(
            conda_entry(entry, Where(path=path, line=lines.get(entry.name)))
            for entry in chosen
            if entry.manager == "conda"
        ),
        pip=tuple(
            pip_entry(entry, Where(path=path, line=lines.get(entry.name)))
            for entry in chosen
            if entry.manager == "pip"
        ),
        findings=parts.findings,
        parts=parts,
        groups=tuple(
            (entry.name, tuple(sorted(taken & set(entry.categories))))
            for entry in chosen
            if entry.categories and MAIN not in entry.categories
        ),
    )


def conda_entry(entry: Any, where: Where) -> CondaPackage:
    """A conda package of conda-lock's."""
    match = ARCHIVE.fullmatch(entry.url.rpartition("/")[2])
    return CondaPackage(
        name=entry.name,
        version=entry.version,
        build=entry.build or (match[3] if match else ""),
        url=entry.url,
        hashes=strongest(sha256=entry.hash.sha256, md5=entry.hash.md5),
        depends=tuple(f"{name} {spec}".strip() for name, spec in entry.dependencies.items()),
        where=where,
    )


def pip_entry(entry: Any, where: Where) -> Package:
    """A package that conda-lock leaves to pip: one file with its hash."""
    filename = entry.url.partition("#")[0].rpartition("/")[2]
    hash = f"sha256:{entry.hash.sha256}" if entry.hash.sha256 else ""
    file = File(name=filename, hash=hash, url=entry.url)
    return Package(name=entry.name, version=entry.version, files=(file,), where=where)


def read_explicit_lock(text: str, path: str, selection: Selection = UNASKED) -> Read:
    """What `conda list --explicit` printed. Hashes that it lacks are taken when it is fetched."""
    refuse_selection(path, selection)
    try:
        addresses = read_explicit(text)
    except ValueError as error:
        raise InvalidError(
            f"{path}: {error}", hint="write it with `conda list --explicit`"
        ) from error
    for subdir, line in foreign_subdirs(addresses).items():
        raise InvalidError(
            f"{Where(path=path, line=line)}: the list is for {subdir}, and images are {PLATFORM}",
            hint="write it on Linux with `conda list --explicit --md5`",
        )
    packages = tuple(
        from_url(
            f"{each.channel}/{each.subdir}/{each.filename}",
            (each.hash,) if each.hash else (),
            Where(path=path, line=each.line),
        )
        for each in addresses
    )
    return Read(packages=packages, findings=unhashed(packages, path))


def from_url(url: str, hashes: tuple[str, ...], where: Where) -> CondaPackage:
    """A package by its address alone."""
    match = ARCHIVE.fullmatch(url.rpartition("/")[2])
    if match is None:
        raise InvalidError(f"{where}: {public_address(url)} is not a conda package")
    return CondaPackage(
        name=match[1].lower(),
        version=match[2],
        build=match[3],
        url=url,
        hashes=hashes,
        where=where,
    )


def unhashed(packages: Iterable[CondaPackage], path: str) -> tuple[Finding, ...]:
    """Packages that nothing tells from others of the same name."""
    bare = [package for package in packages if not package.hashes]
    if not bare:
        return ()
    because = (
        f"{len(bare)} packages in {path} have no hash: what their addresses give now is taken, and "
        "its hash is recorded; write the list with `conda list --explicit --md5`"
    )
    return (
        Finding(
            kind="conda.unhashed",
            value=f"{len(bare)} packages",
            because=because,
            where=bare[0].where,
            severity=Severity.WARNING,
        ),
    )


def read_pixi(text: str, path: str, selection: Selection = UNASKED) -> Read:
    """A pixi.lock as rattler reads it: its default environment, or the one that is asked for."""
    from rattler import LockFile

    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "pixi.lock")
        file.write_text(text, encoding="utf-8")
        try:
            lock = LockFile.from_path(file)
        except Exception as error:
            reason = " ".join(str(error).replace(str(file), path).split())[:300]
            raise InvalidError(
                f"{path} is not a lock that rattler reads: {reason}", hint="run `pixi lock` again"
            ) from error
    environments = dict(lock.environments())
    main = DEFAULT if DEFAULT in environments else next(iter(environments), "")
    if not main:
        raise InvalidError(f"{path} locks no environment", hint="run `pixi lock`")
    parts = one_environment(tuple(environments), main, path, selection)
    name = parts.main or parts.group_names[0]
    platforms = environments[name].packages_by_platform()
    here = next((entries for p, entries in platforms.items() if str(p.subdir) == PLATFORM), None)
    refuse_other_platforms(here is not None, sorted(str(p.subdir) for p in platforms), path)
    lines = file_lines(text)
    packages = tuple(pixi_packages(here or (), path, lines))
    pip = tuple(pixi_pip(here or (), path, lines))
    return Read(packages=packages, pip=pip, findings=parts.findings, parts=parts)


def one_environment(known: tuple[str, ...], main: str, path: str, selection: Selection) -> Parts:
    """The environment that is installed: pixi has one at a time, made of features.

    Raises `InvalidError`.
    """
    others = tuple(name for name in known if name != main)
    parts = choose(Offer(path=path, main=main, groups=others), selection)
    if not parts.groups:
        return parts
    if len(parts.groups) > 1:
        raise InvalidError(
            f"environment.groups in repropack.yaml names {', '.join(parts.group_names)}, but these "
            f"are environments of {path}, of which one is installed at a time",
            hint="name one of them; in pixi's own files, an environment of several features",
        )
    return replace(parts, main="", left=(main, *parts.left))


def pixi_packages(
    entries: Iterable[Any], path: str, lines: dict[str, int]
) -> Iterator[CondaPackage]:
    """The conda packages. Raises `InvalidError` for one that pixi would build from source."""
    from rattler.lock import CondaLockedBinaryPackage, CondaLockedPackage

    for entry in entries:
        if not isinstance(entry, CondaLockedPackage):
            continue
        filename = entry.location.rpartition("/")[2]
        where = Where(path=path, line=lines.get(filename))
        if not isinstance(entry, CondaLockedBinaryPackage):
            raise InvalidError(
                f"{where}: {entry.name} is built from source by pixi",
                hint="give it as a released package, or copy its code into the repository",
            )
        record = entry.repo_data_record()
        hashes = strongest(
            sha256=record.sha256.hex() if record.sha256 else None,
            md5=record.md5.hex() if record.md5 else None,
        )
        package = from_url(entry.location, hashes, where)
        yield replace(package, depends=tuple(record.depends), size_bytes=record.size)


def pixi_pip(entries: Iterable[Any], path: str, lines: dict[str, int]) -> Iterator[Package]:
    """The packages of an index."""
    from rattler.lock import PypiLockedPackage

    for entry in entries:
        if isinstance(entry, PypiLockedPackage):
            filename = entry.location.partition("#")[0].rpartition("/")[2]
            sha256 = entry.hashes.sha256 if entry.hashes else None
            hash = f"sha256:{sha256.hex()}" if sha256 else ""
            file = File(name=filename, hash=hash, url=entry.location)
            where = Where(path=path, line=lines.get(filename))
            yield Package(name=entry.name, version=entry.version, files=(file,), where=where)


def strongest(*, sha256: str | None, md5: str | None) -> tuple[str, ...]:
    """All hashes that there are; each has to hold."""
    pairs = (("sha256", sha256), ("md5", md5))
    return tuple(f"{name}:{value.lower()}" for name, value in pairs if value)


def refuse_other_platforms(here: bool, platforms: list[str], path: str) -> None:
    """A lock for other systems alone."""
    if not here:
        raise InvalidError(
            f"{path} locks {', '.join(platforms) or 'nothing'}, and not {PLATFORM}",
            hint="add the platform linux-64, and lock again",
        )


def name_lines(text: str) -> dict[str, int]:
    """The first line that names each package of a conda-lock.yml."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = re.fullmatch(r"\s*(?:- )?name: [\"']?([^\s\"']+)[\"']?\s*", line)
        if match:
            found.setdefault(match[1], number)
    return found


def file_lines(text: str) -> dict[str, int]:
    """The first line with the address of each file of a pixi.lock."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = re.match(r"\s*- (?:conda|pypi|url): (\S+)", line)
        if match:
            found.setdefault(match[1].partition("#")[0].rpartition("/")[2], number)
    return found

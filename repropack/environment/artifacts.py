"""From what a lock says of one package to one requirement: the wheel for the target, the index.

Owns: choosing among a package's files, and which index addresses are asked.
Does not own: which packages count (the reader of each format), fetching (`fetching`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from repropack.environment.model import Kind, Origin, Requirement, Target, normalise
from repropack.environment.origins import ARCHIVES, unbuilt
from repropack.errors import InvalidError, OtherPythonError
from repropack.findings import Where
from repropack.tables import index_kind

NO_FILE = "lock a version that has a wheel for Linux, or a source distribution"
STRONG = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a locked package. `name` may be "" where a lock has hashes alone."""

    name: str
    hash: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One locked package, before a file is chosen. `index` is the author's own, if it is one.

    `origin` is for what comes from no index; `files` then only have the hash of an archive.
    """

    name: str
    version: str
    files: tuple[File, ...]
    where: Where
    index: str | None = None
    origin: Origin | None = None


def requirement(package: Package, target: Target) -> Requirement:
    """The package as a requirement with the hash of the best wheel, else of the sources.

    A lock with hashes alone leaves the choice to the installer. Raises `InvalidError` when no
    file is for the target, or none has a hash.
    """
    files, origin = package.files, package.origin
    if any(file.name for file in files) and origin is None:
        files = (best(package, target),)
        origin = None if files[0].name.endswith(".whl") else Origin(kind=Kind.SDIST)
    hashes = tuple(dict.fromkeys(strong(file.hash) for file in files if strong(file.hash)))
    if package.origin is not None:
        name, where = package.name, package.where
        return unbuilt(name, package.version, package.origin, where, hashes=hashes)
    if not hashes:
        raise InvalidError(
            f"{package.where}: {package.name} {package.version} has no sha256 hash",
            hint="lock again, with hashes",
        )
    return Requirement(
        name=normalise(package.name),
        version=package.version,
        hashes=hashes,
        where=package.where,
        index=package.index,
        url=safe_url(files[0].url) if len(files) == 1 else None,
        origin=origin,
    )


def strong(value: str) -> str:
    """A hash that is strong enough, or ""."""
    lowered = value.strip().lower()
    return lowered if STRONG.fullmatch(lowered) else ""


def safe_url(url: str | None) -> str | None:
    """An address that can be asked: http, without credentials."""
    if url is None or not re.match(r"https?://[^@/\s]+/[^\s]*$", url):
        return None
    return url.partition("#")[0]


def best(package: Package, target: Target) -> File:
    """The file that an installer would take: the best wheel, else the source distribution.

    Raises `InvalidError` where there is none.
    """
    ranked = [
        (rank, file)
        for file in package.files
        if (rank := rank_of(file.name, package.version, target)) is not None
    ]
    sources = [file for file in package.files if is_sdist(file.name, package.version)]
    others = [file for file in package.files if is_for_linux(file.name)]
    if not ranked and (not sources or (others and not target.from_sources)):
        has = "are wheels for others only" if others or not sources else "is nothing of it"
        raise OtherPythonError(
            f"{package.where}: no wheel for {package.name} {package.version} on {target} "
            f"(there {has})",
            hint=NO_FILE,
        )
    return min(ranked, key=lambda item: item[0])[1] if ranked else sources[0]


def is_for_linux(filename: str) -> bool:
    """Whether a file is a wheel that some Python on Linux can install."""
    return filename.endswith(".whl") and ("linux" in filename or filename.endswith("-any.whl"))


def is_sdist(filename: str, version: str) -> bool:
    """Whether a file is a source distribution of this version, as old names have it too."""
    from packaging.version import InvalidVersion, Version

    suffix = next((suffix for suffix in ARCHIVES if filename.lower().endswith(suffix)), None)
    if suffix is None:
        return False
    for found in re.finditer("-", filename.removesuffix(suffix)):
        try:
            if Version(filename[found.end() : -len(suffix)]) == Version(version):
                return True
        except InvalidVersion:
            continue
    return False


def rank_of(filename: str, version: str, target: Target) -> tuple[int, int, str] | None:
    """How good a wheel is, by its name, smaller is better; None for one that does not fit.

    Old locks list the files of several versions of a package together.
    """
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename
    from packaging.version import InvalidVersion, Version

    if not filename.endswith(".whl"):
        return None
    try:
        _, found, build, tags = parse_wheel_filename(filename)
        if version and found != Version(version):
            return None
    except (InvalidWheelFilename, InvalidVersion):
        return None
    order = tag_order(target)
    ranks = [order[str(tag)] for tag in tags if str(tag) in order]
    return (min(ranks), -(build[0] if build else 0), filename) if ranks else None


@functools.lru_cache(maxsize=8)
def tag_order(target: Target) -> dict[str, int]:
    """The place of each tag in the target's order of preference."""
    from repropack.environment.target import tags_of

    return {str(tag): number for number, tag in reversed(list(enumerate(tags_of(target))))}


def own_index(url: str) -> str | None:
    """The address of an index of the author's own; None for the public one and for local paths.

    The public index is asked as this machine is set up to ask it, perhaps through a mirror.
    """
    if not re.match(r"https?://", url) or "@" in url.split("/")[2] or index_kind(url) is not None:
        return None
    return url


def own_indexes(packages: Iterable[Package]) -> tuple[str, ...]:
    """The author's own indexes, each once."""
    return tuple(dict.fromkeys(item.index for item in packages if item.index))


def is_page(index: str) -> bool:
    """Whether the address is a page of links rather than an index."""
    return index.endswith((".html", ".htm"))


def refuse_other_python(allowed: str, target: Target, where: Where) -> None:
    """A lock for other versions of Python. `allowed` is a specifier that may be malformed."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    from repropack.environment.target import full_version

    try:
        wanted = SpecifierSet(allowed)
    except InvalidSpecifier:
        return
    full = full_version(target)
    newest = f"{target.minor}.99"
    if not wanted.contains(full, prereleases=True) and not wanted.contains(newest):
        raise OtherPythonError(
            f"{where}: the lock is for Python {allowed}, the target is {target}",
            hint="set environment.python in repropack.yaml, or lock for this Python",
        )

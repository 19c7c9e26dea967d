"""A conda-lock.yml that is no longer what its environment.yml asks for, by conda-lock's own hash.

Owns: the comparison, and what follows. Does not own: the hash (`condalock`), other tools' locks
(`detectors.staleness`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Any

from repropack.conda import condalock
from repropack.condafile import PLATFORM
from repropack.detectors.staleness import STALE
from repropack.environment import normalise
from repropack.environment.metadata import Tree
from repropack.environment.tomlfile import line_of
from repropack.findings import Finding, Severity, Where


def stale(source: Tree, path: str) -> Finding | None:
    """What differs, if something does. None too where the manifests are not there or not conda's.

    A problem where a package is missing or has another version than is asked for; a warning where
    the hash alone differs: options of conda-lock, which a lock does not keep, change it too.
    """
    text = source.read_text(path)
    lock, where = condalock.parse(text), Where(path=path, line=line_of("content_hash:", text))
    said = lock.metadata.content_hash.get(PLATFORM)
    names = [posixpath.normpath(posixpath.join(posixpath.dirname(path), str(name)))
        for name in lock.metadata.sources]  # fmt: skip
    if not said or not names or not all(n.endswith((".yml", ".yaml")) for n in names):
        return None
    if not all(map(source.has, names)) or any(n.endswith("meta.yaml") for n in names):
        return None
    files = {name: source.read_text(name) for name in names}
    if source.has(condalock.VIRTUAL):
        files[condalock.VIRTUAL] = source.read_text(condalock.VIRTUAL)
    try:
        hashes, wanted = condalock.asked(files, PLATFORM)
    except Exception:  # what conda-lock cannot read it could not lock either: nothing to compare
        return None
    if said in hashes:
        return None
    different = list(missing(lock.package, wanted))
    manifest = " and ".join(names)
    if not different:
        because = (
            f"its content hash is not that of {manifest}, though it has all that is asked for: "
            f"{manifest} was changed, or conda-lock had options or is of another version"
        )
        return finding(where, because, Severity.WARNING)
    because = (
        f"{manifest} was changed after {path} was made ({', '.join(different[:3])}): run "
        f"`conda-lock` and commit the result, or write `environment: {{lock: {path}}}` into "
        "repropack.yaml to use it as it is"
    )
    return finding(where, because, Severity.PROBLEM)


def missing(packages: Iterable[Any], wanted: Iterable[Any]) -> Iterable[str]:
    """What is asked for and is not in the lock."""
    locked = {
        (entry.manager, normalise(entry.name)): entry.version
        for entry in packages
        if entry.platform == PLATFORM
    }
    for item in wanted:
        version = locked.get((item.manager, normalise(item.name)))
        specifier = getattr(item, "version", "")
        if version is None:
            yield f"{item.name} is not locked"
        elif not fits(item.manager, version, specifier):
            yield f"{item.name} {specifier} is asked for, {version} is locked"


def fits(manager: str, version: str, specifier: str) -> bool:
    """Whether a locked version is what is asked for; what cannot be compared is."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    try:
        if manager == "conda":
            return condalock.satisfies(version, specifier)
        plain = "" if specifier == "*" else specifier
        return SpecifierSet(plain).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion, ValueError):
        return True


def finding(where: Where, because: str, severity: Severity) -> Finding:
    """As other locks that are stale."""
    return Finding(kind=STALE, value=where.path, because=because, where=where, severity=severity)

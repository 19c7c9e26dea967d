"""Locks with hashes alone: whether these are of files that the target can install.

Owns: asking an index for the files of the locked versions, and comparing hashes. Does not own:
which Python is tried next (`fitting`), locks that name their files (`artifacts`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repropack.environment.asking import Question
from repropack.environment.manifest import Manifest
from repropack.environment.model import Lock, Requirement, Target
from repropack.environment.requirements import Line
from repropack.environment.resolving import remembered
from repropack.environment.tomlfile import table, tables, text_of
from repropack.errors import OtherPythonError, RepropackError

HINT = "set environment.python in repropack.yaml to the Python that the lock was made with"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The hashes of what an index has of a package for a target."""

    wheels: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()


def refuse_unadmitted(lock: Lock, target: Target, cache: Path) -> None:
    """Raise `OtherPythonError` where no hash of a package is of a file for the target.

    Says nothing where the index cannot be asked: fetching finds out.
    """
    unknown = tuple(
        item for item in lock.requirements if item.origin is None and not item.url and item.hashes
    )
    try:
        known = dict(files_of(unknown, lock, target, cache)) if unknown else {}
    except OtherPythonError:
        raise
    except RepropackError:
        return
    for item in unknown:
        if item.name in known and not admits(item, known[item.name], target):
            raise OtherPythonError(
                f"{item.where}: none of the hashes of {item} is of a wheel for {target}", hint=HINT
            )


def admits(item: Requirement, files: Files, target: Target) -> bool:
    """Whether a hash is of a wheel for the target, or only of sources where there is no wheel.

    Hashes beside that of the sources are of wheels for other Pythons: one of these is meant.
    """
    hashes = frozenset(item.hashes)
    if hashes & files.wheels:
        return True
    sources = hashes & files.sources
    return bool(sources) and (hashes == sources or target.from_sources)


def files_of(
    items: tuple[Requirement, ...], lock: Lock, target: Target, cache: Path
) -> Iterator[tuple[str, Files]]:
    """What the index has of each. Raises what resolving raises."""
    manifest = Manifest(
        path=lock.origin,
        lines=tuple(Line(text=str(item), hashes=(), where=item.where) for item in items),
        indexes=lock.indexes,
        find_links=lock.find_links,
    )
    question = Question(manifest=manifest, target=target, date=None, files=True)
    text = remembered(question, cache, fresh=False)
    for package in tables(tomllib.loads(text).get("packages")):
        yield (
            text_of(package, "name"),
            Files(
                wheels=frozenset(h for w in tables(package.get("wheels")) for h in hashes_of(w)),
                sources=frozenset(hashes_of(table(package, "sdist"))),
            ),
        )


def hashes_of(file: object) -> Iterator[str]:
    """The hashes of one file, as a lock has them."""
    for algorithm, value in table(file, "hashes").items():
        if isinstance(value, str) and re.fullmatch(r"[0-9a-f]+", value):
            yield f"{algorithm}:{value}"

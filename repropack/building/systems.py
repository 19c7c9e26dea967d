"""Build systems: what a project says it is built with, and what a build of it gets.

Owns: `[build-system]`, resolving its requirements as of a date, and whether a compiler is needed.
Does not own: fetching them (`environment`), calling the backend (`worker`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from repropack.environment import AsOf, Lock, Target, normalise
from repropack.environment.asking import Question
from repropack.environment.manifest import Manifest
from repropack.environment.requirements import Line
from repropack.environment.resolving import lock_of, remembered
from repropack.environment.tomlfile import parse_toml, strings, table, text_of
from repropack.errors import InvalidError
from repropack.findings import Where
from repropack.tables import python_releases

LEGACY = ("setuptools>=40.8.0", "wheel")  # what PEP 517 says of a project that does not say
SETUPTOOLS = "setuptools.build_meta:__legacy__"
#: These are needed to build, whatever version of them an experiment runs with.
TOOLS = ("pip", "setuptools", "wheel")
COMPILED_BACKENDS = ("mesonpy", "scikit_build_core", "maturin", "setuptools_rust", "skbuild")
COMPILES = re.compile(
    r"\bext_modules\b|\bExtension\s*\(|\bcythonize\b|\bcffi_modules\b|\brust_extensions\b"
    r"|\bcmake|\bpybind11\b|ext-modules",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """Which backend builds a project, and what has to be installed for it."""

    requires: tuple[str, ...]
    backend: str
    backend_path: tuple[str, ...] = ()
    compiles: bool = False


def build_system(read: Callable[[str], str | None], label: str) -> BuildSystem:
    """The build system of a project, by its files. Raises `InvalidError` where there is none."""
    pyproject, setup = read("pyproject.toml"), read("setup.py")
    data = parse_toml(pyproject, f"pyproject.toml of {label}") if pyproject else {}
    said = table(data, "build-system")
    if pyproject is None and setup is None:
        raise InvalidError(
            f"{label} has neither pyproject.toml nor setup.py: it is no package",
            hint="take it out of the requirements; code beside a script needs no installation",
        )
    backend = text_of(said, "build-backend") or SETUPTOOLS
    text = "\n".join(filter(None, (setup, pyproject)))
    compiled = backend.partition(":")[0].partition(".")[0] in COMPILED_BACKENDS
    return BuildSystem(
        requires=strings(said.get("requires")) or LEGACY,
        backend=backend,
        backend_path=strings(said.get("backend-path")),
        compiles=compiled or COMPILES.search(without_comments(text)) is not None,
    )


def without_comments(text: str) -> str:
    """Lines that are not commented out."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a build needs: requirements, and the date that they are resolved as of."""

    name: str
    requires: tuple[str, ...]
    as_of: datetime | None
    locked: Lock
    target: Target


def build_lock(needs: Needs, cache: Path) -> Lock:
    """The requirements of a build, exactly, as of the date.

    The experiment's own versions are taken where they fit: a module that is compiled against
    another numpy may not load. Where nothing of that date fits, today's versions are taken.
    Raises `InvalidError` or `TemporaryError`.
    """
    lines = lines_of(needs.requires, needs.name)
    if not lines:
        return Lock(requirements=(), origin="", because="the build needs nothing")
    own = tuple(locked_lines(needs.locked))
    tries = [(own, needs.as_of), ((), needs.as_of), (own, None), ((), None)]
    error: InvalidError | None = None
    for constraints, as_of in dict.fromkeys(tries):
        try:
            return asked(needs, lines, constraints, as_of, cache)
        except InvalidError as refused:
            error = error or refused
    assert error is not None, "something was tried"
    raise error


def with_toolkit(lock: Lock, needs: Needs, requires: tuple[str, ...], cache: Path) -> Lock:
    """A build's requirements with those packages of the toolkit that they do not have yet.

    The toolkit is of CUDA's own date, not of the date of what is built. Raises as `build_lock`.
    """
    both = {normalise(item.name): item for item in (*needs.locked.requirements, *lock.requirements)}
    beside = replace(needs.locked, requirements=tuple(both.values()))
    toolkit = build_lock(replace(needs, requires=requires, as_of=None, locked=beside), cache)
    there = {normalise(item.name) for item in lock.requirements}
    more = (item for item in toolkit.requirements if normalise(item.name) not in there)
    found = lock if lock.requirements else toolkit
    return replace(found, requirements=(*lock.requirements, *more))


def asked(
    needs: Needs,
    lines: tuple[Line, ...],
    constraints: tuple[Line, ...],
    as_of: datetime | None,
    cache: Path,
) -> Lock:
    """uv's answer to one question."""
    date = as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if as_of else None
    manifest = Manifest(
        path=f"the build of {needs.name}",
        lines=lines,
        constraints=constraints,
        indexes=needs.locked.indexes,
        find_links=needs.locked.find_links,
    )
    question = Question(manifest=manifest, target=needs.target, date=date)
    moment = AsOf(time=as_of, because="the tools of a build are of the date of what they build")
    return lock_of(remembered(question, cache, fresh=False), question, moment)


def lines_of(requires: Iterable[str], name: str) -> tuple[Line, ...]:
    """Requirements as lines; what is no requirement is refused."""
    from packaging.requirements import InvalidRequirement, Requirement

    where = Where(path=f"the build of {name}")
    for text in requires:
        try:
            Requirement(text)
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            raise InvalidError(f"{where.path} asks for `{text}`: {reason}") from error
    return tuple(Line(text=text, hashes=(), where=where) for text in dict.fromkeys(requires))


def locked_lines(lock: Lock) -> Iterable[Line]:
    """The experiment's own versions as constraints."""
    for item in lock.requirements:
        if item.origin is None and item.version and normalise(item.name) not in TOOLS:
            yield Line(text=str(item), hashes=(), where=item.where)


def python_settled(minor: str) -> datetime:
    """When the tools that build packages had known a Python for a year."""
    released = python_releases()
    day = released.get(minor) or max(released.values())
    return datetime(day.year + 1, day.month, 1, tzinfo=UTC)

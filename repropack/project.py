"""A project as far as it can be known by reading it, and the file that `init` writes into it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from repropack.config import CONFIG_NAME, Config, parse_config
from repropack.environment import AsOf, Lock
from repropack.errors import ConfigError, OtherPythonError, RepropackError, SourceError, UsageError
from repropack.findings import Choice
from repropack.inspection import Inspection, inspect
from repropack.locking import provide_lock
from repropack.plan import Base, base_of, choose_bases
from repropack.proposal import propose
from repropack.source import Source, open_source
from repropack.tables import python_releases
from repropack.workspace import write_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A project that was looked at. `configured` says that it has a repropack.yaml."""

    directory: Path
    source: Source
    config: Config
    configured: bool
    inspection: Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class Initialised:
    """What `init` wrote, and the experiments that it found."""

    path: Path
    experiments: tuple[str, ...]


def look(directory: Path, *, allow_dirty: bool) -> Looked:
    """Open, read and inspect a project.

    Raises `SourceError` or `ConfigError` (exit code 3).
    """
    source = open_source(directory, allow_dirty=allow_dirty)
    configured = source.has(CONFIG_NAME)
    config = parse_config(source.read_text(CONFIG_NAME)) if configured else Config()
    return Looked(
        directory=directory,
        source=source,
        config=config,
        configured=configured,
        inspection=inspect(source, config),
    )


def environment_of(
    looked: Looked, *, infer: bool, as_of: AsOf | None, cache: Path
) -> tuple[Base, Lock]:
    """The Python, its base and the lock: resolved if the project has none.

    Of several Pythons that the project leaves, the best for which every package has a wheel.
    `infer` adds what the code imports and no manifest declares; `as_of` overrides the commit's
    date. Raises `PlanError`, and as `provide_lock`.
    """
    found = looked.inspection
    inferred = found.undeclared if infer else ()

    def lock_for(base: Base) -> Lock:
        return provide_lock(
            *(looked.source, found.environment, base.need.target, cache),
            infer=inferred,
            as_of=as_of,
        )

    return first_that_fits(choose_bases(found, looked.config), lock_for)


def first_that_fits(bases: tuple[Base, ...], lock_for: Callable[[Base], Lock]) -> tuple[Base, Lock]:
    """The best base that the packages fit. Raises `OtherPythonError`, with those that would fit."""
    refused: list[OtherPythonError] = []
    for base in bases:
        try:
            lock = lock_for(base)
        except OtherPythonError as error:
            refused.append(error)
        else:
            return (passed_over(base, bases[0], refused[0]) if refused else base), lock
    others = others_that_fit(bases, lock_for)
    if others:
        hint = f"Python {' or '.join(others)} would do: set environment.python in repropack.yaml"
        raise OtherPythonError(refused[0].what, hint=hint) from refused[0]
    raise refused[0]


def passed_over(base: Base, first: Base, error: OtherPythonError) -> Base:
    """A base with the reason for not taking the first one."""
    because = f"{base.python.because}; not {first.python.value}: {error.what}"
    return replace(base, python=replace(base.python, because=because))


def others_that_fit(bases: tuple[Base, ...], lock_for: Callable[[Base], Lock]) -> list[str]:
    """The Pythons that nobody asked for and that the packages fit."""
    tried = {base.python.value for base in bases}
    found = []
    for minor in (minor for minor in python_releases() if minor not in tried):
        with suppress(RepropackError):
            lock_for(base_of(Choice(value=minor, because="it is tried"), bases[0].apt))
            found.append(minor)
    return found


def require_experiments(looked: Looked) -> None:
    """Refuse to pack a project that says nothing to run."""
    if not looked.configured:
        raise ConfigError(
            f"{looked.directory} has no {CONFIG_NAME}",
            hint=f"`repropack init {looked.directory}` writes one to complete",
        )
    if not looked.config.experiments:
        raise ConfigError(
            f"{CONFIG_NAME} declares no experiment: there is nothing to run",
            hint="add one under `experiments:`, with a `run:` command and its `metrics:`",
        )


def require_claims(looked: Looked, ids: tuple[str, ...]) -> None:
    """Refuse to verify a project that claims nothing, or not what was asked for.

    Raises `ConfigError` (exit code 3), or `UsageError` (2) for an unknown claim.
    """
    require_experiments(looked)
    known = [claim.id for claim in looked.config.claims]
    if not known:
        raise ConfigError(
            f"{CONFIG_NAME} claims nothing: there is nothing to verify",
            hint="add the paper's numbers under `claims:`; `repropack build` needs none",
        )
    for unknown in (name for name in ids if name not in known):
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the claims are {', '.join(known)}"
        raise UsageError(f"there is no claim {unknown}", hint=hint)


def is_stray(directory: Path, out: Path) -> bool:
    """Whether an output was put among the project's files, where git does not ignore it."""
    from repropack.bundle import is_bundle

    root, inside = directory.resolve(), out.resolve()
    if root not in inside.parents or is_bundle(directory):
        return False
    try:
        source = open_source(directory, allow_dirty=True)
    except SourceError:
        return False
    name = inside.relative_to(root).as_posix()
    return any(path == name or path.startswith(f"{name}/") for path in source.untracked)


def initialise(directory: Path, *, force: bool) -> Initialised:
    """Write a repropack.yaml from what inspection finds.

    Raises `UsageError` (exit code 2) if there is one already.
    """
    path = directory / CONFIG_NAME
    if path.exists() and not force:
        raise UsageError(f"{path} exists already", hint="edit it, or replace it with --force")
    source = open_source(directory, allow_dirty=True)
    text = propose(inspect(source, None), source)
    found = parse_config(text)
    try:
        write_atomically(path, text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    return Initialised(path=path, experiments=tuple(e.name for e in found.experiments))

"""A project as far as it can be known by reading it, and the file that `init` writes into it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from repropack.config import CONFIG_NAME, Config, parse_config
from repropack.dataset_proposal import Local
from repropack.errors import ConfigError, SourceError, UsageError
from repropack.inspection import Inspection, inspect
from repropack.judge.fields import ManifestError
from repropack.judge.selection import parse_only
from repropack.progress import Reporter
from repropack.proposal import propose
from repropack.source import Source, open_source
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


def look(directory: Path, *, allow_dirty: bool, reporter: Reporter | None = None) -> Looked:
    """Open, read and inspect a project.

    Raises `SourceError` or `ConfigError` (exit code 3).
    """
    if reporter is not None:
        reporter.step(f"reading {directory}")
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


def require_claims(looked: Looked, ids: tuple[str, ...], only: tuple[str, ...] = ()) -> None:
    """Refuse to verify a project that claims nothing, or not what was asked for.

    Raises `ConfigError` (exit code 3), or `UsageError` (2) for an unknown claim or cell.
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
    for text in only:
        try:
            parse_only(text, looked.config.experiments)
        except ManifestError as error:
            raise UsageError(str(error)) from error


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
    text = propose(inspect(source, None), source, Local(directory=directory))
    found = parse_config(text)
    try:
        write_atomically(path, text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    return Initialised(path=path, experiments=tuple(e.name for e in found.experiments))

"""Every error that a user can cause, with its exit code and its hint.

Owns: the hierarchy and the exit codes of errors.
Does not own: the exit codes of verdicts (`judge.verdict`), printing (`cli`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path


def reason(error: OSError) -> str:
    """Why the system refused, in its own words; the first of several, when a tree was copied."""
    if error.errno:
        return os.strerror(error.errno)
    several = error.args[0] if error.args and isinstance(error.args[0], list) else []
    if several and isinstance(several[0], tuple):  # shutil.Error: (source, target, why) of each
        return re.sub(r"^\[Errno \d+\] |: '.*'$", "", str(several[0][-1]))
    return str(error) or "it did not say why"


class RepropackError(Exception):
    """Something a user can cause and act on.

    `what` says what happened in the user's own words and paths, `hint` is the next command to type
    (or the next thing to do), `log` is where the full log is.
    """

    exit_code = 1

    def __init__(self, what: str, *, hint: str | None = None, log: Path | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.log = log


class UsageError(RepropackError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class InvalidError(RepropackError):
    """The repository, the config or the plan is invalid."""

    exit_code = 3


class SourceError(InvalidError):
    """The repository cannot be packed as it is."""


class ConfigError(InvalidError):
    """`repropack.yaml` has problems; `problems` holds all of them, one line each."""

    def __init__(
        self, what: str, *, problems: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(what, hint=hint)
        self.problems = problems


class DataError(InvalidError):
    """A dataset that has no footprint; `problems` holds what could not be read, a line each."""

    def __init__(
        self, what: str, *, problems: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(what, hint=hint)
        self.problems = problems


class AnonymityError(InvalidError):
    """What an anonymous bundle may tell of its authors; `problems` holds each place."""

    def __init__(
        self, what: str, *, problems: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(what, hint=hint)
        self.problems = problems


class PlanError(InvalidError):
    """What the repository asks for cannot be built."""


class OtherPythonError(InvalidError):
    """What the repository asks for is there for other versions of Python only."""


class UnknownNameError(InvalidError):
    """No index has a package of the `name`."""

    def __init__(self, what: str, *, name: str, hint: str | None = None) -> None:
        super().__init__(what, hint=hint)
        self.name = name


class ComputedError(InvalidError):
    """What a project needs is computed by its `setup.py`: only running that tells. `path` is it."""

    def __init__(self, what: str, *, path: str, hint: str | None = None) -> None:
        super().__init__(what, hint=hint)
        self.path = path


class NoEngineError(RepropackError):
    """No engine answers on this machine."""

    exit_code = 4


class BuildError(RepropackError):
    """The image could not be built."""

    exit_code = 5


class RunError(RepropackError):
    """A run could not be started or its result could not be collected."""

    exit_code = 6


class IntegrityError(RepropackError):
    """A bundle, a lock hash or a dataset differs from what was recorded."""

    exit_code = 7


class TemporaryError(RepropackError):
    """Network or registry: the same command may work later."""

    exit_code = 75


class Interrupted(RepropackError):
    """The user stopped the command (Ctrl-C or SIGTERM)."""

    exit_code = 130

"""The kinds of files that say what to install, and the one place that recognises them.

Owns: `Format` and which format a file is, by its name and content. Does not own: reading them
(`environment`), and which one counts when there are several (`inspection`).
"""

from __future__ import annotations

import enum
import re
from typing import Final

from repropack.condafile import is_bare, is_environment, is_explicit, is_list

_PYLOCK: Final = re.compile(r"pylock(\.[^.]+)?\.toml")
_HASH: Final = re.compile(r"(?:^|\s)--hash[=\s]")
_COMMENT: Final = re.compile(r"(?:^|\s)#[^\n]*", re.M)
_WANDB: Final = re.compile(
    r"(?:^|/)wandb/(?:latest-run|(?:offline-)?run-[^/]+)/files/requirements\.txt"
)
# PEP 723's own expression, but for the type of the block, which is always `script`.
SCRIPT_HEADER: Final = re.compile(
    r"(?m)^# /// script[ \t]*$\s(?P<content>(^#(| .*)$\s)+)^# ///[ \t]*$"
)


class Format(enum.Enum):
    """What a file that says what to install is; the better evidence first."""

    PYLOCK = "pylock.toml"
    UV = "uv.lock"
    POETRY = "poetry.lock"
    PDM = "pdm.lock"
    PIPFILE_LOCK = "Pipfile.lock"
    CONDA_LOCK = "conda-lock.yml"
    PIXI_LOCK = "pixi.lock"
    CONDA_EXPLICIT = "conda list --explicit"
    HASHED = "hashed requirements"
    REQUIREMENTS = "requirements"
    CONDA = "environment.yml"
    CONDA_PIP = "pip packages of an environment.yml"
    CONDA_LIST = "conda list --export"
    PYPROJECT = "pyproject.toml"
    PIPFILE = "Pipfile"
    SETUP_CFG = "setup.cfg"
    SETUP_PY = "setup.py"
    SCRIPT = "script header"
    WANDB = "packages of a W&B run"
    NONE = "none"

    @property
    def is_lock(self) -> bool:
        """Whether it pins everything with hashes; the others have to be resolved."""
        return self in _LOCKS

    @property
    def is_conda(self) -> bool:
        """Whether conda packages, Python among them, make the environment."""
        return self in _CONDA


NAMED_LOCKS: Final = {
    "uv.lock": Format.UV,
    "poetry.lock": Format.POETRY,
    "pdm.lock": Format.PDM,
    "Pipfile.lock": Format.PIPFILE_LOCK,
    "conda-lock.yml": Format.CONDA_LOCK,
    "conda-lock.yaml": Format.CONDA_LOCK,
    "pixi.lock": Format.PIXI_LOCK,
}
_NAMED: Final = {
    **NAMED_LOCKS,
    "pyproject.toml": Format.PYPROJECT,
    "Pipfile": Format.PIPFILE,
    "setup.cfg": Format.SETUP_CFG,
    "setup.py": Format.SETUP_PY,
}
_EXACT: Final = (Format.PYLOCK, Format.CONDA_EXPLICIT, Format.HASHED)
_LOCKS: Final = frozenset((*NAMED_LOCKS.values(), *_EXACT))
_CONDA: Final = frozenset(
    (
        *(Format.CONDA_LOCK, Format.PIXI_LOCK, Format.CONDA_EXPLICIT),
        *(Format.CONDA, Format.CONDA_LIST),
    )
)
# Names that look like those of requirements files.
_OTHERS: Final = frozenset(("apt.txt", "runtime.txt"))


def format_of(path: str, text: str) -> Format | None:
    """The format of a file by its name and content; None for a file of another kind."""
    name = path.rpartition("/")[2]
    if is_pylock(name):
        return Format.PYLOCK
    if name in _NAMED:
        return _NAMED[name]
    if _WANDB.search(path):
        return Format.WANDB
    if is_environment(path, text):
        return Format.CONDA_PIP if is_bare(path, text) else Format.CONDA
    if name.endswith((".txt", ".in", ".lock", ".pip")) and name not in _OTHERS:
        if is_explicit(text):
            return Format.CONDA_EXPLICIT
        if is_list(text):
            return Format.CONDA_LIST
        return Format.HASHED if has_hashes(text) else Format.REQUIREMENTS
    if name.endswith(".py") and SCRIPT_HEADER.search(text):
        return Format.SCRIPT
    return None


def is_pylock(path: str) -> bool:
    """Whether a file is named as PEP 751 demands."""
    return _PYLOCK.fullmatch(path.rpartition("/")[2]) is not None


def is_wandb(path: str) -> bool:
    """Whether a file is the list of packages that a W&B run found installed."""
    return _WANDB.search(path) is not None


def has_hashes(text: str) -> bool:
    """Whether some requirement in the text has a hash (one in a comment does not count)."""
    return "--hash" in text and _HASH.search(_COMMENT.sub("", text)) is not None

"""The kinds of files that say what to install, and the one place that recognises them.

Owns: `Format` and which format a file is, by its name and content. Does not own: reading them
(`environment`), and which one counts when there are several (`inspection`).
"""

from __future__ import annotations

import enum
import re
from typing import Final

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
    HASHED = "hashed requirements"
    REQUIREMENTS = "requirements"
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


NAMED_LOCKS: Final = {
    "uv.lock": Format.UV,
    "poetry.lock": Format.POETRY,
    "pdm.lock": Format.PDM,
    "Pipfile.lock": Format.PIPFILE_LOCK,
}
_NAMED: Final = {
    **NAMED_LOCKS,
    "pyproject.toml": Format.PYPROJECT,
    "Pipfile": Format.PIPFILE,
    "setup.cfg": Format.SETUP_CFG,
    "setup.py": Format.SETUP_PY,
}
_LOCKS: Final = frozenset((Format.PYLOCK, *NAMED_LOCKS.values(), Format.HASHED))
# Names that look like those of requirements files.
_OTHERS: Final = frozenset(("pixi.lock", "apt.txt", "runtime.txt"))


def format_of(path: str, text: str) -> Format | None:
    """The format of a file by its name and content; None for a file of another kind."""
    name = path.rpartition("/")[2]
    if is_pylock(name):
        return Format.PYLOCK
    if name in _NAMED:
        return _NAMED[name]
    if _WANDB.search(path):
        return Format.WANDB
    if name.endswith((".txt", ".in", ".lock", ".pip")) and name not in _OTHERS:
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

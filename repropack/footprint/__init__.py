"""Datasets: the recorded identity of files, and what is there held against it.

Owns: walking, hashing, the formats, the stat cache, checks. Knows nothing of projects or bundles.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repropack.footprint.checking import check
    from repropack.footprint.formats import read
    from repropack.footprint.making import Format, Made, footprint
    from repropack.footprint.model import Algorithm, Summary
    from repropack.footprint.recorded import Recorded
    from repropack.footprint.result import Checked, How

__all__ = [
    "Algorithm",
    "Checked",
    "Format",
    "How",
    "Made",
    "Recorded",
    "Summary",
    "check",
    "footprint",
    "read",
]

_MODULES = {
    "repropack.footprint.checking": ("check",),
    "repropack.footprint.formats": ("read",),
    "repropack.footprint.making": ("Format", "Made", "footprint"),
    "repropack.footprint.model": ("Algorithm", "Summary"),
    "repropack.footprint.recorded": ("Recorded",),
    "repropack.footprint.result": ("Checked", "How"),
}


def __getattr__(name: str) -> object:
    """Each name when it is asked for: a project without data starts no processes to read any."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

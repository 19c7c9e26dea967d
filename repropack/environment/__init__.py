"""The environment: any lock becomes exact wheels, and exact wheels become `pylock.toml`.

Owns: reading locks, resolving what is not locked, fetching wheels, and the tools that install them.
Does not own: which manifest counts (`inspection`), where wheels go (`bundle`, `engines`).

    lock = read_lock(text, path, format_of(path, text), target=target, read=…)   # or resolve(…)
    wheels = fetch(lock, target, cache=…, progress=…)
    text = to_pylock(wheels, target)
    place(wheels, cache, directory)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from repropack.environment.fetching import fetch, fetch_lock
from repropack.environment.made import BuiltWheel, Editable, Made, Provenance
from repropack.environment.model import (
    EMPTY_LOCK,
    AsOf,
    Kind,
    Lock,
    Origin,
    Requirement,
    Target,
    Wheel,
    normalise,
)
from repropack.environment.pylock import to_pylock
from repropack.environment.reading import read_lock
from repropack.environment.store import adopt, place, wheel_path
from repropack.environment.tools import tools
from repropack.formats import Format, format_of

if TYPE_CHECKING:
    from repropack.environment.resolving import resolve

__all__ = [
    "EMPTY_LOCK",
    "AsOf",
    "BuiltWheel",
    "Editable",
    "Format",
    "Kind",
    "Lock",
    "Made",
    "Origin",
    "Provenance",
    "Requirement",
    "Target",
    "Wheel",
    "adopt",
    "fetch",
    "fetch_lock",
    "format_of",
    "normalise",
    "place",
    "read_lock",
    "resolve",
    "to_pylock",
    "tools",
    "wheel_path",
]


def __getattr__(name: str) -> object:
    """`resolve`, when it is asked for: a project with a lock needs nothing of it."""
    if name == "resolve":
        from repropack.environment.resolving import resolve

        return resolve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The wheels that repropack itself brings: uv installs into the image, pip fetches for reviewers.

Owns: turning the pins of `data/tools.json` into wheels in the cache. Does not own: their use.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from repropack import tables
from repropack.environment.fetching import fetch
from repropack.environment.model import Lock, Requirement, Target, Wheel
from repropack.errors import PlanError
from repropack.findings import Where

PINS = "repropack/data/tools.json"


def tools(cache: Path, target: Target, progress: Callable[[str], None]) -> tuple[Wheel, ...]:
    """The pinned tools for the target's platform, by name. Raises what `fetch` raises."""
    pins = tuple(pin for pin in tables.pinned_tools() if pin.platform in ("any", target.platform))
    if {pin.name for pin in pins} != {"pip", "uv"}:
        raise PlanError(f"there is no pinned uv for {target}", hint="build on linux x86_64")
    requirements = tuple(
        Requirement(
            name=pin.name,
            version=pin.version,
            hashes=(f"sha256:{pin.sha256}",),
            where=Where(path=PINS),
        )
        for pin in pins
    )
    lock = Lock(requirements=requirements, origin=PINS, because="repropack pins its own tools")
    return fetch(lock, target, cache=cache, progress=progress)

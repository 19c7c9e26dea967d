"""The wheels that repropack itself brings: uv and rattler install, pip fetches for reviewers.

Owns: turning the pins of `data/tools.json` into wheels in the cache. Does not own: their use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from repropack import tables
from repropack.environment.fetching import fetch
from repropack.environment.model import Lock, Requirement, Target, Wheel
from repropack.errors import PlanError
from repropack.findings import Where

#: Where Python is the base's; rattler comes with conda packages alone.
PIP_ONLY = ("pip", "uv")
WITH_CONDA = ("pip", "py-rattler", "uv")
PINS = "repropack/data/tools.json"


def tools(
    cache: Path, target: Target, progress: Callable[[str], None], *, names: Sequence[str] = PIP_ONLY
) -> tuple[Wheel, ...]:
    """The pinned tools of these names for the base's platform. Raises what `fetch` raises."""
    fitting = (pin for pin in tables.pinned_tools() if pin.platform in ("any", target.platform))
    pins = tuple(pin for pin in fitting if pin.name in names)
    for missing in set(names) - {pin.name for pin in pins}:
        raise PlanError(f"there is no pinned {missing} for {target}", hint="build on linux x86_64")
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

"""Drivers: which one a CUDA version needs, which CUDA a driver supports, how far a GPU gets.

Owns: the rules (minor version compatibility). Does not own: the numbers (`tables`) or what a host
has (`host`).
"""

from __future__ import annotations

from repropack.cuda import tables
from repropack.cuda.model import Match
from repropack.cuda.version import Release, key, major, minor, release
from repropack.findings import Choice


def driver_for(
    cuda: str, *, toolkit: str | None = None, match: Match = Match.MACHINE_CODE
) -> Choice | None:
    """The oldest driver that runs a build of a CUDA version; None when it is not known.

    Machine code runs on any driver of the CUDA major. PTX is compiled by the driver, which must be
    as new as the toolkit that made it; so is CUDA 10 and older.
    """
    if match is not Match.PTX:
        compatible = tables.table("drivers")["compatible"].get(major(cuda))
        if compatible is not None:
            because = f"the oldest driver for CUDA {major(cuda)}.x, by the {stamp()}"
            return Choice(value=compatible, because=because)
    why = "its PTX is compiled by the driver: " if match is Match.PTX else ""
    return toolkit_driver(cuda, toolkit, why)


def stamp() -> str:
    """The table that decides here, with its date."""
    return tables.stamp("drivers")


def toolkit_driver(cuda: str, toolkit: str | None, why: str) -> Choice | None:
    """The driver that NVIDIA lists for a toolkit: of its patch version if that is known."""
    row = tables.toolkit(cuda)
    if row is None:
        return None
    listed = next((d for name, d in row.drivers if name == toolkit and d is not None), None)
    value = listed or row.driver or f"{row.branch}"
    name = toolkit if listed else row.minor
    return Choice(value=value, because=f"{why}the driver of CUDA {name}, by the {stamp()}")


def is_at_least(driver: str, needed: str) -> bool:
    """Whether a driver is new enough; an unreadable one is not."""
    have: Release = release(driver)
    return bool(have) and key(driver) >= key(needed)


def branch(driver: str) -> int:
    """The branch of a driver: `535.104.05` is of 535; 0 when it cannot be read."""
    return next(iter(release(driver)), 0)


def newest_cuda(driver: str) -> str | None:
    """The newest CUDA that a driver supports, as `nvidia-smi` shows it."""
    rows = tables.table("drivers")["branches"]
    fitting = [name for name in rows if int(name) <= branch(driver)]
    found: str | None = rows[max(fitting, key=int)] if fitting else None
    return found


def last_branch(capability: str) -> int | None:
    """The last driver branch that supports a GPU; None when there is none yet."""
    for row in tables.table("gpus")["architectures"]:
        if capability in tables.words(row["cc"]):
            found: int | None = row.get("last_branch")
            return found
    return None


def knows(cuda: str) -> bool:
    """Whether the table has this CUDA minor."""
    return tables.toolkit(cuda) is not None if minor(cuda) else bool(release(cuda))

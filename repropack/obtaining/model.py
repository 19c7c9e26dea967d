"""What is asked for, with what means, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from repropack.errors import DataError
from repropack.footprint.following import size
from repropack.progress import Reporter
from repropack.retrieval.addresses import Hosts

if TYPE_CHECKING:
    from repropack.retrieval.model import Got, Wanted
    from repropack.retrieval.unpacking import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A dataset to fetch: from where, to where, and what proves it.

    `footprint` records it; in it a single file is called `named`. With `below`, a file that is no
    archive is put into `place`, under its own name, whatever else is there. `include_bytes` is how
    much of it a bundle takes, where it is to go into one.
    """

    name: str
    place: Path
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    footprint: Path | None = None
    named: str = ""
    below: bool = False
    unpack: bool = True
    include_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A dataset that is in its place. `checked`: by its `footprint` or its `hash`; "" for nothing.

    `already`: it was there. `files` are what came, and from where.
    """

    name: str
    place: Path
    checked: str
    already: bool = False
    files: tuple[Got, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What fetching takes: the shared cache, limits, and where the two services (`hosts`) are."""

    cache: Path
    reporter: Reporter
    limits: Limits | None = None
    hosts: Hosts = field(default_factory=Hosts.of_environment)
    pause_s: float = 1.0


class Unobtained(Exception):
    """A dataset that could not be had, or (`wanted`) one file of it; a reason for each address."""

    def __init__(self, ask: Ask, reasons: tuple[str, ...], wanted: Wanted | None = None) -> None:
        super().__init__(ask.name)
        self.ask = ask
        self.reasons = reasons
        self.wanted = wanted


def too_large(name: str, n_bytes: int, most: int) -> DataError:
    """What a bundle does not take."""
    return DataError(
        f"the dataset {name} has {size(n_bytes)}, and with `include: true` a bundle "
        f"takes {size(most)}",
        hint=f"`include: {-(-n_bytes // 10**9)} GB` takes it; or leave `include` out, and give "
        "its `url`",
    )

"""Cold builds: nothing of the image is there yet, with the wheels in a cache or without them.

Owns: the environments, and three measurements in turn: ours, a Dockerfile with pip, one with uv.
Does not own: what each side does (`project`, `byhand`), the table (`speed`).
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from byhand import ByHand
from commands import ROOT, size_bytes
from pairing import Compare, Result
from project import EXAMPLE, Project

ENVIRONMENTS = {
    "digits": ("the 5 packages of digits-svm", EXAMPLE),
    "science": ("60 scientific packages", ROOT / "benchmarks" / "science"),
    "torch": ("torch for CUDA 13.0, 38 packages", ROOT / "examples" / "resnet-attention"),
}
TARGETS = {("pip", "warm"): 0.6, ("pip", "cold"): 1.0, ("uv", "warm"): 1.1, ("uv", "cold"): 1.1}
INSTALLERS = ("pip", "uv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One measurement of each side, in turn: seconds, and how many of them went by in fetching."""

    ours_s: float
    peers_s: dict[str, float]
    fetching_s: dict[str, float]


class Cold:
    """One environment: its project, both peers, and the rounds that were measured."""

    def __init__(
        self, project: Project, what: str, *, buildkit: bool, rounds: dict[str, int]
    ) -> None:
        self.project = project
        self.what = what
        self.buildkit = buildkit
        self.rounds = rounds
        self.sizes: dict[str, int] = {}
        self.measured: dict[str, tuple[Round, ...]] = {}

    @cached_property
    def peers(self) -> dict[str, ByHand]:
        """The Dockerfiles by hand; before, every wheel is fetched once, and one image built."""
        self.project.build(lock_changed=True)
        self.sizes["ours"] = size_bytes(self.project.tag)
        base = str(self.project.manifest["base"]["reference"])
        self.project.forget()
        create = partial(ByHand.create, self.project, base=base, buildkit=self.buildkit)
        return {installer: create(installer=installer) for installer in INSTALLERS}

    def measure(self, state: str) -> tuple[Round, ...]:
        """Every round with the caches `warm` or `cold`, once."""
        if state not in self.measured:
            names = tuple(self.peers)
            numbers = range(self.rounds[state])
            self.measured[state] = tuple(self._round(state, names) for _ in numbers)
        return self.measured[state]

    def _round(self, state: str, names: tuple[str, ...]) -> Round:
        ours_s = self._settled(state, self._ours)
        both = {name: self._settled(state, partial(self._theirs, name)) for name in names}
        return Round(
            ours_s=ours_s[0],
            peers_s={name: times[0] for name, times in both.items()},
            fetching_s={name: times[1] for name, times in both.items()},
        )

    def _settled(
        self, state: str, measure: Callable[[Path | None], tuple[float, float]]
    ) -> tuple[float, float]:
        """Measure when the disk has written what came before; cold caches are empty ones."""
        os.sync()
        if state == "warm":
            return measure(None)
        directory = Path(tempfile.mkdtemp(prefix="cold-", dir=self.project.cache.parent))
        try:
            return measure(directory)
        finally:
            shutil.rmtree(directory)

    def _ours(self, empty: Path | None) -> tuple[float, float]:
        cache = None if empty is None else empty / "repropack"
        pip_cache = None if empty is None else empty / "pip"
        seconds = self.project.build(lock_changed=True, cache=cache, pip_cache=pip_cache)
        self.project.forget(cache)
        return seconds, 0.0

    def _theirs(self, name: str, empty: Path | None) -> tuple[float, float]:
        peer = self.peers[name]
        fetching_s = peer.fetch(empty)
        seconds = fetching_s + peer.build(self.project.revision(), cached=False)
        self.sizes[name] = size_bytes(peer.tag)
        peer.remove_images()
        shutil.rmtree(peer.directory / "wheels")
        return seconds, fetching_s

    def result(self, name: str, installer: str, state: str) -> Result:
        """Ours against one peer in one state of the caches."""
        rounds = self.measure(state)
        fetching_s = statistics.median(each.fetching_s[installer] for each in rounds)
        return Result(
            name=name,
            what=f"cold build of {self.what}, {state} caches",
            peer=f"pip download, docker build with {installer}",
            unit="s",
            compare=Compare.RATIO,
            target=TARGETS[installer, state],
            pairs=tuple((each.ours_s, each.peers_s[installer]) for each in rounds),
            notes=(f"of the peer's, pip download takes {fetching_s:.2f} s",),
        )

    def size(self, name: str) -> Result:
        """Our image against the smaller one of the peers'."""
        self.measure("warm")
        peer = min(INSTALLERS, key=lambda installer: self.sizes[installer])
        return Result(
            name=name,
            what=f"image size of {self.what}",
            peer=f"the smaller of the peers' images, with {peer}",
            unit="MB",
            compare=Compare.RATIO,
            target=1.02,
            pairs=((self.sizes["ours"] / 1e6, self.sizes[peer] / 1e6),),
        )

    def remove_images(self) -> None:
        """Remove whatever is left of the peers' images."""
        for peer in vars(self).get("peers", {}).values():
            peer.remove_images()


def names_of(environment: str) -> dict[str, Callable[[Cold], Result]]:
    """Name of a comparison → how to make it, for one environment."""
    found: dict[str, Callable[[Cold], Result]] = {}
    for installer, state in TARGETS:
        name = f"{environment}-{state}-{installer}"
        found[name] = partial(_result, name, installer, state)
    name = f"{environment}-size"
    found[name] = partial(_size, name)
    return found


def _result(name: str, installer: str, state: str, cold: Cold) -> Result:
    return cold.result(name, installer, state)


def _size(name: str, cold: Cold) -> Result:
    return cold.size(name)

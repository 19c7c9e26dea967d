"""Paired, interleaved measurements and what follows from them: a ratio, its spread, a verdict.

Owns: the order of runs, the statistics, the rule of what counts as missed. Does not own: what is
measured (`speed`).
"""

from __future__ import annotations

import enum
import statistics
from collections.abc import Callable
from dataclasses import dataclass

Measure = Callable[[int], float]


class Compare(enum.Enum):
    """How a pair becomes one number: ours divided by the peer's, or ours minus the peer's."""

    RATIO = "ratio"
    DIFFERENCE = "difference"


class Met(enum.Enum):
    """Whether a target is met. Only `NO` makes the script fail."""

    YES = "yes"
    NOISE = "within noise"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One comparison. `pairs` are (ours, peer) in `unit`; `target` is the largest that is allowed.

    A target is missed when the median of the pairs is above it and so is their lower quartile:
    when three pairs of four miss it. A median above it alone is within the noise.
    """

    name: str
    what: str
    peer: str
    unit: str
    compare: Compare
    target: float
    pairs: tuple[tuple[float, float], ...]
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[float, ...]:
        """Each pair as one number."""
        if self.compare is Compare.RATIO:
            return tuple(ours / peer for ours, peer in self.pairs)
        return tuple(ours - peer for ours, peer in self.pairs)

    @property
    def median(self) -> float:
        """The number that is compared with the target."""
        return statistics.median(self.values)

    @property
    def lower_quartile(self) -> float:
        """What three pairs of four exceed."""
        if len(self.values) == 1:
            return self.values[0]
        return statistics.quantiles(self.values, n=4, method="inclusive")[0]

    @property
    def met(self) -> Met:
        """The verdict."""
        if self.median <= self.target:
            return Met.YES
        return Met.NO if self.lower_quartile > self.target else Met.NOISE

    def to_json(self) -> dict[str, object]:
        """Everything, the single pairs included."""
        return {
            "name": self.name,
            "what": self.what,
            "peer": self.peer,
            "unit": self.unit,
            "compare": self.compare.value,
            "ours_median": statistics.median(ours for ours, _ in self.pairs),
            "peer_median": statistics.median(peer for _, peer in self.pairs),
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "target": self.target,
            "met": self.met.value,
            "pairs": [list(pair) for pair in self.pairs],
            "notes": list(self.notes),
        }


def interleave(ours: Measure, peer: Measure, rounds: int) -> tuple[tuple[float, float], ...]:
    """Measure ours, peer, ours, peer …: a change of the machine's load meets both of a pair.

    Each function gets the number of the round and gives its measurement.
    """
    return tuple((ours(number), peer(number)) for number in range(rounds))

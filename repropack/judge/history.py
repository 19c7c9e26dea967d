"""The history of a metric: the series that its number was chosen from, over what it counts.

Owns: thinning in one pass, in bounded memory and always alike; what the axis is. The first, last,
least and largest values are kept. Does not own: the series itself (`series`).
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

MOST = 256
"""How many points are kept evenly; between half of it and all, and the four that must be there."""

AXES = (
    "step", "global_step", "_step", "iteration", "epoch", "iter", "round", "batch",
)  # fmt: skip
"""Names of columns and keys that count, the one that is taken first."""

UNKNOWN = "match"
"""The axis where a source has none: the position in the series."""

Point = Tuple[float, float]


class At(NamedTuple):
    """Where a match stands, with its place on an axis: `At("step", 12, ("step %d", 12))`."""

    axis: str
    x: Any
    where: Any


class History(NamedTuple):
    """Points in the order of the series; `axis` is what x counts, which never falls."""

    axis: str
    points: Tuple[Point, ...]

    def to_json(self) -> Dict[str, Any]:
        """As it stands in `record.json`; whole numbers without a fraction."""
        points = [[_whole(x), _whole(y)] for x, y in self.points]
        return {"axis": self.axis, "points": points}


class Recorder:
    """Takes every value of a series; keeps each one of a power of two."""

    def __init__(self) -> None:
        self._axis: Optional[str] = None
        self._count = 0
        self._last: Optional[Tuple[int, float, float]] = None
        self._falls = False
        self._repeated = 0
        self._before = -math.inf
        self._every = 1
        self._even: List[Tuple[int, float, float]] = []
        self._ends: Dict[str, Tuple[int, float, float]] = {}
        self._least, self._largest = math.inf, -math.inf

    def add(self, value: float, where: Any) -> None:
        """The next value (NaN is passed over), and where it stands."""
        index = self._count
        self._count = index + 1
        x: Any = index
        if type(where) is At:
            axis, x, _ = where
            if type(x) is not int:
                x = _number(x, index)
        else:
            axis = UNKNOWN
        if axis is not self._axis:
            self._axis = axis if self._axis in (None, axis) else UNKNOWN
        if not -math.inf < value < math.inf:
            return
        if x <= self._before:
            self._falls = self._falls or x < self._before
            self._repeated += x == self._before
        self._before = x
        self._last = point = (index, x, value)
        if value < self._least:
            self._least, self._ends["min"] = value, point
        if value > self._largest:
            self._largest, self._ends["max"] = value, point
        if not index % self._every or not self._even:
            self._ends.setdefault("first", point)
            self._even.append(point)
            if len(self._even) >= MOST:
                self._every *= 2
                self._even = self._even[::2]

    def history(self) -> Optional[History]:
        """What was kept, or None for fewer than two points."""
        kept = sorted({*self._even, *self._ends.values(), *filter(None, [self._last])})
        axis = self._axis or UNKNOWN
        # A counter that starts again, or stands still, does not count these values.
        if axis == UNKNOWN or self._falls or 2 * self._repeated > self._count:
            axis, kept = UNKNOWN, [(index, float(index), y) for index, _, y in kept]
        return History(axis, tuple((x, y) for _, x, y in kept)) if len(kept) > 1 else None


def axis_of(names: Any) -> str:
    """Which of the names counts; "" where none does."""
    return next((name for name in AXES if name in names), "")


def _number(x: Any, otherwise: float) -> float:
    try:
        found = float(x)
    except (TypeError, ValueError, OverflowError):
        return float(otherwise)
    return found if math.isfinite(found) else float(otherwise)


def _whole(value: float) -> Any:
    return int(value) if value == int(value) and abs(value) < 2**53 else value

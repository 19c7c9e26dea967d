"""From values to places on a picture, and how numbers are written beside it.

Owns: scales, ticks, and the texts of numbers, sizes and times. Pure arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Values from `low` to `high` as places from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value is."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 5) -> tuple[float, ...]:
        """Round values between the ends."""
        step = round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return tuple(i * step for i in range(first, last + 1)) if last - first < 50 else ()


def scale(
    values: Iterable[float], start: float, end: float, *, margin: float = 0.06, zero: bool = False
) -> Scale:
    """The scale on which all of the values have room. `zero`: it begins there."""
    found = [value for value in values if math.isfinite(value) and abs(value) < 1e300]
    low, high = min(found, default=0.0), max(found, default=1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * margin
    if high - low <= abs(high) * 1e-12:
        room = abs(high) * 0.05 or 1.0
    bottom = 0.0 if zero and low == 0.0 else low - room
    return Scale(low=bottom, high=high + room, start=start, end=end)


def round_step(size: float) -> float:
    """The next of 1, 2, 5, 10 … times a power of ten."""
    if size <= 0 or not math.isfinite(size):
        return 1.0
    power = 10.0 ** math.floor(math.log10(size))
    return next((n * power for n in (1, 2, 5) if n * power >= size * (1 - 1e-9)), 10 * power)


def short(value: float, digits: int = 4) -> str:
    """A number with so many digits that count, and a real minus sign."""
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    if "e" not in text and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−", 1) if text.startswith("-") else text


def decimals(values: Iterable[float]) -> int:
    """How many digits behind the point tell these values apart, by three digits of their range."""
    found = list(values)
    spread = max(found, default=0.0) - min(found, default=0.0)
    if spread <= 0 or not math.isfinite(spread):
        return 4
    return min(12, max(0, 2 - math.floor(math.log10(spread))))


def fixed(value: float, places: int) -> str:
    """A number with so many digits behind the point, and a real minus sign."""
    if abs(value) >= 1e12:
        return short(value)
    return f"{value:.{places}f}".replace("-", "−", 1)


def size(count: float | None) -> str:
    """Bytes, in the unit that a reader thinks in (powers of 1000)."""
    if count is None:
        return "–"
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if abs(count) >= 1000.0**power:
            return f"{count / 1000.0**power:.3g} {unit}"
    return f"{count:.0f} B"


def span(seconds: float | None) -> str:
    """A time, in the unit that a reader thinks in."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.3g} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def mean_and_sd(values: Iterable[float]) -> tuple[float, float | None]:
    """The mean, and the standard deviation of two or more."""
    found = list(values)
    mean = math.fsum(found) / len(found)
    if len(found) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in found) / (len(found) - 1))

"""The margin of a claim: tolerance plus rounding half-width, exact, and what lies within it.

Owns: rules 2, 3 and the comparison of 4, 5 and 7 of verdict.md. All of it in decimal arithmetic:
a paper's digits are decimal, and 0.935 must lie on the edge of 0.93 +- 0.005, not beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Optional

from repropack.judge.model import Claim, Tolerance

# Wide enough that sums and products of what the readers let through (400 digits) are exact.
EXACT = Context(prec=1000, traps=[])


@dataclass(frozen=True)
class Margin:
    """How far an obtained value may be from the reported one, in the claim's unit."""

    reported: Decimal
    rounding: Decimal
    epsilon: Decimal
    tolerance: str
    tolerance_from: str
    direction: str

    def holds(self, value: Decimal) -> bool:
        """Whether the value is near enough; with a direction, better is always near enough."""
        off = EXACT.subtract(value, self.reported)
        if self.direction == "higher":
            return off >= self.epsilon.copy_negate()
        if self.direction == "lower":
            return off <= self.epsilon
        return off.copy_abs() <= self.epsilon

    def better(self, value: Decimal) -> bool:
        """Whether the value is beyond the margin on the good side."""
        off = EXACT.subtract(value, self.reported)
        if self.direction == "higher":
            return off > self.epsilon
        return self.direction == "lower" and off < self.epsilon.copy_negate()


def margin_of(claim: Claim, override: Optional[Tolerance]) -> Margin:
    """The margin of a `value` claim; `override` replaces its own tolerance (default: 0)."""
    reported = Decimal(claim.value)
    rounding = half_unit(reported)
    chosen = override or claim.tolerance
    came_from = "command line" if override else "claim" if claim.tolerance else "default"
    size = _size(chosen, reported) if chosen else Decimal(0)
    return Margin(
        reported=reported,
        rounding=rounding,
        epsilon=EXACT.add(size, rounding),
        tolerance=chosen.text if chosen else "0",
        tolerance_from=came_from,
        direction=claim.direction,
    )


def half_unit(printed: Decimal) -> Decimal:
    """Half a unit of the last printed digit: 0.05 for 97.0, 0.5 for 97."""
    return Decimal(5).scaleb(int(printed.as_tuple().exponent) - 1)


def _size(tolerance: Tolerance, reported: Decimal) -> Decimal:
    # repr gives back the digits that the user wrote, so 0.1 % of 97.0 is 0.097 exactly.
    if tolerance.relative is not None:
        return EXACT.multiply(Decimal(repr(tolerance.relative)), reported.copy_abs())
    return Decimal(repr(tolerance.absolute or 0.0))


def scaled(value: Decimal, scale: str) -> Decimal:
    """The obtained value in the claim's unit."""
    return EXACT.multiply(value, Decimal(100)) if scale == "percent" else value


def exact_mean(values: "list[Decimal]") -> Decimal:
    """The mean without float noise (rounded at 1000 digits)."""
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, value)
    return EXACT.divide(total, Decimal(len(values)))

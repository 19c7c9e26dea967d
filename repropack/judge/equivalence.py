"""Means, intervals, and how many runs would decide. Pure arithmetic on floats.

Owns: the formulas of verdict.md rules 5 and 6. Does not own: verdicts (`rule`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Optional, Sequence, Tuple

from repropack.judge.model import Spread
from repropack.judge.statistics import (
    NEARLY,
    NEARLY_FROM,
    normal_cdf,
    normal_quantile,
    t_cdf,
    t_quantile,
    t_quantile_nearly,
)

ALPHA = 0.05
POWER = 0.80
MOST_RUNS = 10000
_ENDS = (1.0 - ALPHA, 1.0 - (1.0 - POWER) / 2.0)


@dataclass(frozen=True)
class Difference:
    """Obtained minus reported mean: estimate, standard error and degrees of freedom."""

    estimate: float
    se: float
    df: float

    def interval(self) -> Tuple[float, float]:
        """The 90 % interval, which is what two one-sided tests at 5 % look at."""
        half = t_quantile(1.0 - ALPHA, self.df) * self.se
        return self.estimate - half, self.estimate + half


def p_values(difference: Difference, epsilon: float, direction: str) -> Tuple[float, float]:
    """How surprising the difference is if the means are not within epsilon, and if they are.

    The first is at most 5 % where the 90 % interval lies inside (-epsilon, epsilon), the second
    where it lies outside; with a direction only the side that is worse counts.
    """
    below = _upper_tail(difference.estimate + epsilon, difference)  # if the truth is -epsilon
    above = _upper_tail(epsilon - difference.estimate, difference)  # if the truth is +epsilon
    within = {"higher": below, "lower": above}.get(direction, max(below, above))
    outside = {"higher": 1 - below, "lower": 1 - above}.get(direction, min(1 - below, 1 - above))
    return within, outside


def _upper_tail(distance: float, difference: Difference) -> float:
    """P(T >= distance / se): small where the estimate is far on the good side of a bound."""
    if difference.se <= 0.0:
        return 0.5 if distance == 0.0 else float(distance < 0.0)
    return t_cdf(-distance / difference.se, difference.df)


def prediction_p(distance: float, sd: float, n: Optional[int]) -> float:
    """How surprising one further run at that distance is (two-sided); see the interval below."""
    if sd <= 0.0:
        return float(distance == 0.0)
    if n is None or n < 2:
        return 2.0 * normal_cdf(-abs(distance) / sd)
    return 2.0 * t_cdf(-abs(distance) / (sd * math.sqrt(1.0 + 1.0 / n)), n - 1)


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean of at least one value."""
    return math.fsum(values) / len(values)


def sample_sd(values: Sequence[float]) -> Optional[float]:
    """The standard deviation with n - 1 below; None for fewer than two values."""
    if len(values) < 2:
        return None
    centre = mean(values)
    return math.sqrt(math.fsum([(x - centre) ** 2 for x in values]) / (len(values) - 1))


def as_sd(spread: Spread) -> Optional[float]:
    """The reported spread as a standard deviation; None where that needs an n that is not known."""
    if spread.kind == "sd":
        return spread.value
    if spread.n is None or spread.n < 2:
        return None
    sd = spread.value * math.sqrt(spread.n)
    return sd if spread.kind == "se" else sd / t_quantile(0.975, spread.n - 1)


def prediction_half_width(sd: float, n: Optional[int]) -> float:
    """Half of the 95 % interval for one further run: t(.975, n-1) sd sqrt(1 + 1/n).

    Without an n of two or more the reported sd is taken as known: z(.975) sd.
    """
    if n is None or n < 2:
        return normal_quantile(0.975) * sd
    return t_quantile(0.975, n - 1) * sd * math.sqrt(1.0 + 1.0 / n)


def one_sample(values: Sequence[float], reported: float) -> Difference:
    """The difference from a reported value without a spread. Needs two or more values."""
    sd = sample_sd(values) or 0.0
    return Difference(mean(values) - reported, sd / math.sqrt(len(values)), len(values) - 1.0)


def welch(values: Sequence[float], reported: float, sd: float, n: int) -> Difference:
    """The difference from a reported mean of `n` >= 2 runs with spread `sd`."""
    own = (sample_sd(values) or 0.0) ** 2 / len(values)
    theirs = sd**2 / n
    se, df = _welch(own, len(values) - 1.0, theirs, n - 1.0)
    return Difference(mean(values) - reported, se, df)


def _welch(own: float, own_df: float, theirs: float, their_df: float) -> Tuple[float, float]:
    """Standard error and the Welch-Satterthwaite degrees of freedom of two variances of means."""
    total = own + theirs
    if total <= 0.0:
        return 0.0, own_df + their_df
    # As shares, so that tiny variances do not underflow when squared.
    shares = (own / total) ** 2 / own_df + (theirs / total) ** 2 / their_df
    return math.sqrt(total), 1.0 / shares


def runs_needed(
    sd: float, epsilon: float, reported: Optional[Tuple[float, int]] = None
) -> Optional[int]:
    """The fewest runs that show equivalence within `epsilon` with 80 % power if nothing differs.

    The n with (t(.95) + t(.90)) * se(n) <= epsilon. `reported` is the paper's (sd, n). None when
    no number up to 10000 is enough, e.g. because the paper's own mean is too uncertain.
    """
    most = MOST_RUNS if is_enough(MOST_RUNS, sd, epsilon, reported) else _best(sd, reported)
    if not is_enough(most, sd, epsilon, reported):
        return None
    return _first(lambda n: is_enough(n, sd, epsilon, reported), 2, most)


def is_enough(n: int, sd: float, epsilon: float, reported: Optional[Tuple[float, int]]) -> bool:
    """Whether `n` runs have that power; beside few runs of a paper, more may be too many."""
    se, df = _error(n, sd, reported)
    near = sum(t_quantile_nearly(end, df) for end in _ENDS) * se
    if df >= NEARLY_FROM and abs(near - epsilon) > NEARLY * near:
        return near < epsilon
    return _needs(n, sd, reported) <= epsilon


def _error(n: int, sd: float, reported: Optional[Tuple[float, int]]) -> Tuple[float, float]:
    """Standard error and degrees of freedom of the difference with `n` runs."""
    own = sd**2 / n
    if reported is None:
        return math.sqrt(own), n - 1.0
    return _welch(own, n - 1.0, reported[0] ** 2 / reported[1], reported[1] - 1.0)


def _needs(n: int, sd: float, reported: Optional[Tuple[float, int]]) -> float:
    """The epsilon for which `n` runs have that power."""
    se, df = _error(n, sd, reported)
    return sum(t_quantile(end, df) for end in _ENDS) * se


def _best(sd: float, reported: Optional[Tuple[float, int]]) -> int:
    """The number of runs that needs the smallest epsilon.

    The standard error falls with each run, but so do, beside a paper's two or three, Welch's
    degrees of freedom, to the paper's own: the epsilon falls first, and then rises.
    """
    low, n = 2, 2
    while 2 * n <= MOST_RUNS and _needs(2 * n, sd, reported) < _needs(n, sd, reported):
        low, n = n, 2 * n
    rises = lambda k: _needs(k + 1, sd, reported) >= _needs(k, sd, reported)  # noqa: E731
    return _first(rises, low, min(2 * n, MOST_RUNS))


def _first(enough: Callable[[int], bool], low: int, most: int) -> int:
    """The smallest number from `low` to `most` that is enough; `most`, and all from it on, are."""
    high = low
    while high < most and not enough(high):
        low, high = high + 1, min(2 * high, most)
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low

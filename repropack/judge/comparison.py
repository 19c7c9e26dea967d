"""Does A beat B, run by run? The probability of it with a bootstrap interval.

Owns: pairing runs, and rule 8's interval. Does not own: claims (`winning`), evidence (`evidence`).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Dict, List, Optional, Sequence, Tuple

from repropack.judge.evidence import Sample
from repropack.judge.model import MetricRef

RESAMPLES = 10000
BOOTSTRAP_SEED = 0

Wins = List[List[float]]  # runs of A x runs of B: 1 where A wins, 0.5 for a tie; paired: n x 1
Distribution = List[Tuple[float, float]]  # (share of wins, probability of at most that share)


@dataclass(frozen=True)
class Comparison:
    """`probability` that A beats B, and what its bootstrap distribution is."""

    probability: float
    distribution: Distribution
    paired: bool
    exact: bool  # the whole bootstrap distribution, not a sample of it
    runs: int  # the smaller side's

    def interval(self, level: float = 0.95) -> Tuple[float, float]:
        """The percentile interval of that level."""
        tail = (1.0 - level) / 2.0
        return self._quantile(tail), self._quantile(1.0 - tail)

    def _quantile(self, share: float) -> float:
        reached = (wins for wins, at_most in self.distribution if at_most >= share - 1e-12)
        return next(reached, self.distribution[-1][0])


def compare(
    a: Sequence[Sample],
    b: Sequence[Sample],
    refs: Tuple[MetricRef, MetricRef],
    *,
    lower: bool = False,
) -> Comparison:
    """Compare the runs of A with those of B, paired by seed where the seeds are the same.

    `lower`: the smaller value wins.
    """
    pairs = _paired(a, b, *refs)
    if pairs is None:
        wins = [[_win(x.value, y.value, lower) for y in b] for x in a]
    else:
        wins = [[_win(x, y, lower)] for x, y in pairs]
    overall = math.fsum(map(math.fsum, wins)) / (len(wins) * len(wins[0]))
    exact = pairs is not None
    found = paired_bootstrap([row[0] for row in wins]) if exact else bootstrap(wins)
    return Comparison(overall, found, exact, exact, min(len(a), len(b)))


def _win(a: Decimal, b: Decimal, lower: bool) -> float:
    return 0.5 if a == b else float((a < b) if lower else (a > b))


def _paired(
    a: Sequence[Sample], b: Sequence[Sample], first: MetricRef, second: MetricRef
) -> Optional[List[Tuple[Decimal, Decimal]]]:
    """The values paired by seed and open parameters; None if the two sides do not have the same."""
    named = {name for name, _ in first.cell + second.cell}
    sides = _keyed(a, named), _keyed(b, named)
    if sorted(map(repr, sides[0])) != sorted(map(repr, sides[1])):
        return None
    return [(sides[0][key], sides[1][key]) for key in sides[0]]


def _keyed(samples: Sequence[Sample], named: "set[str]") -> Dict[object, Decimal]:
    """By seed, open parameters, and the how-manieth of these it is (repeated runs)."""
    found: Dict[object, Decimal] = {}
    for sample in samples:
        params = tuple(pair for pair in sample.params if pair[0] not in named)
        repeat = 0
        while (sample.seed, params, repeat) in found:
            repeat += 1
        found[(sample.seed, params, repeat)] = sample.value
    return found


def paired_bootstrap(wins: Sequence[float]) -> Distribution:
    """The share of wins in n draws with replacement from n pairs: all of its distribution.

    Each pair is a win, a tie or a loss, so a resample is a multinomial draw, and nothing has to be
    resampled: with t ties, the wins among the other n - t are binomial.
    """
    n = len(wins)
    share = {value: wins.count(value) / n for value in (0.0, 0.5, 1.0)}
    mass = [0.0] * (2 * n + 1)  # by twice the number of wins
    for ties, tied in enumerate(_binomial(n, share[0.5])):
        if not tied:
            continue
        decided = share[0.0] + share[1.0]
        winning = share[1.0] / decided if decided else 0.0
        for won, probability in enumerate(_binomial(n - ties, winning)):
            mass[ties + 2 * won] += tied * probability
    at_most, found = 0.0, []
    for halves, probability in enumerate(mass):
        at_most += probability
        found.append((halves / (2.0 * n), at_most))
    return found


def _binomial(n: int, p: float) -> List[float]:
    """The probabilities of 0 to n successes."""
    if p <= 0.0 or p >= 1.0:
        return [float(k == (n if p >= 1.0 else 0)) for k in range(n + 1)]
    log_p, log_q, whole = math.log(p), math.log1p(-p), math.lgamma(n + 1)
    return [
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_p + (n - k) * log_q)
        for k in range(n + 1)
    ]


def bootstrap(wins: Wins) -> Distribution:
    """The mean of the table under resampled rows and columns; the seed is fixed."""
    rows, columns = len(wins), len(wins[0])
    draw = random.Random(BOOTSTRAP_SEED).random
    means = []
    for _ in range(RESAMPLES):
        chosen = [int(draw() * columns) for _ in range(columns)]
        total = 0.0
        for _ in range(rows):
            row = wins[int(draw() * rows)]
            total += sum([row[j] for j in chosen])
        means.append(total / (rows * columns))
    means.sort()
    return [(mean, (i + 1) / RESAMPLES) for i, mean in enumerate(means)]

"""Judging a `greater: [A, B]` claim: does A beat B, run by run?

Owns: rule 8 of verdict.md. Does not own: evidence (`evidence`).
"""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from typing import Dict, List, Optional, Sequence, Tuple

from repropack.judge import value
from repropack.judge.assessment import Judgement
from repropack.judge.check import LARGEST
from repropack.judge.evidence import Evidence, Sample
from repropack.judge.model import Claim, MetricRef, Tolerance
from repropack.judge.verdict import Verdict

RESAMPLES = 10000
BOOTSTRAP_SEED = 0
FEW_PAIRS = 5

Pair = Tuple[Decimal, Decimal]


def judge(
    claim: Claim, evidence: Evidence, _override: Optional[Tolerance], marks: Tuple[str, ...]
) -> Judgement:
    """The judgement of a `greater` claim whose references have been checked."""
    first, second = claim.greater
    base = Judgement(
        claim_id=claim.id, kind=claim.kind, verdict=Verdict.NO_EVIDENCE, formula="evidence",
        source=claim.source, subject="%s > %s" % (first, second), reported="A > B", marks=marks,
    )  # fmt: skip
    notes = value.evidence_notes(first, evidence) + value.evidence_notes(second, evidence)
    base = replace(base, notes=tuple(dict.fromkeys(notes)))
    (a, missing_a), (b, missing_b) = evidence.samples(first), evidence.samples(second)
    reasons = missing_a + missing_b
    reasons += [
        "%s: %s is too large to compute with" % (sample.run_id, sample.text)
        for sample in a + b
        if sample.value.copy_abs() > LARGEST
    ]
    if reasons:
        return replace(base, reasons=tuple(dict.fromkeys(reasons)))
    groups = tuple(value.group(side, [sample.value for sample in side]) for side in (a, b))
    base = replace(base, groups=groups)
    if len(a) == 1 and len(b) == 1:
        return _by_sign(base, a[0].value, b[0].value)
    pairs = _paired(a, b, first, second)
    if pairs is not None:
        return _by_bootstrap(base, [[_win(x, y)] for x, y in pairs], "paired by seed")
    wins = [[_win(x.value, y.value) for y in b] for x in a]
    note = "the runs do not pair by seed: every run of A was compared with every run of B"
    return _by_bootstrap(replace(base, notes=(*base.notes, note)), wins, "all pairs")


def _by_sign(base: Judgement, a: Decimal, b: Decimal) -> Judgement:
    difference = float(a) - float(b)
    verdict = Verdict.INCONCLUSIVE
    if a != b:
        verdict = Verdict.REPRODUCED if a > b else Verdict.NOT_REPRODUCED
    note = "one run each: the sign of the difference decided, and chance could turn it"
    reason = "A - B is %+.6g" % difference
    return replace(
        base, verdict=verdict, formula="sign (one run each)", notes=(*base.notes, note),
        numbers=(("difference", difference),),
        reasons=() if verdict is Verdict.REPRODUCED else (reason,),
    )  # fmt: skip


def _win(a: Decimal, b: Decimal) -> float:
    return 0.5 if a == b else float(a > b)


def _paired(
    a: Sequence[Sample], b: Sequence[Sample], first: MetricRef, second: MetricRef
) -> Optional[List[Pair]]:
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


def _by_bootstrap(base: Judgement, wins: List[List[float]], how: str) -> Judgement:
    probability, low, high = bootstrap(wins)
    verdict = Verdict.INCONCLUSIVE
    if low > 0.5 or high < 0.5:
        verdict = Verdict.REPRODUCED if low > 0.5 else Verdict.NOT_REPRODUCED
    notes = base.notes
    if len(wins) < FEW_PAIRS:
        notes = (*notes, "only %d runs each: the bootstrap says little" % len(wins))
    reason = "A beats B with probability %.3g, 95 %% interval [%.3g, %.3g]" % (
        probability,
        low,
        high,
    )
    return replace(
        base, verdict=verdict, formula="probability that A beats B (%s, bootstrap)" % how,
        interval=(low, high), notes=notes,
        numbers=(
            ("probability", probability), ("resamples", float(RESAMPLES)),
            ("bootstrap_seed", float(BOOTSTRAP_SEED)),
        ),
        reasons=() if verdict is Verdict.REPRODUCED else (reason,),
    )  # fmt: skip


def bootstrap(wins: List[List[float]]) -> Tuple[float, float, float]:
    """The mean of the table and its 95 % percentile interval; rows and columns are resampled.

    A paired comparison has one column. The seed is fixed, so equal input gives equal numbers.
    """
    rows, columns = len(wins), len(wins[0])
    draw = random.Random(BOOTSTRAP_SEED).random
    means = []
    for _ in range(RESAMPLES):
        chosen = [int(draw() * columns) for _ in range(columns)] if columns > 1 else [0]
        total = 0.0
        for _ in range(rows):
            row = wins[int(draw() * rows)]
            total += sum([row[j] for j in chosen])
        means.append(total / (rows * columns))
    means.sort()
    overall = sum(map(sum, wins)) / (rows * columns)
    return overall, means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES) - 1]

"""Hints beside a verdict: a scale or a kind of spread that may have been mistaken.

Owns: rule 2's hint, "last or best?", and the last sentence of verdict.md's rule. A hint never
changes a verdict.
"""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import List, Optional, Sequence

from repropack.judge.assessment import Judgement
from repropack.judge.equivalence import sample_sd
from repropack.judge.evidence import Sample
from repropack.judge.margin import EXACT, Margin, exact_mean, scaled
from repropack.judge.model import Claim
from repropack.judge.verdict import Verdict

_NAMES = {"max": "largest", "min": "smallest", "last": "last", "first": "first"}
_OTHER = (
    "%s or %s? The %s number of each run's series lies within the tolerance: the paper may report "
    "what `select: %s` picks"
)


def add(judged: Judgement, claim: Claim, margin: Margin, values: List[Decimal]) -> Judgement:
    """The judgement with its hints."""
    found = []
    if judged.verdict is not Verdict.REPRODUCED:
        found.append(scale_hint(exact_mean(values), margin, claim.scale))
    found.append(spread_hint(claim, [float(value) for value in values]))
    return replace(judged, hints=tuple(hint for hint in found if hint))


def add_selection(
    judged: Judgement, claim: Claim, margin: Margin, samples: Sequence[Sample], select: str
) -> Judgement:
    """With a hint if another number of the same series would have reproduced the claim."""
    if judged.verdict is not Verdict.NOT_REPRODUCED or not any(each.others for each in samples):
        return judged
    for name in _NAMES:
        texts = [dict(each.others).get(name, each.text) for each in samples]
        mean = exact_mean([scaled(Decimal(text), claim.scale) for text in texts])
        if name != select and margin.holds(mean):
            told = (_NAMES.get(select, select), _NAMES[name], _NAMES[name], name)
            return replace(judged, hints=(*judged.hints, _OTHER % told))
    return judged


def scale_hint(obtained: Decimal, margin: Margin, scale: str) -> Optional[str]:
    """When exactly one of x1, x100, /100 lies within ten margins and it is not x1."""
    reach = EXACT.multiply(margin.epsilon, Decimal(10))
    factors = {"1": Decimal(1), "100": Decimal(100), "/100": Decimal("0.01")}
    near = [
        name
        for name, factor in factors.items()
        if EXACT.subtract(EXACT.multiply(obtained, factor), margin.reported).copy_abs() <= reach
    ]
    if near == ["100"]:
        return "percent? The obtained value times 100 is near: `scale: percent` may be missing"
    if near == ["/100"] and scale == "percent":
        return "percent? The metric seems to be in per cent already: drop `scale: percent`"
    if near == ["/100"]:
        return "percent? The obtained value divided by 100 is near: the claim may be a fraction"
    return None


def spread_hint(claim: Claim, values: List[float]) -> Optional[str]:
    """When the reported spread is the runs' spread of another kind."""
    sd = sample_sd(values)
    if claim.spread is None or not sd or not claim.spread.value:
        return None
    reported = claim.spread.value
    kinds = {"standard deviation": sd, "standard error": sd / math.sqrt(len(values))}
    said = {"sd": "standard deviation", "se": "standard error"}.get(claim.spread.kind)
    if said is None or _near(reported, kinds[said], 0.2):
        return None
    fits = [kind for kind, size in kinds.items() if kind != said and _near(reported, size, 0.02)]
    if not fits:
        return None
    return "the reported %s of %g is the %s of these runs: was another one meant?" % (
        said, reported, fits[0],
    )  # fmt: skip


def _near(a: float, b: float, share: float) -> bool:
    return abs(a - b) <= share * abs(b)

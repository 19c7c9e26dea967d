"""Judging a `value` claim: the number of the paper against the numbers obtained.

Owns: which of the rules 4 to 7 of verdict.md applies, and what it says.
Does not own: evidence (`evidence`), the margin (`margin`), intervals (`equivalence`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import List, Optional, Sequence, Tuple

from repropack.judge import equivalence, hints
from repropack.judge.assessment import Group, Judgement
from repropack.judge.check import LARGEST
from repropack.judge.equivalence import as_sd
from repropack.judge.evidence import Evidence, Sample
from repropack.judge.margin import Margin, exact_mean, margin_of, scaled
from repropack.judge.model import Claim, MetricRef, Tolerance
from repropack.judge.verdict import Verdict

NO_ERROR_BAR = "one run against a number without an error bar: chance alone could decide this"


def judge(
    claim: Claim, evidence: Evidence, override: Optional[Tolerance], marks: Tuple[str, ...]
) -> Judgement:
    """The judgement of a `value` claim whose references have been checked."""
    ref = claim.metric or MetricRef("", "")
    margin = margin_of(claim, override)
    base = _blank(claim, ref, margin, marks)
    samples, reasons = evidence.samples(ref)
    reasons += [
        "%s: %s is too large to compute with" % (sample.run_id, sample.text)
        for sample in samples
        if sample.value.copy_abs() > LARGEST
    ]
    base = replace(base, notes=evidence_notes(ref, evidence))
    if reasons:
        return replace(base, reasons=tuple(reasons))
    values = [scaled(sample.value, claim.scale) for sample in samples]
    base = replace(base, groups=(group(samples, values),))
    deterministic = evidence.experiments[ref.experiment].deterministic
    judged = _decide(base, claim, margin, values, deterministic)
    judged = hints.add(judged, claim, margin, values)
    return hints.add_selection(judged, claim, margin, samples, evidence.select(ref))


def evidence_notes(ref: MetricRef, evidence: Evidence) -> Tuple[str, ...]:
    """What qualifies the evidence of a reference without making it none."""
    notes = []
    experiment = evidence.experiments[ref.experiment]
    if experiment.gpu == "optional" and "none" in evidence.facts(ref, "gpu"):
        notes.append("ran on the CPU: the GPU is optional and there was none")
    if evidence.left_out(ref):
        notes.append("%d of its runs were not asked for" % evidence.left_out(ref))
    cells = evidence.cells(ref)
    if cells > 1:
        notes.append("%s pools %d cells of the matrix" % (ref, cells))
    return tuple(notes)


def group(samples: Sequence[Sample], values: Sequence[Decimal]) -> Group:
    """The statistics of the obtained values, in the claim's unit."""
    floats = [float(value) for value in values]
    return Group(
        run_ids=tuple(sample.run_id for sample in samples),
        texts=tuple(str(value) for value in values),
        mean=float(exact_mean(list(values))),
        sd=equivalence.sample_sd(floats),
        min=min(floats),
        max=max(floats),
    )


def _blank(claim: Claim, ref: MetricRef, margin: Margin, marks: Tuple[str, ...]) -> Judgement:
    return Judgement(
        claim_id=claim.id, kind=claim.kind, verdict=Verdict.NO_EVIDENCE, formula="evidence",
        source=claim.source, subject=str(ref), reported=claim.value,
        unit="%" if claim.scale == "percent" else "", tolerance=margin.tolerance,
        tolerance_from=margin.tolerance_from, rounding=str(margin.rounding),
        epsilon=str(margin.epsilon), marks=marks,
    )  # fmt: skip


def _decide(
    base: Judgement, claim: Claim, margin: Margin, values: List[Decimal], deterministic: bool
) -> Judgement:
    sd = None if claim.spread is None else as_sd(claim.spread)
    if claim.spread is not None and sd is None:
        note = "the reported %s was not used: it needs the number of runs" % claim.spread.kind
        base = replace(base, notes=(*base.notes, note))
    if len(values) == 1 and not deterministic:
        return _single(base, claim, margin, values[0], sd)
    if len(set(values)) == 1:
        return _exact(base, margin, values[0], sd)
    if deterministic:
        note = "declared deterministic, but its runs differ: judged by their spread"
        base = replace(base, notes=(*base.notes, note))
    return _several(base, claim, margin, values, sd)


def _exact(base: Judgement, margin: Margin, value: Decimal, sd: Optional[float]) -> Judgement:
    """Rule 4: the same value every time, so distance alone decides."""
    judged = _by_distance(base, margin, value, "within epsilon (deterministic)")
    if judged.verdict is Verdict.NOT_REPRODUCED and sd:
        note = "the runs do not vary, so the reported spread cannot explain the difference"
        judged = replace(judged, notes=(*judged.notes, note))
    return judged


def _single(
    base: Judgement, claim: Claim, margin: Margin, value: Decimal, sd: Optional[float]
) -> Judgement:
    """Rule 5: one run, with or without a known spread."""
    if sd is None:
        judged = _by_distance(base, margin, value, "within epsilon (one run)")
        return replace(judged, notes=(*judged.notes, NO_ERROR_BAR))
    judged = _by_distance(base, margin, value, "prediction interval (one run)")
    n = claim.spread.n if claim.spread else None
    half = equivalence.prediction_half_width(sd, n)
    centre = float(margin.reported)
    p_outside = equivalence.prediction_p(float(value) - centre, sd, n)
    numbers = (
        *judged.numbers, ("reported_sd", sd), ("reported_n", float(n or 0)),
        ("p_outside", 1.0 if judged.verdict is Verdict.REPRODUCED else p_outside),
    )  # fmt: skip
    judged = replace(judged, numbers=numbers, interval=(centre - half, centre + half))
    if judged.verdict is Verdict.REPRODUCED or abs(value - margin.reported) > Decimal(half):
        return judged
    needed = _needed(sd, margin, sd, n)
    reason = "outside the tolerance, but within the 95 % prediction interval of the paper's spread"
    return replace(
        judged, verdict=Verdict.INCONCLUSIVE, runs_needed=needed,
        reasons=(reason, _needed_text(needed, sd, margin, sd, n)),
    )  # fmt: skip


def _several(
    base: Judgement, claim: Claim, margin: Margin, values: List[Decimal], sd: Optional[float]
) -> Judgement:
    """Rule 6: two one-sided tests on the difference of the means."""
    floats = [float(value) for value in values]
    own = equivalence.sample_sd(floats) or 0.0
    if own == 0.0 and not sd:
        return _by_distance(base, margin, exact_mean(values), "within epsilon (zero variance)")
    n = claim.spread.n if claim.spread and claim.spread.n and claim.spread.n >= 2 else None
    if sd is None or n is None:
        difference, formula = equivalence.one_sample(floats, float(margin.reported)), "one-sample"
    else:
        difference = equivalence.welch(floats, float(margin.reported), sd, n)
        formula = "Welch"
    low, high = difference.interval()
    verdict = _compare(low, high, float(margin.epsilon), margin.direction)
    within, outside = equivalence.p_values(difference, float(margin.epsilon), margin.direction)
    judged = replace(
        base, verdict=verdict, formula="equivalence test (TOST, %s, 90 %% interval)" % formula,
        interval=(low, high), better=margin.better(exact_mean(values)),
        numbers=(
            ("difference", difference.estimate), ("standard_error", difference.se),
            ("degrees_of_freedom", difference.df), ("epsilon", float(margin.epsilon)),
            ("sd", own), ("reported_sd", sd or 0.0), ("reported_n", float(n or 0)),
            ("p_within", within), ("p_outside", outside),
        ),
    )  # fmt: skip
    return _explained(judged, margin, own, sd, n)


def _compare(low: float, high: float, epsilon: float, direction: str) -> Verdict:
    """The interval of the difference against (-epsilon, epsilon), or its one side that counts."""
    too_low = low > -epsilon or direction == "lower"
    too_high = high < epsilon or direction == "higher"
    if too_low and too_high:
        return Verdict.REPRODUCED
    below = high <= -epsilon and direction != "lower"
    above = low >= epsilon and direction != "higher"
    return Verdict.NOT_REPRODUCED if below or above else Verdict.INCONCLUSIVE


def _explained(
    judged: Judgement, margin: Margin, own: float, sd: Optional[float], n: Optional[int]
) -> Judgement:
    if judged.verdict is Verdict.REPRODUCED or judged.interval is None:
        return judged
    relation = (
        "outside" if judged.verdict is Verdict.NOT_REPRODUCED else "neither inside nor outside"
    )
    low, high = judged.interval
    reason = "the 90 %% interval of the difference, [%+.4g, %+.4g], is %s ±%.4g" % (
        low, high, relation, float(margin.epsilon),
    )  # fmt: skip
    if judged.verdict is Verdict.NOT_REPRODUCED:
        return replace(judged, reasons=(reason,))
    needed = _needed(own, margin, sd, n)
    text = _needed_text(needed, own, margin, sd, n)
    return replace(judged, runs_needed=needed, reasons=(reason, text))


def _by_distance(base: Judgement, margin: Margin, value: Decimal, formula: str) -> Judgement:
    holds = margin.holds(value)
    off = float(value - margin.reported)
    reason = "off by %+.6g, which is more than %s (tolerance %s, rounding %s)" % (
        off, margin.epsilon, margin.tolerance, margin.rounding,
    )  # fmt: skip
    return replace(
        base,
        verdict=Verdict.REPRODUCED if holds else Verdict.NOT_REPRODUCED,
        formula=formula,
        numbers=(("difference", off), ("epsilon", float(margin.epsilon))),
        better=margin.better(value),
        reasons=() if holds else (reason,),
    )


def _needed(own: float, margin: Margin, sd: Optional[float], n: Optional[int]) -> Optional[int]:
    return equivalence.runs_needed(own, float(margin.epsilon), _reported(sd, n))


def _reported(sd: Optional[float], n: Optional[int]) -> Optional[Tuple[float, int]]:
    return (sd, n) if sd is not None and n is not None and n >= 2 else None


def _needed_text(
    needed: Optional[int], own: float, margin: Margin, sd: Optional[float], n: Optional[int]
) -> str:
    most = equivalence.MOST_RUNS
    if needed is None:
        return "no number of runs up to %d would decide at this tolerance" % most
    text = "about %d runs would decide (80 %% power if there is no difference)" % needed
    if equivalence.is_enough(most, own, float(margin.epsilon), _reported(sd, n)):
        return text
    return text + "; many more would not, because the paper reports only %s runs itself" % n

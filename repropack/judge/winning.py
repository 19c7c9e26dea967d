"""Judging `greater: [A, B]` and `rank_first: [A, B, C, …]`: does A beat each of the others?

Owns: rule 8 of verdict.md. Does not own: evidence (`evidence`), the interval (`comparison`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import List, Optional, Tuple

from repropack.judge import comparison, value
from repropack.judge.assessment import Group, Judgement
from repropack.judge.check import LARGEST
from repropack.judge.comparison import BOOTSTRAP_SEED, RESAMPLES, Comparison
from repropack.judge.evidence import Evidence, Sample
from repropack.judge.model import Claim, MetricRef, Tolerance
from repropack.judge.verdict import Verdict, worst

FEW_PAIRS = 5
LEVEL = 0.95

Side = Tuple[MetricRef, List[Sample]]


def judge(
    claim: Claim, evidence: Evidence, _override: Optional[Tolerance], marks: Tuple[str, ...]
) -> Judgement:
    """The judgement of a `greater` or `rank_first` claim whose references have been checked."""
    notes = [note for ref in claim.compared for note in value.evidence_notes(ref, evidence)]
    base = replace(_blank(claim, marks), notes=tuple(dict.fromkeys(notes)))
    found = [(ref, *evidence.samples(ref)) for ref in claim.compared]
    reasons = [reason for _, _, missing in found for reason in missing]
    reasons += [
        "%s: %s is too large to compute with" % (sample.run_id, sample.text)
        for _, samples, _ in found
        for sample in samples
        if sample.value.copy_abs() > LARGEST
    ]
    if reasons:
        return replace(base, reasons=tuple(dict.fromkeys(reasons)))
    sides = [(ref, samples) for ref, samples, _ in found]
    lower = claim.direction == "lower"
    base = replace(base, groups=_groups(sides, lower))
    judged = [_against(base, sides[0], rival, lower, len(sides) - 1) for rival in sides[1:]]
    return judged[0] if claim.kind == "greater" else _ranked(base, judged, sides[1:])


def _groups(sides: List[Side], lower: bool) -> Tuple[Group, ...]:
    """The leader's values, then those of the others, the best first."""
    first, *others = [value.group(samples, [s.value for s in samples]) for _, samples in sides]
    return (first, *sorted(others, key=lambda group: group.mean, reverse=not lower))


def _blank(claim: Claim, marks: Tuple[str, ...]) -> Judgement:
    first, *others = claim.compared
    sign = "<" if claim.direction == "lower" else ">"
    subject = "%s %s %s" % (first, sign, others[0])
    reported = "A %s B" % sign
    if claim.kind == "rank_first":
        subject = "%s before %s" % (first, ", ".join(map(str, others)))
        reported = "first of %d" % len(claim.compared)
    return Judgement(
        claim_id=claim.id, kind=claim.kind, verdict=Verdict.NO_EVIDENCE, formula="evidence",
        source=claim.source, subject=subject, reported=reported, marks=marks,
    )  # fmt: skip


def _against(base: Judgement, leader: Side, rival: Side, lower: bool, rivals: int) -> Judgement:
    """The leader against one rival. `rivals` is with how many it is compared in all."""
    (first, a), (second, b) = leader, rival
    if len(a) == 1 and len(b) == 1:
        return _by_sign(base, a[0].value, b[0].value, lower)
    found = comparison.compare(a, b, (first, second), lower=lower)
    return _by_interval(base, found, rivals)


def _by_sign(base: Judgement, a: Decimal, b: Decimal, lower: bool) -> Judgement:
    difference = float(a) - float(b)
    verdict = Verdict.INCONCLUSIVE
    if a != b:
        verdict = Verdict.REPRODUCED if (a < b) == lower else Verdict.NOT_REPRODUCED
    note = "one run each: the sign of the difference decided, and chance could turn it"
    reason = "A - B is %+.6g" % difference
    return replace(
        base, verdict=verdict, formula="sign (one run each)", notes=(*base.notes, note),
        numbers=(("difference", difference),),
        reasons=() if verdict is Verdict.REPRODUCED else (reason,),
    )  # fmt: skip


def _by_interval(base: Judgement, found: Comparison, rivals: int) -> Judgement:
    """The 95 % interval against one half.

    Coming first means beating every rival, so each comparison may be made at 5 % (an intersection
    of hypotheses). Not coming first needs just one loss, and the more rivals, the more chances for
    one: that side is corrected for their number (Bonferroni).
    """
    low, high = found.interval(LEVEL)
    corrected = found.interval(1.0 - (1.0 - LEVEL) / rivals)[1]
    verdict = Verdict.INCONCLUSIVE
    if low > 0.5 or corrected < 0.5:
        verdict = Verdict.REPRODUCED if low > 0.5 else Verdict.NOT_REPRODUCED
    how = "paired by seed, exact bootstrap" if found.paired else "all pairs, bootstrap"
    notes = list(base.notes)
    if not found.paired:
        notes.append("the runs do not pair by seed: every run of A was compared with every of B")
    if found.runs < FEW_PAIRS:
        notes.append("only %d runs each: the bootstrap says little" % found.runs)
    numbers = [("probability", found.probability), ("corrected_upper_end", corrected)]
    if not found.exact:
        numbers += [("resamples", float(RESAMPLES)), ("bootstrap_seed", float(BOOTSTRAP_SEED))]
    reason = "A beats B with probability %.3g, 95 %% interval [%.3g, %.3g]" % (
        found.probability, low, high,
    )  # fmt: skip
    return replace(
        base, verdict=verdict, formula="probability that A beats B (%s)" % how,
        interval=(low, high), notes=tuple(notes), numbers=tuple(numbers),
        reasons=() if verdict is Verdict.REPRODUCED else (reason,),
    )  # fmt: skip


def _ranked(base: Judgement, judged: List[Judgement], rivals: List[Side]) -> Judgement:
    """First is who beats every other: the worst of the comparisons."""
    named = [(str(ref), one) for (ref, _), one in zip(rivals, judged)]
    numbers = [
        ("%s against %s" % (name, rival), number)
        for rival, one in named
        for name, number in one.numbers
    ]
    reasons = ["against %s: %s" % (rival, reason) for rival, one in named for reason in one.reasons]
    return replace(
        base, verdict=worst(one.verdict for one in judged),
        formula="every other is beaten: %s" % "; ".join(sorted({one.formula for one in judged})),
        numbers=tuple(numbers), reasons=tuple(reasons),
        notes=tuple(dict.fromkeys(note for one in judged for note in one.notes)),
    )  # fmt: skip

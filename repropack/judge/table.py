"""Judging a `table` claim: a verdict per cell, and one for the table.

Owns: rule 9 of verdict.md. Does not own: the cells, which are value claims (`value`).

A table is reproduced when all of its cells are: each cell has to pass its own test at 5 %, and so
has the table. That one cell differs, though, will happen by chance where there are many, so the
table differs only if a cell does after Holm's correction for their number.
"""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Sequence, Tuple

from repropack.judge import value
from repropack.judge.assessment import Judgement
from repropack.judge.equivalence import ALPHA
from repropack.judge.evidence import Evidence
from repropack.judge.model import Claim, Tolerance
from repropack.judge.verdict import Verdict, worst


def judge(
    claim: Claim, evidence: Evidence, override: Optional[Tolerance], marks: Tuple[str, ...]
) -> Judgement:
    """The judgement of a `table` claim whose references have been checked."""
    cells = [value.judge(cell, evidence, override, ()) for cell in claim.cells]
    verdicts = [cell.verdict for cell in cells]
    reproduced = verdicts.count(Verdict.REPRODUCED)
    differing = holm([_p(cell, "p_outside", Verdict.NOT_REPRODUCED) for cell in cells])
    holding = holm([_p(cell, "p_within", Verdict.REPRODUCED) for cell in cells])
    verdict = worst(verdicts)
    if verdict is Verdict.NOT_REPRODUCED and min(differing) > ALPHA:
        verdict = Verdict.INCONCLUSIVE
    base = Judgement(
        claim_id=claim.id, kind=claim.kind, verdict=verdict, source=claim.source, marks=marks,
        formula="every cell; Holm over %d cells before the table differs" % len(cells),
        subject="%d cells" % len(cells), reported="%d cells" % len(cells), cells=tuple(cells),
        numbers=(
            ("cells", float(len(cells))),
            ("reproduced", float(reproduced)),
            ("reproduced_after_holm", float(sum(p <= ALPHA for p in holding))),
            ("differing_after_holm", float(sum(p <= ALPHA for p in differing))),
            ("smallest_p_outside_after_holm", min(differing)),
        ),
    )  # fmt: skip
    return replace(base, reasons=tuple(_reasons(claim, cells, verdict)), notes=_shared(cells))


def holm(p_values: Sequence[float]) -> List[float]:
    """Holm's adjusted p-values, in the order given: the family-wise error stays below each."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def _p(cell: Judgement, name: str, verdict: Verdict) -> float:
    """The cell's p-value; a verdict that no chance was part of is certain."""
    return dict(cell.numbers).get(name, 0.0 if cell.verdict is verdict else 1.0)


def _reasons(claim: Claim, cells: Sequence[Judgement], verdict: Verdict) -> List[str]:
    found = [
        "%s: %s" % (cell.claim_id, reason)
        for cell in cells
        if cell.verdict is not Verdict.REPRODUCED
        for reason in cell.reasons
    ]
    differing = [cell for cell in cells if cell.verdict is Verdict.NOT_REPRODUCED]
    if verdict is Verdict.INCONCLUSIVE and differing:
        found.append(
            "%d of %d cells differ, but none does after Holm's correction for their number"
            % (len(differing), len(cells))
        )
    return found


def _shared(cells: Sequence[Judgement]) -> Tuple[str, ...]:
    """The notes and hints of the cells, each once."""
    notes = [note for cell in cells for note in cell.notes]
    notes += ["%s: hint: %s" % (cell.claim_id, hint) for cell in cells for hint in cell.hints]
    return tuple(dict.fromkeys(notes))

"""The four verdicts, which of them is worst, and the exit code of a set of them.

Owns: the words and their order. Does not own: how a verdict is reached (`rule`).
"""

from __future__ import annotations

import enum
from typing import Collection, Dict, Iterable

RECORDED = "recorded"
"""The status of what stands in the place of a run where a shipped file was read instead."""

RECORDED_MARK = "judged from shipped result files: nothing was run"

QUICK_MARK = "the author's quick set: not the experiments of the paper"


class Verdict(enum.Enum):
    """What became of a claim; the values are the words that users read."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    INCONCLUSIVE = "inconclusive"
    NO_EVIDENCE = "no evidence"


# From best to worst. No evidence is worst, because it says nothing about the claim at all; a
# difference is told before a doubt. The exit codes keep the same order.
_ORDER = (
    Verdict.REPRODUCED,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_REPRODUCED,
    Verdict.NO_EVIDENCE,
)
_EXIT_CODES = {
    Verdict.REPRODUCED: 0,
    Verdict.NOT_REPRODUCED: 1,
    Verdict.NO_EVIDENCE: 6,
    Verdict.INCONCLUSIVE: 8,
}


_OF_FILES = {
    Verdict.REPRODUCED: "file agrees",
    Verdict.NOT_REPRODUCED: "file differs",
    Verdict.INCONCLUSIVE: "file inconclusive",
    Verdict.NO_EVIDENCE: "no evidence",
}


_OF_QUICK_RUNS = {
    Verdict.REPRODUCED: "quick set passed",
    Verdict.NOT_REPRODUCED: "quick set failed",
    Verdict.INCONCLUSIVE: "quick set inconclusive",
    Verdict.NO_EVIDENCE: "no evidence",
}


def worded(verdict: Verdict, marks: Collection[str]) -> str:
    """The verdict in the words that every report uses.

    A file that agrees with the paper shows that the file does, and a shorter run that the shorter
    run does: nobody may read `reproduced`.
    """
    if QUICK_MARK in marks:
        return _OF_QUICK_RUNS[verdict]
    return _OF_FILES[verdict] if RECORDED_MARK in marks else verdict.value


def words() -> Dict[str, Verdict]:
    """Every wording, with the verdict that it stands for."""
    told = [*_OF_FILES.items(), *_OF_QUICK_RUNS.items()]
    return {**{word: verdict for verdict, word in told},
            **{verdict.value: verdict for verdict in Verdict}}  # fmt: skip


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the verdicts; of none at all: `no evidence`."""
    found = list(verdicts)
    return max(found, key=_ORDER.index) if found else Verdict.NO_EVIDENCE


def exit_code(verdict: Verdict, run_failed: bool) -> int:
    """0 reproduced, 1 not reproduced, 6 a run failed or no evidence, 8 inconclusive."""
    return 6 if run_failed else _EXIT_CODES[verdict]

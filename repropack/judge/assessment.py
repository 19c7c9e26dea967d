"""What judging results in: per claim a judgement, per run a summary, and the whole assessment.

Owns: these values. Does not own: how they are reached (`rule`), how they are shown (`report`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from repropack.judge.seen import Dataset
from repropack.judge.verdict import QUICK_MARK, RECORDED, RECORDED_MARK, Verdict, worded

RULE_VERSION = "1"  # of verdict.md as implemented here; changes when a verdict could change

Numbers = Tuple[Tuple[str, float], ...]


@dataclass(frozen=True)
class Group:
    """The obtained values of a claim, in its unit. `texts` are exact; `sd` needs two runs."""

    run_ids: Tuple[str, ...]
    texts: Tuple[str, ...]
    mean: float
    sd: Optional[float]
    min: float
    max: float

    @property
    def n(self) -> int:
        """How many runs."""
        return len(self.texts)


@dataclass(frozen=True)
class Judgement:
    """One claim's verdict with everything that led to it.

    `formula` names the rule that decided, `numbers` holds every number that it used, by name.
    `tolerance` is what was asked for, `tolerance_from` is `claim`, `command line` or `default`;
    `epsilon` is that plus the rounding half-width, as an exact decimal string. `reasons` say why
    there is no evidence or what decided, `hints` what to look at, `marks` what qualifies the
    verdict (`from a dirty tree`). `cells` are the judgements of a table's cells.
    """

    claim_id: str
    kind: str
    verdict: Verdict
    formula: str
    source: str = ""
    subject: str = ""
    reported: str = ""
    unit: str = ""
    groups: Tuple[Group, ...] = ()
    tolerance: str = ""
    tolerance_from: str = ""
    rounding: str = ""
    epsilon: str = ""
    numbers: Numbers = ()
    interval: Optional[Tuple[float, float]] = None
    runs_needed: Optional[int] = None
    better: bool = False
    reasons: Tuple[str, ...] = ()
    hints: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()
    marks: Tuple[str, ...] = ()
    cells: Tuple[Judgement, ...] = ()

    @property
    def words(self) -> str:
        """The verdict as reports say it."""
        return worded(self.verdict, self.marks)


@dataclass(frozen=True)
class RunSummary:
    """What the report says about one run. `log` is where its log is, `tail` its last lines."""

    id: str
    experiment: str
    status: str
    reason: str = ""
    exit_code: Optional[int] = None
    seconds: Optional[float] = None
    cpu_seconds: Optional[float] = None
    gpus: int = 0
    gpu_energy_joules: Optional[float] = None
    log: str = ""
    tail: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the run did not end as it should."""
        return self.status not in ("ok", RECORDED)


@dataclass(frozen=True)
class Assessment:
    """All judgements, the overall verdict and the exit code that stands for it.

    `author` says, a line for each claim, what the author obtained, where the bundle tells it.
    `data` is what the runs saw. `grid_factor` is what a kWh cost where the runs were done, in
    gCO2e; None: nobody said.
    """

    name: str
    judgements: Tuple[Judgement, ...]
    verdict: Verdict
    exit_code: int
    notes: Tuple[str, ...] = ()
    marks: Tuple[str, ...] = ()
    runs: Tuple[RunSummary, ...] = ()
    rule_version: str = RULE_VERSION
    author: Tuple[str, ...] = ()
    grid_factor: Optional[float] = None
    data: Tuple[Dataset, ...] = ()

    @property
    def words(self) -> str:
        """The overall verdict as reports say it."""
        return worded(self.verdict, self.marks)

    @property
    def recorded(self) -> bool:
        """Whether shipped files were read and nothing was run."""
        return RECORDED_MARK in self.marks

    @property
    def quick(self) -> bool:
        """Whether the author's quick set was run, and not the experiments of the paper."""
        return QUICK_MARK in self.marks

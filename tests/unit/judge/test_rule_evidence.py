"""What is evidence for a claim and what is not: failed runs, missing and malformed records."""

from __future__ import annotations

from typing import Any

import pytest

from repropack.judge.model import Claim, Experiment, ManifestError, MetricRef
from repropack.judge.rule import judge_all
from repropack.judge.verdict import Verdict
from tests.unit.judge.helpers import (
    claim,
    experiment,
    record,
    records,
    spread,
)

R, N, I, X = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.NO_EVIDENCE  # noqa: E741


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "failed", "exit_code": 1, "reason": "exited with code 1"}, "exited"),
        ({"status": "timeout", "reason": "ran into its timeout"}, "timeout"),
        ({"status": "interrupted", "reason": "was interrupted (SIGTERM)"}, "interrupted"),
        ({"status": "lost by an engine", "metrics": {}}, "lost by an engine"),
        ({"exit_code": 3}, "code 3"),
        ({"metrics": {}}, "no metric acc"),
        ({"metrics": {"acc": {"text": "inf"}}}, "not a finite number"),
        ({"metrics": {"acc": {"text": None}}}, "null"),
        ({"metrics": {"acc": {"text": "1e200"}}}, "too large"),
        ({"metrics": {"acc": {"text": "1e-99999999999999999999"}}}, "number was expected"),
    ],
)
def test_no_evidence(changes: dict[str, Any], expected: str) -> None:
    """Whatever is wrong with a run, its claim has no evidence, and the reason is told."""
    found = judge_all([experiment()], [claim("0.5")], [record("e", "0.5", **changes)])
    assert (found.verdict, found.exit_code) == (X, 6)
    assert expected in found.judgements[0].reasons[0]


def test_one_failed_seed_of_many_is_no_evidence() -> None:
    """A claim is not judged on the seeds that happened to survive."""
    exp = experiment(seeds=(0, 1, 2))
    done = records(exp, ["0.5", "0.5", "0.5"])
    done[1]["status"] = "killed"
    assert judge_all([exp], [claim("0.5")], done).verdict is X


def test_missing_record_is_no_evidence() -> None:
    """A run without a record counts, unless nobody asked for it; then a note says so."""
    exp = experiment(seeds=(0, 1, 2))
    done = records(exp, ["0.5", "0.5", "0.5"])[:2]
    assert judge_all([exp], [claim("0.5")], done).verdict is X
    asked = judge_all([exp], [claim("0.5")], done, run_ids=["e-seed0", "e-seed1"])
    assert asked.verdict is R
    assert "not asked for" in asked.judgements[0].notes[0]


@pytest.mark.parametrize("facts", [{"gpu": "none"}, {}])
def test_gpu_required_and_none_used(facts: dict[str, str]) -> None:
    """A run on the CPU is no evidence for an experiment that requires a GPU."""
    exp = experiment(gpu="required")
    assert judge_all([exp], [claim("0.5")], [record("e", "0.5", facts=facts)]).verdict is X
    with_gpu = [record("e", "0.5", facts={"gpu": "H200"})]
    assert judge_all([exp], [claim("0.5")], with_gpu).verdict is R


def test_gpu_optional_and_none_used() -> None:
    """A run on the CPU where a GPU is optional is judged, and the verdict says so."""
    found = judge_all([experiment(gpu="optional")], [claim("0.5")], [record("e", "0.5")])
    assert found.verdict is R
    assert "CPU" in found.judgements[0].notes[0]


def test_failed_run_without_claims_still_counts() -> None:
    """A failed run makes the exit code 6 even if no claim needs it."""
    broken = {**record("b", "1"), "experiment": "b", "status": "failed"}
    experiments = [experiment(), experiment("b")]
    found = judge_all(experiments, [claim("0.5")], [record("e", "0.5"), broken])
    assert (found.verdict, found.exit_code) == (R, 6)


def test_no_claims_is_no_evidence() -> None:
    """An empty list of claims does not pass."""
    found = judge_all([experiment()], [], [record("e", "0.5")])
    assert (found.verdict, found.exit_code) == (X, 6)


def test_stranger_is_ignored_and_told() -> None:
    """A record of a run that no experiment has cannot count for anything."""
    found = judge_all([experiment()], [claim("0.5")], [record("e", "0.5"), record("x", "9")])
    assert found.verdict is R
    assert "x was ignored" in found.notes[0]


def test_dirty_tree_marks_every_verdict() -> None:
    """What was judged on a dirty tree says so at each claim and overall."""
    done = [record("e", "0.5")]
    found = judge_all([experiment()], [claim("0.5")], done, source_kind="dirty")
    assert found.marks == found.judgements[0].marks == ("from a dirty tree",)


@pytest.mark.parametrize("engine", ["venv", "venv 0.9.1"])
def test_venv_says_no_container(engine: str) -> None:
    """The embedded engine's report says that no container was verified."""
    done = [record("e", "0.5", facts={"engine": engine})]
    assert "no container" in judge_all([experiment()], [claim("0.5")], done).notes[0]


MATRIX = (("attention", ("none", "eca")),)


def test_cell_selects_runs() -> None:
    """A reference with a cell means the runs of that cell only."""
    exp = experiment(matrix=MATRIX)
    claimed = claim("0.9", metric=MetricRef("e", "acc", (("attention", "eca"),)))
    found = judge_all([exp], [claimed], records(exp, ["0.1", "0.9"]))
    assert found.judgements[0].groups[0].run_ids == ("e-attention=eca",)
    assert found.verdict is R


@pytest.mark.parametrize(
    ("exp", "claimed", "expected"),
    [
        (experiment(matrix=MATRIX), claim("1"), "say which cell, e.g. {attention=none}"),
        (experiment(), claim("1", metric=MetricRef("f", "acc")), "there is no experiment f"),
        (experiment(), claim("1", metric=MetricRef("e", "ac")), "did you mean acc?"),
        (experiment(), claim("1", metric=MetricRef("e", "acc", (("a", "b"),))), "has no a"),
        (
            experiment(matrix=MATRIX),
            claim("1", metric=MetricRef("e", "acc", (("attention", "ecq"),))),
            "did you mean eca?",
        ),
        (experiment(), claim("about 1"), "not a decimal number"),
        (experiment(), claim("nan"), "not a decimal number"),
        (experiment(), claim("1e400"), "too large"),
        (experiment(), claim("1", spread=spread(1e300)), "not a usable number"),
        (experiment(seeds=(1, 1)), claim("1"), "appears more than once"),
    ],
)
def test_input_that_does_not_fit(exp: Experiment, claimed: Claim, expected: str) -> None:
    """A claim that does not fit its experiment is an error with its path, not a verdict."""
    with pytest.raises(ManifestError, match=r".") as caught:
        judge_all([exp], [claimed], [])
    assert expected in str(caught.value)


@pytest.mark.parametrize("broken", [[], "x", {}, {"id": 3}, {"id": "other", "experiment": "e"}])
def test_malformed_record(broken: Any) -> None:
    """What is no record, and of no run that there is, is an error that names its place."""
    with pytest.raises(ManifestError, match=r"records\[0\]"):
        judge_all([experiment()], [claim("0.5")], [broken])


@pytest.mark.parametrize(
    "broken",
    [{"id": "e"}, {"id": "e", "experiment": "e", "status": 3}, record("e", "1", facts=[])],
)
def test_malformed_record_of_a_run(broken: Any) -> None:
    """A record of the wrong shape is no evidence for its run, and the reason says what is wrong."""
    found = judge_all([experiment()], [claim("0.5")], [broken])
    assert (found.verdict, found.exit_code) == (X, 6)
    assert found.judgements[0].reasons[0].startswith("e: its record cannot be used: ")

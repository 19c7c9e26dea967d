"""The judging rule beyond its table: boundaries, directions, evidence, monotony."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repropack.judge.expand import expand
from repropack.judge.model import Claim, Experiment, ManifestError, MetricRef, parse_tolerance
from repropack.judge.rule import judge_all
from repropack.judge.verdict import Verdict, exit_code, worst
from tests.unit.judge.helpers import (
    assess,
    claim,
    experiment,
    judge,
    number,
    record,
    records,
    spread,
)

R, N, I, X = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.NO_EVIDENCE  # noqa: E741


@pytest.mark.parametrize(
    ("value", "tolerance", "text", "verdict"),
    [
        ("0.93", None, "0.935", R),  # the edge belongs to it
        ("0.93", None, "0.925", R),
        ("0.93", None, "0.9350000000000000001", N),
        ("0.3", "0.1", "0.45", R),  # 0.45 - 0.3 > 0.15 in binary floating point
        ("97", None, "97.5", R),
        ("97.0", "0.5", "97.55", R),
        ("97.0", "0.5", "97.5501", N),
        ("97.0", "1%", "98.02", R),
        ("97.0", "1%", "98.0200001", N),
        ("-2.0", "10%", "-2.25", R),
        ("1.2e-3", None, "0.00125", R),
        ("1.2e-3", None, "0.001251", N),
        ("0.1000", "0.1%", "0.10015", R),
    ],
)
def test_boundary(value: str, tolerance: str | None, text: str, verdict: Verdict) -> None:
    """Distance is compared exactly, in decimals, and the edge itself is inside."""
    assert judge(claim(value, tolerance), [text]).verdict is verdict


def test_percent_is_exact() -> None:
    """A fraction times 100 has no binary noise: 0.9705 is exactly 97.05."""
    judged = judge(claim("97.0", scale="percent"), ["0.9705"])
    assert (judged.verdict, judged.groups[0].texts) == (R, ("97.0500",))


def test_one_run_without_error_bar_says_so() -> None:
    """A single run against a bare number is judged, with a note on what that is worth."""
    judged = judge(claim("0.5"), ["0.5"])
    assert judged.verdict is R
    assert "error bar" in judged.notes[0]


@pytest.mark.parametrize(
    "text,verdict", [("70.5", R), ("70.9", I), ("69.7", I), ("75.0", N), ("65.0", N)]
)
def test_one_run_with_spread(text: str, verdict: Verdict) -> None:
    """One run: inside epsilon, inside the prediction interval, outside of both."""
    judged = judge(claim("70.3", "0.3", spread=spread(0.5, 50)), [text])
    assert judged.verdict is verdict
    assert (judged.runs_needed is not None) is (verdict is I)


def test_one_run_prediction_interval() -> None:
    """The interval is c -+ t(.975, n-1) sd sqrt(1 + 1/n)."""
    judged = judge(claim("70.3", spread=spread(0.5, 5)), ["70.3"])
    half = 2.7764451 * 0.5 * (1 + 1 / 5) ** 0.5
    assert judged.interval == pytest.approx((70.3 - half, 70.3 + half), abs=1e-6)


@pytest.mark.parametrize(
    "kind,size", [("sd", 0.5), ("se", 0.5 / 5**0.5), ("ci95", 0.5 / 5**0.5 * 2.7764451)]
)
def test_spread_kinds_mean_the_same(kind: str, size: float) -> None:
    """A standard error and a 95 % interval become the same standard deviation through n."""
    judged = judge(claim("70.3", spread=spread(size, 5, kind)), ["70.3"])
    assert number(judged, "reported_sd") == pytest.approx(0.5, abs=1e-7)


def test_standard_error_without_n_is_not_used() -> None:
    """A standard error of an unknown number of runs says nothing about one run, and is not used."""
    judged = judge(claim("70.3", spread=spread(5.0, None, "se")), ["71.0"])
    assert judged.verdict is N
    assert "needs the number of runs" in judged.notes[0]


def test_identical_runs_are_deterministic() -> None:
    """Equal values are judged by distance even where the paper reports a spread."""
    judged = judge(claim("70.3", "0.1", spread=spread(0.5, 5)), ["70.9", "70.90", "70.9"])
    assert judged.verdict is N
    assert "do not vary" in judged.notes[0]


def test_declared_deterministic_but_differs() -> None:
    """A declaration that the runs contradict is told and not relied on."""
    judged = judge(claim("70.3", "0.1"), ["70.9", "70.1", "70.3"], deterministic=True)
    assert judged.verdict is I
    assert "declared deterministic" in judged.notes[0]


def test_runs_needed_are_enough() -> None:
    """The number of runs that is asked for is larger for a tighter tolerance, and sane."""
    needed = [judge(claim("70.0", t), ["69.0", "71.0", "70.4"]).runs_needed for t in ("0.9", "0.4")]
    assert needed[0] is not None and needed[1] is not None
    assert 8 <= needed[0] < needed[1]


def test_few_runs_are_enough_beside_two_of_the_paper() -> None:
    """A small number that would decide is named, with the reason why a large one would not."""
    judged = judge(claim("70.00", "1.5", spread=spread(0.35, 2)), ["71.2", "70.4", "71.0"])
    assert judged.verdict is I and judged.runs_needed is not None
    assert judged.runs_needed < 10
    assert any("the paper reports only 2 runs itself" in reason for reason in judged.reasons)


def test_no_number_of_runs_is_enough() -> None:
    """When the paper's own mean is too uncertain, no number of runs is promised."""
    judged = judge(claim("70.00", "0.1", spread=spread(3.0, 3)), ["70.2", "69.0", "71.0"])
    assert (judged.verdict, judged.runs_needed) == (I, None)
    assert any("no number of runs" in reason for reason in judged.reasons)


@pytest.mark.parametrize(
    ("direction", "texts", "verdict", "better"),
    [
        ("higher", ["75"], R, True),
        ("higher", ["65"], N, False),
        ("higher", ["70.2"], R, False),
        ("lower", ["65"], R, True),
        ("lower", ["75"], N, False),
        ("higher", ["75", "76", "75.5"], R, True),
        ("higher", ["65", "66", "65.5"], N, False),
        ("lower", ["65", "66", "65.5"], R, True),
        ("lower", ["75", "76", "75.5"], N, False),
        ("higher", ["60", "80", "74"], I, True),
    ],
)
def test_direction(direction: str, texts: list[str], verdict: Verdict, better: bool) -> None:
    """With a direction a better result never fails, and is marked."""
    judged = judge(claim("70.3", "0.5", direction=direction), texts)
    assert (judged.verdict, judged.better) == (verdict, better)


def test_spread_hint() -> None:
    """An "sd" that is the runs' standard error is pointed out."""
    judged = judge(claim("70.0", "1", spread=spread(0.57735, 3)), ["69.0", "71.0", "70.0"])
    assert "standard error" in judged.hints[0]


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


def test_priority_of_verdicts() -> None:
    """No evidence is worse than a difference, a difference worse than a doubt."""
    assert worst([R, I]) is I
    assert worst([R, I, N]) is N
    assert worst([R, I, N, X]) is X
    assert [exit_code(verdict, False) for verdict in (R, N, X, I)] == [0, 1, 6, 8]
    assert exit_code(N, True) == 6


VALUES = st.decimals(-1000, 1000, places=3).map(str)
RANK = {R: 2, I: 1, N: 0}


@settings(max_examples=60, deadline=None)
@given(
    value=VALUES,
    texts=st.lists(VALUES, min_size=1, max_size=5),
    sd=st.one_of(st.none(), st.floats(0, 100)),
    direction=st.sampled_from(["both", "higher", "lower"]),
    tolerances=st.tuples(st.decimals(0, 500, places=2), st.decimals(0, 500, places=2)),
)
def test_wider_tolerance_is_never_worse(
    value: str,
    texts: list[str],
    sd: float | None,
    direction: str,
    tolerances: tuple[Decimal, Decimal],
) -> None:
    """Widening the tolerance never makes a verdict worse."""
    claimed = claim(value, direction=direction, spread=None if sd is None else spread(sd, 4))
    narrow, wide = (
        RANK[judge(claimed, texts, parse_tolerance(str(t))).verdict] for t in sorted(tolerances)
    )
    assert narrow <= wide


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(VALUES, min_size=1, max_size=6), value=VALUES)
def test_assessment_is_pure_and_ordered(texts: list[str], value: str) -> None:
    """The order in which records come back changes nothing."""
    exp = experiment(seeds=tuple(range(len(texts))))
    done = records(exp, texts)
    assert judge_all([exp], [claim(value)], done) == judge_all([exp], [claim(value)], done[::-1])


def test_repeated_runs_count_each() -> None:
    """Two records of one run are two values."""
    exp = experiment()
    (spec,) = expand(exp)
    done = [record(spec.id, text) for text in ("0.50", "0.52", "0.51")]
    found = judge_all([exp], [claim("0.51", "0.1")], done)
    assert found.judgements[0].groups[0].n == 3


def test_assess_keeps_every_number() -> None:
    """The numbers that the equivalence test used stand in the judgement."""
    judged = assess(claim("70.3", "0.5"), ["71.3", "72.0", "71.5", "71.4"]).judgements[0]
    assert number(judged, "epsilon") == 0.55
    assert number(judged, "difference") == pytest.approx(1.25)
    assert number(judged, "degrees_of_freedom") == 3


def test_last_or_best() -> None:
    """A claim that the best number of the same series would have reproduced is told so."""
    exp = experiment()
    among = {"count": 3, "first": "0.5", "last": "0.80", "min": "0.5", "max": "0.90"}
    made = record("e", "0.80")
    made["metrics"]["acc"]["among"] = among
    claimed = claim("90.0", "0.1", scale="percent")
    judged = judge_all([exp], [claimed], [made]).judgements[0]
    assert judged.verdict is Verdict.NOT_REPRODUCED
    assert [hint for hint in judged.hints if hint.startswith("last or largest?")]
    other = judge_all([exp], [claim("95.0", "0.1", scale="percent")], [made]).judgements[0]
    assert not other.hints

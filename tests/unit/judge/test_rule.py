"""The judging rule beyond its table: boundaries, directions, spread, monotony."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repropack.judge.expand import expand
from repropack.judge.model import parse_tolerance
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

"""The vectors of the judging rule, which were computed independently of this code."""

from __future__ import annotations

import pytest

from repropack.judge.model import parse_tolerance
from repropack.judge.rule import judge_all
from repropack.judge.verdict import Verdict
from tests.unit.judge.helpers import assess, claim, experiment, judge, record, spread

BIMODAL = ["73.3", "86.6", "72.4", "87.3", "87.8"]
WIDE = ["485.0", "500.0", "484.2"]
R, N, I, X = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.NO_EVIDENCE  # noqa: E741


@pytest.mark.parametrize(
    ("claimed", "texts", "verdict"),
    [
        pytest.param(claim("0.93"), ["0.9312", "0.9312"], R, id="rounding"),
        pytest.param(claim("0.9300"), ["0.9312", "0.9312"], N, id="digits"),
        pytest.param(claim("87.14", "0.5"), BIMODAL, I, id="bimodal"),
        pytest.param(claim("490.04", "0.5", spread=spread(6.12, 3)), WIDE, I, id="wide"),
        pytest.param(claim("70.3", "0.5"), ["71.3", "72.0", "71.5", "71.4"], N, id="shifted"),
        pytest.param(claim("81.0", "0.5"), ["0.8100"], N, id="scale"),
        pytest.param(claim("0.5"), ["nan"], X, id="nan"),
    ],
)
def test_vector(claimed: object, texts: list[str], verdict: Verdict) -> None:
    """Each case of the rule's table gets the verdict that the table says."""
    assert judge(claimed, texts).verdict is verdict  # type: ignore[arg-type]


@pytest.mark.parametrize("value,verdict", [("0.93", R), ("0.9300", N)])
def test_vector_declared_deterministic(value: str, verdict: Verdict) -> None:
    """One run of an experiment that is declared deterministic is judged by distance alone."""
    judged = judge(claim(value), ["0.9312"], deterministic=True)
    assert judged.verdict is verdict
    assert not any("error bar" in note for note in judged.notes)


def test_bimodal_interval() -> None:
    """The 90 % interval of the bimodal shift is about [-13.2, +1.8]."""
    interval = judge(claim("87.14", "0.5"), BIMODAL).interval
    assert interval == pytest.approx((-13.2, 1.85), abs=0.1)


@pytest.mark.parametrize("epsilon,verdict", [("13.9", I), ("14.3", R)])
def test_wide_needs_a_wide_tolerance(epsilon: str, verdict: Verdict) -> None:
    """The wide case becomes reproduced only for a tolerance of about 14.1."""
    claimed = claim("490.04", epsilon, spread=spread(6.12, 3))
    assert judge(claimed, WIDE).verdict is verdict


def test_scale_hint() -> None:
    """A fraction that was reported in per cent is not converted, but the hint says so."""
    assert "percent?" in judge(claim("81.0", "0.5"), ["0.8100"]).hints[0]


def test_scale_declared() -> None:
    """A declared scale is converted, and then there is nothing to hint at."""
    judged = judge(claim("81.0", "0.5", scale="percent"), ["0.8100"])
    assert (judged.verdict, judged.hints) == (R, ())


def test_stale() -> None:
    """A metric file that the run did not write is no evidence, and its reason is told."""
    stale = {"text": None, "reason": "r.json is stale"}
    found = judge_all([experiment()], [claim("0.5")], [record("e", "", metrics={"acc": stale})])
    assert found.judgements[0].reasons == ("e: r.json is stale",)
    assert (found.verdict, found.exit_code) == (X, 6)


def test_override() -> None:
    """The command line's tolerance replaces the claim's own, and the assessment says so."""
    found = assess(claim("70.3", "0.5"), ["71.3"], parse_tolerance("2"))
    assert found.verdict is R
    assert found.judgements[0].tolerance_from == "command line"
    assert "overrides" in found.notes[0]

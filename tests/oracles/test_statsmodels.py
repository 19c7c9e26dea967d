"""Tests, adjusted p-values and shares of variance against statsmodels."""

from __future__ import annotations

import random

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW, ttost_ind

from repropack.judge.equivalence import one_sample, p_values, welch
from repropack.judge.table import holm
from repropack.report.effects import SEEDS, TOGETHER, effects
from tests.unit.report.test_effects import groups, shares

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(P_VALUES)
@settings(max_examples=30, deadline=None)
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    """The adjusted p-values are those of statsmodels, in the order given."""
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)


SAMPLES = st.lists(st.floats(-100, 100), min_size=3, max_size=12).filter(
    lambda values: max(values) - min(values) > 1e-3
)


@given(SAMPLES, SAMPLES, st.floats(0.01, 50))
@settings(max_examples=80, deadline=None)
def test_p_within_is_that_of_statsmodels(a: list[float], b: list[float], epsilon: float) -> None:
    """The p-value of equivalence is that of statsmodels' TOST with Welch's correction."""
    described = DescrStatsW(b)
    sd = float(described.std_mean) * len(b) ** 0.5
    found = p_values(welch(a, float(described.mean), sd, len(b)), epsilon, "both")[0]
    expected = ttost_ind(a, b, -epsilon, epsilon, usevar="unequal")[0]
    assert found == pytest.approx(float(expected), abs=1e-9)


@given(SAMPLES, st.floats(-100, 100), st.floats(0.01, 50), st.sampled_from(["higher", "lower"]))
@settings(max_examples=60, deadline=None)
def test_one_side_is_that_of_statsmodels(
    values: list[float], reported: float, epsilon: float, direction: str
) -> None:
    """With a direction the p-value is that of the one-sided t-test against the worse bound."""
    bound = reported - epsilon if direction == "higher" else reported + epsilon
    alternative = "larger" if direction == "higher" else "smaller"
    expected = float(DescrStatsW(values).ttest_mean(bound, alternative=alternative)[1])
    within, outside = p_values(one_sample(values, reported), epsilon, direction)
    assert (within, outside) == pytest.approx((expected, 1 - expected), abs=1e-9)


def test_shares_are_those_of_an_analysis_of_variance() -> None:
    """The shares are the sums of squares of an analysis of variance, over the whole."""
    draw = random.Random(1)
    table = {(a, b): [draw.gauss(int(a) * len(b), 1.5) for _ in range(5)]
             for a in "123" for b in ("p", "qq")}  # fmt: skip
    rows = [(a, b, value) for (a, b), values in table.items() for value in values]
    frame = pandas.DataFrame(rows, columns=["a", "b", "m"])
    squares = anova_lm(ols("m ~ C(a) * C(b)", frame).fit())["sum_sq"]
    found = shares(effects(groups(table)))
    expected = (squares / squares.sum()).to_dict()
    assert found == pytest.approx({
        "a": expected["C(a)"], "b": expected["C(b)"], TOGETHER: expected["C(a):C(b)"],
        SEEDS: expected["Residual"],
    })  # fmt: skip

"""Distributions against SciPy as the oracle."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repropack.judge import equivalence
from repropack.judge.statistics import (
    NEARLY,
    NEARLY_FROM,
    normal_quantile,
    t_cdf,
    t_quantile,
    t_quantile_nearly,
)

np = pytest.importorskip("numpy")
stats = pytest.importorskip("scipy.stats")

DFS = [0.5, 1, 1.3, 2, 2.7, 3, 4, 5, 7.7, 10, 29, 100, 333.3, 1e3, 1e4]
PS = [1e-6, 0.001, 0.01, 0.025, 0.05, 0.1, 0.3, 0.5, 0.6, 0.8, 0.9, 0.95, 0.975, 0.999, 1 - 1e-6]


@pytest.mark.parametrize("df", DFS)
def test_t_quantile(df: float) -> None:
    """Quantiles of t agree with SciPy over a wide grid."""
    assert [t_quantile(p, df) for p in PS] == pytest.approx(list(stats.t.ppf(PS, df)), rel=1e-9)


@pytest.mark.parametrize("p", [0.9, 0.92, 0.95])
def test_t_quantile_nearly(p: float) -> None:
    """The quantile without a search is as near as it says, where it says so."""
    dfs = [NEARLY_FROM + step / 20 for step in range(100)] + [x for x in DFS if x > NEARLY_FROM]
    found = [t_quantile_nearly(p, df) for df in dfs]
    assert found == pytest.approx(list(stats.t.ppf(p, dfs)), rel=0.5 * NEARLY)


@pytest.mark.parametrize("df", DFS)
def test_t_cdf(df: float) -> None:
    """The distribution function of t agrees with SciPy, tails included."""
    points = [-50.0, -3.0, -1.0, -0.1, 0.0, 0.5, 2.0, 30.0]
    assert [t_cdf(t, df) for t in points] == pytest.approx(list(stats.t.cdf(points, df)), rel=1e-9)


def test_normal_quantile() -> None:
    """Quantiles of the normal distribution agree with SciPy."""
    found = [normal_quantile(p) for p in PS]
    assert found == pytest.approx(list(stats.norm.ppf(PS)), rel=1e-12)


@pytest.mark.parametrize("p,df", [(0.0, 3), (1.0, 3), (0.5, 0), (-1, 2)])
def test_quantile_outside_of_its_domain(p: float, df: float) -> None:
    """Outside of the domain there is an error, not a number."""
    with pytest.raises(ValueError, match="wants"):
        t_quantile(p, df)


SAMPLES = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), min_size=2, max_size=8)


@given(SAMPLES, st.floats(0.01, 50), st.integers(2, 30), st.floats(-1e3, 1e3))
def test_welch(values: list[float], sd: float, n: int, reported: float) -> None:
    """Welch's interval agrees with SciPy's."""
    own = statistics.stdev(values)
    se = (own**2 / len(values) + sd**2 / n) ** 0.5
    half = se * float(stats.t.ppf(0.95, _welch_df(own, len(values), sd, n)))
    shift = statistics.fmean(values) - reported
    found = equivalence.welch(values, reported, sd, n).interval()
    assert found == pytest.approx((shift - half, shift + half), abs=1e-6)


def _welch_df(s1: float, n1: int, s2: float, n2: int) -> float:
    a, b = s1**2 / n1, s2**2 / n2
    return (a + b) ** 2 / (a**2 / (n1 - 1) + b**2 / (n2 - 1))


@given(SAMPLES, st.floats(-1e3, 1e3))
def test_one_sample(values: list[float], reported: float) -> None:
    """The one-sample interval agrees with SciPy's."""
    half = statistics.stdev(values) / len(values) ** 0.5
    half *= float(stats.t.ppf(0.95, len(values) - 1))
    shift = statistics.fmean(values) - reported
    found = equivalence.one_sample(values, reported).interval()
    assert found == pytest.approx((shift - half, shift + half), abs=1e-6)


def test_runs_needed_has_the_power_that_it_promises() -> None:
    """With the number of runs asked for, equivalence is shown in about 80 % of samples."""
    needed = equivalence.runs_needed(1.0, 0.6)
    assert needed is not None
    samples = stats.norm.rvs(size=(2000, needed), random_state=1)
    shown = 0
    for sample in samples:
        low, high = equivalence.one_sample([float(x) for x in sample], 0.0).interval()
        shown += low > -0.6 and high < 0.6
    assert 0.76 < shown / len(samples) < 0.88


@pytest.mark.parametrize(
    "reported", [None, (0.3, 5), (0.2, 3), (1.0, 30), (0.05, 2), (0.1, 2), (0.4, 2), (0.3, 4)]
)
def test_runs_needed_is_the_first_number_that_is_enough(
    reported: tuple[float, int] | None,
) -> None:
    """The number is that of a search through all of them with SciPy's quantiles."""
    for sd in (0.05, 0.3, 1.0):
        for epsilon in (0.2, 0.5, 0.5005, 0.9, 3.0):
            assert equivalence.runs_needed(sd, epsilon, reported) == first(sd, epsilon, reported)


@given(st.floats(0.01, 5), st.floats(0.01, 5), st.floats(0.01, 5), st.integers(2, 12))
def test_runs_needed_beside_few_runs_of_a_paper(
    sd: float, reported_sd: float, epsilon: float, n: int
) -> None:
    """No number is missed where more runs are worse, because the paper has only two or three."""
    reported = (reported_sd, n)
    assert equivalence.runs_needed(sd, epsilon, reported) == first(sd, epsilon, reported)


def test_a_small_number_decides_where_a_large_one_does_not() -> None:
    """Beside two runs of a paper, SciPy shows equivalence with 6 runs, and not with 10000."""
    assert equivalence.runs_needed(0.5, 1.36, (0.35, 2)) == 6
    found = [tost_power(n, 0.5, 1.36, (0.35, 2)) >= 0.8 for n in (5, 6, 10000)]
    assert found == [False, True, False]


def tost_power(n: int, sd: float, epsilon: float, reported: tuple[float, int]) -> float:
    """How likely SciPy's two one-sided tests show equivalence: up to the largest such shift."""
    tests = [
        [
            stats.ttest_ind_from_stats(
                shift + side * epsilon, sd, n, 0.0, *reported, equal_var=False, alternative=tail
            ).pvalue
            for side, tail in ((1, "greater"), (-1, "less"))
        ]
        for shift in np.linspace(0, epsilon, 3001)
    ]
    shown = [max(each) <= 0.05 for each in tests]
    if not shown[0]:
        return 0.0
    widest = epsilon * (sum(shown) - 1) / 3000
    a, b = sd**2 / n, reported[0] ** 2 / reported[1]
    df = _welch_df(sd, n, *reported)
    return float(2 * stats.t.cdf(widest / (a + b) ** 0.5, df) - 1)


def first(sd: float, epsilon: float, reported: tuple[float, int] | None) -> int | None:
    """The least n with (t(.95) + t(.90)) * se <= epsilon."""
    n = np.arange(2.0, equivalence.MOST_RUNS + 1)
    own = sd**2 / n
    se, df = np.sqrt(own), n - 1
    if reported is not None:
        theirs = reported[0] ** 2 / reported[1]
        se = np.sqrt(own + theirs)
        df = se**4 / (own**2 / (n - 1) + theirs**2 / (reported[1] - 1))
    enough = (stats.t.ppf(0.95, df) + stats.t.ppf(0.9, df)) * se <= epsilon
    return int(n[enough][0]) if enough.any() else None

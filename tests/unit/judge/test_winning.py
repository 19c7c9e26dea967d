"""`greater` and `rank_first`: who beats whom, and how sure that is."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repropack.judge.comparison import Comparison, bootstrap, paired_bootstrap
from repropack.judge.model import Claim, ManifestError, MetricRef
from repropack.judge.rule import judge_all
from repropack.judge.verdict import Verdict
from tests.unit.judge.helpers import experiment, number, records

R, N, I = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE  # noqa: E741
MATRIX = (("attention", ("none", "eca")),)
SEEDS = (0, 1, 2, 3, 4)


def _greater() -> Claim:
    refs = tuple(MetricRef("e", "acc", (("attention", value),)) for value in ("eca", "none"))
    return Claim(id="g", kind="greater", compared=refs)


def _greater_on(a: list[str], b: list[str], **changes: Any) -> Any:
    exp = experiment(matrix=MATRIX, **changes)
    return judge_all([exp], [_greater()], records(exp, b + a)).judgements[0]


@pytest.mark.parametrize("a,b,verdict", [("0.9", "0.8", R), ("0.8", "0.9", N), ("0.80", "0.8", I)])
def test_greater_by_sign(a: str, b: str, verdict: Verdict) -> None:
    """With one run each the sign decides, and the note says what that is worth."""
    judged = _greater_on([a], [b])
    assert judged.verdict is verdict
    assert "one run each" in judged.notes[0]


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        (["2", "3", "4", "5", "6"], ["1", "2", "3", "4", "5"], R),
        (["1", "2", "3", "4", "5"], ["2", "3", "4", "5", "6"], N),
        (["2", "2", "4", "4", "6"], ["1", "3", "3", "5", "6"], I),
    ],
)
def test_greater_is_paired_by_seed(a: list[str], b: list[str], verdict: Verdict) -> None:
    """Pairs decide where the groups overlap almost completely."""
    judged = _greater_on(a, b, seeds=(0, 1, 2, 3, 4))
    assert judged.verdict is verdict
    assert "paired by seed" in judged.formula


def test_greater_is_deterministic() -> None:
    """The bootstrap has a fixed seed: the same records give the same numbers."""
    a, b = ["2", "2", "4", "4", "7"], ["1", "3", "3", "5", "6"]
    first, second = (_greater_on(a, b, seeds=(0, 1, 2, 3, 4)) for _ in range(2))
    assert first == second


def test_greater_without_pairs() -> None:
    """Groups that do not pair are compared run by run, and a note says so."""
    left, right = experiment("l", seeds=(0, 1, 2, 3)), experiment("r", seeds=(7, 8, 9))
    done = records(left, ["5", "6", "7", "8"]) + records(right, ["1", "2", "3"])
    refs = (MetricRef("l", "acc"), MetricRef("r", "acc"))
    found = judge_all([left, right], [Claim(id="g", kind="greater", compared=refs)], done)
    assert found.verdict is R
    assert "do not pair" in found.judgements[0].notes[0]


@pytest.mark.parametrize("wins", [[1.0, 0.0, 1.0], [1.0, 0.5, 0.0, 1.0], [0.5] * 3, [1.0], [0.0]])
def test_exact_bootstrap_is_every_resample(wins: list[float]) -> None:
    """The distribution is that of all n^n resamples, counted."""
    n = len(wins)
    shares = [sum(chosen) / n for chosen in itertools.product(wins, repeat=n)]
    for share, at_most in paired_bootstrap(wins):
        counted = sum(other <= share + 1e-12 for other in shares) / len(shares)
        assert at_most == pytest.approx(counted, abs=1e-12)


def test_resampling_agrees_with_the_exact_distribution() -> None:
    """The bootstrap for runs that do not pair, given one column, comes to the same interval."""
    wins = [1.0] * 14 + [0.0] * 6
    sampled = Comparison(0.7, bootstrap([[win] for win in wins]), False, False, 20)
    exact = Comparison(0.7, paired_bootstrap(wins), True, True, 20)
    assert sampled.interval() == pytest.approx(exact.interval(), abs=0.051)


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_comparison_is_symmetric(wins: list[float]) -> None:
    """Who beats whom does not depend on who is named first."""
    mean = sum(wins) / len(wins)
    one = Comparison(mean, paired_bootstrap(wins), True, True, len(wins)).interval()
    other = [1.0 - win for win in wins]
    two = Comparison(1 - mean, paired_bootstrap(other), True, True, len(wins)).interval()
    assert (one[0] > 0.5) == (two[1] < 0.5)
    assert (one[1] < 0.5) == (two[0] > 0.5)


VARIANTS = ("none", "se", "eca")


def _rank(rows: list[list[str]], *order: str, direction: str = "both", **changes: Any) -> Any:
    """Judge that the first of `order` comes first; a row of `rows` is the runs of a variant."""
    exp = experiment(matrix=(("attention", VARIANTS),), **changes)
    refs = tuple(MetricRef("e", "acc", (("attention", value),)) for value in order)
    claimed = Claim(id="first", kind="rank_first", compared=refs, direction=direction)
    texts = [text for row in rows for text in row]
    return judge_all([exp], [claimed], records(exp, texts)).judgements[0]


LOW, MIDDLE, HIGH = (
    ["1", "2", "3", "4", "5"], ["2", "3", "4", "5", "6"], ["3", "4", "5", "6", "7"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "direction", "verdict"),
    [
        ([LOW, MIDDLE, HIGH], "both", R),
        ([LOW, HIGH, MIDDLE], "both", N),
        ([HIGH, MIDDLE, LOW], "lower", R),
        ([LOW, ["3", "4", "5", "6", "6"], ["3", "4", "5", "6", "7"]], "both", I),
    ],
)
def test_rank_first(rows: list[list[str]], direction: str, verdict: Verdict) -> None:
    """Coming first means beating every other; one that wins, or that may, is enough against it."""
    judged = _rank(rows, "eca", "none", "se", direction=direction, seeds=SEEDS)
    assert judged.verdict is verdict
    assert judged.reported == "first of 3"


def test_rank_first_names_who_stands_in_the_way() -> None:
    """The reason says which of the others was not beaten."""
    judged = _rank([LOW, HIGH, MIDDLE], "eca", "none", "se", seeds=SEEDS)
    assert [reason.split(":")[0] for reason in judged.reasons] == ["against e.acc{attention=se}"]


def test_the_best_other_is_shown_first() -> None:
    """Of the others, the report's column shows the best."""
    judged = _rank([LOW, MIDDLE, HIGH], "eca", "none", "se", seeds=SEEDS)
    assert [group.mean for group in judged.groups] == [5.0, 4.0, 3.0]


def test_more_rivals_more_chances() -> None:
    """That somebody beats the first is told apart from chance, however many there are."""
    nine = ["1"] * 9 + ["3"] * 4  # loses 9 of 13
    other = ["2"] * 13
    seeds = tuple(range(13))
    exp = experiment(matrix=(("attention", ("a", "b", "c", "d", "e", "f")),), seeds=seeds)
    rows = nine + other + ["0"] * 13 * 4
    refs = tuple(MetricRef("e", "acc", (("attention", value),)) for value in "abcdef")
    claims = [
        Claim(id="two", kind="greater", compared=refs[:2]),
        Claim(id="six", kind="rank_first", compared=refs),
    ]
    two, six = judge_all([exp], claims, records(exp, rows)).judgements
    assert number(two, "probability") == pytest.approx(4 / 13)
    upper = dict(six.numbers)["corrected_upper_end against e.acc{attention=b}"]
    assert upper > number(two, "corrected_upper_end")
    assert six.verdict is I


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        (Claim(id="r", kind="rank_first", compared=(MetricRef("e", "acc"),)), "two or more"),
        (Claim(id="r", kind="rank_first", compared=(MetricRef("e", "acc"),) * 2), "with itself"),
    ],
)
def test_rank_that_says_nothing(claimed: Claim, expected: str) -> None:
    """A comparison with nothing else is refused."""
    with pytest.raises(ManifestError, match=expected):
        judge_all([experiment()], [claimed], [])

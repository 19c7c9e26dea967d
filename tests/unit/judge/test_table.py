"""`table` claims: a verdict per cell, and Holm before the table differs."""

from __future__ import annotations

import random

import pytest

from repropack.judge import report
from repropack.judge.equivalence import prediction_p
from repropack.judge.model import Claim, ManifestError, MetricRef, parse_tolerance
from repropack.judge.rule import judge_all
from repropack.judge.verdict import Verdict
from tests.unit.judge.helpers import experiment, number, records, spread

R, N, I, X = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.NO_EVIDENCE  # noqa: E741


def test_prediction_p_is_five_per_cent_at_the_interval() -> None:
    """One run at the edge of the 95 % prediction interval has p = 0.05."""
    from repropack.judge.equivalence import prediction_half_width

    for n in (None, 2, 3, 10, 100):
        assert prediction_p(prediction_half_width(2.0, n), 2.0, n) == pytest.approx(0.05)


def cell(name: str, value: str, tolerance: str = "0.5", **changes: object) -> Claim:
    """A cell on the runs of one value of the matrix."""
    given = {"metric": MetricRef("e", "acc", (("k", name),)), "value": value, **changes}
    return Claim(id=name, kind="value", tolerance=parse_tolerance(tolerance), **given)  # type: ignore[arg-type]


def judged(cells: list[Claim], rows: list[list[str]], *, seeds: int = 5):  # type: ignore[no-untyped-def]
    """The assessment of a table whose cells have these runs."""
    exp = experiment(matrix=(("k", tuple(each.id for each in cells)),), seeds=tuple(range(seeds)))
    claimed = Claim(id="table-1", kind="table", cells=tuple(cells))
    return judge_all([exp], [claimed], records(exp, [text for row in rows for text in row]))


NEAR = ["9.9", "10.0", "10.1", "10.0", "10.0"]
FAR = ["11.9", "12.0", "12.1", "12.0", "12.0"]
VAGUE = ["8", "12", "9", "11", "10"]


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [([NEAR, NEAR], R), ([NEAR, VAGUE], I), ([NEAR, FAR], N), ([NEAR, ["nan", *NEAR[1:]]], X)],
)
def test_table(rows: list[list[str]], verdict: Verdict) -> None:
    """A table is reproduced when every cell is, and differs when a cell does."""
    found = judged([cell("a", "10.0"), cell("b", "10.0")], rows)
    assert found.verdict is verdict


def test_one_of_many_cells_may_differ_by_chance() -> None:
    """A cell that differs on its own is not enough where there are many: Holm."""
    draw = random.Random(3)
    rows = [[f"{10 + draw.gauss(0, 0.02):.3f}" for _ in range(5)] for _ in range(29)]
    slightly = ["10.58", "10.60", "10.59", "10.57", "10.61"]
    cells = [cell(f"c{i}", "10.0") for i in range(30)]
    found = judged(cells, [*rows, slightly]).judgements[0]
    alone = judged(cells[-1:], [slightly]).judgements[0]
    assert alone.verdict is N and found.cells[-1].verdict is N
    assert number(found, "smallest_p_outside_after_holm") == pytest.approx(
        min(1.0, 30 * number(alone, "smallest_p_outside_after_holm"))
    )


def test_holm_turns_a_lone_difference_into_a_doubt() -> None:
    """Where no cell differs after Holm, the table is inconclusive and says so."""
    barely = ["10.60", "10.70", "10.75", "10.55", "10.65"]
    cells = [cell(f"c{i}", "10.0") for i in range(12)]
    found = judged(cells, [*([NEAR] * 11), barely]).judgements[0]
    assert found.cells[-1].verdict is N and found.verdict is I
    assert "Holm" in found.reasons[-1]


def test_single_runs_far_from_the_papers_spread() -> None:
    """One run per cell is judged by the paper's prediction interval, in a table too."""
    cells = [cell(f"c{i}", "10.0", spread=spread(0.3, 5)) for i in range(20)]
    found = judged(cells, [["10.1"]] * 19 + [["10.95"]], seeds=1).judgements[0]
    assert found.cells[-1].verdict is N
    assert 0.02 < number(found.cells[-1], "p_outside") < 0.05
    assert found.verdict is I


def test_report_shows_each_cell() -> None:
    """Text, Markdown and JSON have the table and its cells, and the summary counts claims."""
    found = judged([cell("a", "10.0"), cell("b", "10.0")], [NEAR, FAR])
    text = report.text(found)
    assert "1 of 2" in text and "\n  b " in text
    assert "– b" in report.markdown(found)
    assert [each["id"] for each in report.as_dict(found)["claims"][0]["cells"]] == ["a", "b"]
    assert report.summary(found) == "not reproduced: 0 of 1 claims reproduced, 1 not reproduced"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((), "no cells"),
        ((cell("a", "1"), cell("a", "1")), "more than once"),
        ((Claim(id="g", kind="greater"),), "a cell is a value"),
        ((cell("a", "one"),), "not a decimal number"),
    ],
)
def test_table_that_does_not_fit(cells: tuple[Claim, ...], expected: str) -> None:
    """What is wrong with a table is told with the name of the cell."""
    exp = experiment(matrix=(("k", ("a",)),))
    with pytest.raises(ManifestError, match=expected):
        judge_all([exp], [Claim(id="t", kind="table", cells=cells)], [])

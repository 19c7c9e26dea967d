"""How much each parameter explains: against sums of squares that are known."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repropack.report import Run
from repropack.report.effects import SEEDS, TOGETHER, Effects, effects
from repropack.report.groups import Group, grouped

Table = dict[tuple[str, str], list[float]]


def groups(table: Table) -> tuple[Group, ...]:
    """Groups of a matrix of two parameters."""
    runs = tuple(
        Run(id=f"{a}-{b}-{i}", experiment="e", params=(("a", a), ("b", b)), metrics=(("m", value),))
        for (a, b), values in table.items()
        for i, value in enumerate(values)
    )
    return grouped(runs)[("e", "m")]


def shares(found: Effects | None) -> dict[str, float]:
    """The shares by name."""
    assert found is not None
    return {each.name: each.share for each in found.effects}


def test_one_parameter_explains_all() -> None:
    """Where a metric follows one parameter alone, it has all of the variance."""
    found = shares(effects(groups({("1", x): [1.0, 1.0] for x in "pq"}
                                  | {("2", x): [3.0, 3.0] for x in "pq"})))  # fmt: skip
    assert found == pytest.approx({"a": 1.0, "b": 0.0, TOGETHER: 0.0, SEEDS: 0.0})


def test_only_together() -> None:
    """Where two parameters matter only together, neither has a share of its own."""
    table = {("1", "p"): [0.0, 0.0], ("1", "q"): [1.0, 1.0], ("2", "p"): [1.0, 1.0],
             ("2", "q"): [0.0, 0.0]}  # fmt: skip
    assert shares(effects(groups(table))) == pytest.approx(
        {"a": 0.0, "b": 0.0, TOGETHER: 1.0, SEEDS: 0.0}
    )


@given(st.lists(st.floats(-1e6, 1e6), min_size=12, max_size=12))
@example([*[0.0] * 11, 3.1e-162])  # whose square is none
def test_shares_add_up(values: list[float]) -> None:
    """Of a full matrix they are shares of one whole."""
    draw = iter(values)
    found = effects(groups({(a, b): [next(draw) for _ in range(3)] for a in "12" for b in "pq"}))
    if found is not None:
        assert found.balanced
        assert sum(each.share for each in found.effects) == pytest.approx(1.0, abs=1e-6)


def test_correlation() -> None:
    """It is there for numbers alone, and 1 for what rises in a line."""
    found = effects(groups({(a, b): [float(a), float(a)] for a in ("1", "2", "4") for b in "pq"}))
    assert found is not None
    correlations = {each.name: each.correlation for each in found.effects}
    assert correlations["a"] == pytest.approx(1.0)
    assert correlations["b"] is None


def test_nothing_to_explain() -> None:
    """A metric that is the same everywhere, or one cell, has no effects."""
    assert effects(groups({("1", "p"): [1.0], ("2", "p"): [1.0]})) is None
    assert effects(groups({("1", "p"): [1.0, 2.0]})) is None


def test_unbalanced() -> None:
    """Where a run is missing, nothing pretends that the shares add up."""
    found = effects(groups({("1", "p"): [1.0, 2.0], ("2", "p"): [3.0]}))
    assert found is not None and not found.balanced

"""Which parameter matters: the share of a metric's variance that each explains, and correlation.

Owns: these numbers and their table. Shares are those of the main effects: the sum of squares
between the levels of a parameter, divided by the whole (eta squared). Of a full matrix with as many
runs in each cell they add up, together with what varies within the cells (seeds) and what is left
(parameters acting together), to one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from repropack.report.groups import Group, grouped
from repropack.report.markup import Html, join, table, tag
from repropack.report.model import Run
from repropack.report.scale import short
from repropack.report.sheets import Sheets

SEEDS = "seeds and chance, within cells"
TOGETHER = "parameters acting together"
_MOST = 8
HOW = (
    "The share of a parameter is the sum of squares between the means of its levels, divided by "
    "the sum of squares of all runs (eta squared, main effects). What varies within a cell of the "
    "matrix is due to the seeds and to chance. The correlation is Pearson's r with the parameter's "
    "value, where that is a number."
)
UNBALANCED = (
    "The cells do not have equally many runs, so the shares overlap and need not add up to one."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """How much of the variance something explains; `correlation` where it is a number."""

    name: str
    share: float
    levels: int = 0
    correlation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """All effects on a metric. `balanced`: the shares add up."""

    effects: tuple[Effect, ...]
    balanced: bool


def effects(groups: Sequence[Group]) -> Effects | None:
    """The effects on a metric; None where no parameter varies, or nothing does."""
    by_cell = in_reach([group.values for group in groups])
    runs = [run for group in groups for run in group.runs]
    values = [value for each in by_cell for value in each]
    pairs = [(dict(run.params), value) for run, value in zip(runs, values, strict=True)]
    names = sorted({name for params, _ in pairs for name in params})
    varied = [name for name in names if len({params.get(name) for params, _ in pairs}) > 1]
    total = squares(values)
    if not varied or total <= 1e-24 * math.fsum(v * v for v in values):
        return None
    found = [effect(name, [(params.get(name, ""), v) for params, v in pairs], total)
             for name in varied]  # fmt: skip
    found.sort(key=lambda each: -each.share)
    within = math.fsum(map(squares, by_cell)) / total
    cells = math.prod(each.levels for each in found)
    balanced = cells == len(groups) and len({len(group.values) for group in groups}) == 1
    repeated = len(values) > len(groups)
    if balanced and len(varied) > 1:
        left = 1 - within - math.fsum(each.share for each in found)
        name = TOGETHER if repeated else f"{TOGETHER}, and chance"
        found.append(Effect(name=name, share=max(0.0, left)))
    if repeated:
        found.append(Effect(name=SEEDS, share=within))
    return Effects(effects=tuple(found), balanced=balanced)


def in_reach(cells: Sequence[Sequence[float]]) -> list[list[float]]:
    """The values as parts of the largest: squares of very small or large ones are no numbers."""
    largest = max((abs(value) for values in cells for value in values), default=0.0) or 1.0
    return [[value / largest for value in values] for values in cells]


def squares(values: Sequence[float]) -> float:
    """The sum of squares around the mean."""
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values)


def effect(name: str, pairs: Sequence[tuple[str, float]], total: float) -> Effect:
    """The effect of one parameter."""
    levels: dict[str, list[float]] = {}
    for level, value in pairs:
        levels.setdefault(level, []).append(value)
    within = math.fsum(squares(values) for values in levels.values())
    return Effect(
        name=name,
        share=min(1.0, max(0.0, 1 - within / total)),
        levels=len(levels),
        correlation=correlation(pairs, total),
    )


def correlation(pairs: Sequence[tuple[str, float]], total: float) -> float | None:
    """Pearson's r; None where the parameter is not a number."""
    try:
        xs = [float(level) for level, _ in pairs]
    except ValueError:
        return None
    spread = squares(xs) if all(map(math.isfinite, xs)) else 0.0
    if spread <= 0.0 or not math.isfinite(spread):
        return None
    mean_x = math.fsum(xs) / len(xs)
    mean_y = math.fsum(y for _, y in pairs) / len(pairs)
    together = math.fsum((x - mean_x) * (y - mean_y) for x, (_, y) in zip(xs, pairs, strict=True))
    return max(-1.0, min(1.0, together / math.sqrt(spread * total)))


def section(runs: tuple[Run, ...], sheets: Sheets) -> Html:
    """A table for each metric of a matrix."""
    found = [(key, each) for key, groups in grouped(runs).items() if (each := effects(groups))]
    if not found:
        return Html("")
    blocks = [block(f"{key[0]}.{key[1]}", each, sheets) for key, each in found[:_MOST]]
    return join((tag("p", HOW), *blocks))


def block(name: str, found: Effects, sheets: Sheets) -> Html:
    """One metric."""
    rows = [
        (
            each.name,
            str(each.levels) if each.levels else "–",
            f"{100 * each.share:.1f} %",
            bar(each.share),
            "–" if each.correlation is None else short(each.correlation, 2),
        )
        for each in found.effects
    ]
    head = ("parameter", "levels", "variance explained", "share", "correlation")
    values = [(each.name, each.levels, each.share, each.correlation) for each in found.effects]
    link = sheets.link(f"{name} effects", ("parameter", "levels", "share", "correlation"), values)
    return join((
        tag("h3", name),
        table(f"What {name} depends on", head, rows, numeric=(1, 2, 4)),
        None if found.balanced else tag("p", UNBALANCED, class_="quiet"),
        tag("p", link, class_="data"),
    ))  # fmt: skip


def bar(share: float) -> Html:
    """The share as a length; the number stands beside it."""
    inside = tag("rect", x=0, y=2, width=max(1.0, 160 * share), height=9, class_="share")
    return tag("svg", inside, viewBox="0 0 160 13", width=160, height=13, aria_hidden="true")

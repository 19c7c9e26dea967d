"""Learning curves: a metric over its steps, the runs of a cell together.

Owns: mean, spread and extremes of histories, and their plots. Does not own: reading them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from repropack.report.markup import Html, join, picture, tag
from repropack.report.model import Curve, Points, Run, Verification
from repropack.report.plot import area, at, frame, line, thinned
from repropack.report.scale import Scale, mean_and_sd, scale, short
from repropack.report.sheets import Cell, Sheets

WIDTH, HEIGHT = 320, 200
MOST_CELLS = 24
MOST_METRICS = 8
_MOST_X = 240

Family = dict[str, list[tuple[Run, Curve]]]  # by cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Several histories at the same x: their mean, mean ± sd, smallest and largest values."""

    mean: Points
    below: Points
    above: Points
    low: Points
    high: Points
    count: int


def families(runs: tuple[Run, ...]) -> dict[tuple[str, str], Family]:
    """Histories by experiment and metric, then by cell."""
    found: dict[tuple[str, str], Family] = {}
    for run in runs:
        for curve in run.curves:
            family = found.setdefault((run.experiment, curve.metric), {})
            family.setdefault(run.cell, []).append((run, curve))
    return found


def band(curves: list[Curve]) -> Band:
    """Each history is taken as lines between its points, where it has any."""
    steps = sorted({x for curve in curves for x, _ in curve.points})
    xs = [x for x, _ in thinned(tuple((x, 0.0) for x in steps), _MOST_X)]
    columns = [at(curve.points, xs) for curve in curves]
    rows = [(x, [v for column in columns if (v := column[i]) is not None])
            for i, x in enumerate(xs)]  # fmt: skip
    stats = [(x, *mean_and_sd(values), min(values), max(values)) for x, values in rows if values]
    return Band(
        mean=tuple((x, mean) for x, mean, *_ in stats),
        below=tuple((x, mean - (sd or 0.0)) for x, mean, sd, *_ in stats),
        above=tuple((x, mean + (sd or 0.0)) for x, mean, sd, *_ in stats),
        low=tuple((x, low) for x, _, _, low, _ in stats),
        high=tuple((x, high) for x, _, _, _, high in stats),
        count=len(curves),
    )


def section(verification: Verification, sheets: Sheets) -> Html:
    """A block for each metric that has histories."""
    found = families(verification.runs)
    theirs = families(verification.author.runs) if verification.author else {}
    blocks = [
        block(key, family, theirs.get(key, {}), sheets)
        for key, family in list(found.items())[:MOST_METRICS]
    ]
    if not blocks:
        return Html("")
    text = (
        "The line is the mean of the runs, the shaded band one standard deviation around it, the "
        "dashed lines the smallest and the largest value."
    )
    if theirs:
        text += " The dotted line is the author's mean."
    left = [name for _, name in list(found)[MOST_METRICS:]]
    more = tag("p", f"Not drawn: {', '.join(left)}.", class_="quiet") if left else None
    return join((tag("p", text), *blocks, more))


def block(key: tuple[str, str], family: Family, theirs: Family, sheets: Sheets) -> Html:
    """One metric: a plot for each cell, all with the same axes."""
    name = f"{key[0]}.{key[1]}"
    shown = list(family.items())[:MOST_CELLS]
    bands = {cell: band([curve for _, curve in runs]) for cell, runs in shown}
    authors = {cell: band([c for _, c in runs]) for cell, runs in theirs.items() if cell in bands}
    x, y = scales([*bands.values(), *authors.values()])
    axis = next(iter(family.values()))[0][1].axis
    plots = [
        tag("figure", drawn(name, cell, each, authors.get(cell), x, y, axis))
        for cell, each in bands.items()
    ]
    head = ("run", "cell", "seed", axis, key[1])
    link = sheets.link(f"{name} over {axis}", head, rows(family))
    left = len(family) - len(shown)
    more = tag("p", f"{left} more cells: see the CSV.", class_="quiet") if left else None
    return join((
        tag("h3", name), tag("div", *plots, class_="multiples"), more,
        tag("p", link, class_="data"),
    ))  # fmt: skip


def scales(bands: list[Band]) -> tuple[Scale, Scale]:
    """Axes on which all of them have room."""
    xs = [x for each in bands for x, _ in each.mean]
    ys = [v for each in bands for line in (each.low, each.high, each.below, each.above)
          for _, v in line]  # fmt: skip
    x = scale(xs, 46, WIDTH - 8, margin=0.0)
    return x, scale(ys, HEIGHT - 34, 22)


def drawn(
    name: str, cell: str, own: Band, theirs: Band | None, x: Scale, y: Scale, axis: str
) -> Html:
    """The runs of one cell."""
    parts = frame(x, y, x_label=axis, written=cell or name)
    if own.count > 1:
        parts += [
            area(own.below, own.above, x, y, "spread"),
            line(own.low, x, y, "extreme"),
            line(own.high, x, y, "extreme"),
        ]
    if theirs is not None:
        parts.append(line(theirs.mean, x, y, "author"))
    parts.append(line(own.mean, x, y, "curve"))
    said = said_of(own, axis)
    if theirs is not None:
        said += f" The author's mean ends at {short(theirs.mean[-1][1])}."
    title = f"{name} {cell}".strip()
    return picture(title, said, *parts, size=(WIDTH, HEIGHT), class_="plot")


def said_of(own: Band, axis: str) -> str:
    """The plot in words."""
    (first, begins), (last, ends) = own.mean[0], own.mean[-1]
    runs = "One run" if own.count == 1 else f"Mean of {own.count} runs"
    return (
        f"{runs}: {short(begins)} at {axis} {short(first)}, {short(ends)} at {axis} {short(last)}; "
        f"at the end from {short(own.low[-1][1])} to {short(own.high[-1][1])}."
    )


def rows(family: Family) -> Iterator[tuple[Cell, ...]]:
    """Every point of every history."""
    for cell, runs in family.items():
        for run, curve in runs:
            for x, y in curve.points:
                yield (run.id, cell, run.seed, x, y)

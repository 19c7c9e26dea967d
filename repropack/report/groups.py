"""Groups compared: the runs of each cell of a matrix beside those of the others.

Owns: the plot and the table of a metric by cell. Does not own: which claims hold (`judge`).
"""

from __future__ import annotations

from dataclasses import dataclass

from repropack.report.claim_picture import dots
from repropack.report.markup import Html, join, picture, table, tag
from repropack.report.model import Run
from repropack.report.plot import x_ticks
from repropack.report.scale import Scale, decimals, fixed, mean_and_sd, scale, short
from repropack.report.sheets import Sheets

WIDTH, ROW = 760, 26
MOST_ROWS = 40
MOST_METRICS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The values of a metric in one cell, with the runs that they are of."""

    cell: str
    runs: tuple[Run, ...]
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The arithmetic mean."""
        return mean_and_sd(self.values)[0]

    @property
    def sd(self) -> float | None:
        """The standard deviation of two or more."""
        return mean_and_sd(self.values)[1]


def grouped(runs: tuple[Run, ...]) -> dict[tuple[str, str], tuple[Group, ...]]:
    """The values of runs that ended well, by experiment and metric, then by cell."""
    found: dict[tuple[str, str], dict[str, list[tuple[Run, float]]]] = {}
    for run in runs:
        for name, value in () if run.failed else run.metrics:
            cells = found.setdefault((run.experiment, name), {})
            cells.setdefault(run.cell, []).append((run, value))
    return {
        key: tuple(
            Group(cell=cell, runs=tuple(r for r, _ in pairs), values=tuple(v for _, v in pairs))
            for cell, pairs in cells.items()
        )
        for key, cells in found.items()
    }


def section(runs: tuple[Run, ...], sheets: Sheets) -> Html:
    """A block for each metric of which there are several cells."""
    found = [(key, groups) for key, groups in grouped(runs).items() if len(groups) > 1]
    blocks = [block(key, groups, sheets) for key, groups in found[:MOST_METRICS]]
    if not blocks:
        return Html("")
    text = (
        "Each point is a run, the upright line the mean of its group, the bar one standard "
        "deviation to either side. Values are in the metric's own unit."
    )
    return join((tag("p", text), *blocks))


def block(key: tuple[str, str], groups: tuple[Group, ...], sheets: Sheets) -> Html:
    """One metric."""
    name = f"{key[0]}.{key[1]}"
    head = ("run", "cell", "seed", key[1])
    rows = [
        (run.id, group.cell, run.seed, value)
        for group in groups
        for run, value in zip(group.runs, group.values, strict=True)
    ]
    link = sheets.link(f"{name} by cell", head, rows)
    return join((
        tag("h3", name),
        tag("figure", strips(name, groups[:MOST_ROWS])),
        statistics(name, groups),
        tag("p", link, class_="data"),
    ))  # fmt: skip


def strips(name: str, groups: tuple[Group, ...]) -> Html:
    """A row for each group, all on the same scale."""
    longest = max(len(group.cell) for group in groups)
    left = min(260, 16 + 6.2 * longest)
    height = ROW * len(groups) + 26
    values = [value for group in groups for value in group.values]
    ends = [g.mean + side * (g.sd or 0.0) for g in groups for side in (-1, 1)]
    x = scale((*values, *ends), left, WIDTH - 8)
    bottom = height - 24.0
    parts = [tag("line", x1=left, x2=WIDTH - 8, y1=bottom, y2=bottom, class_="axis")]
    parts += x_ticks(x, bottom, 6)
    for i, group in enumerate(groups):
        parts += strip(group, x, ROW * (i + 0.5))
    said = " ".join(f"{g.cell}: mean {short(g.mean, 5)} of {len(g.values)}." for g in groups)
    return picture(f"{name} by cell", said, *parts, size=(WIDTH, height), class_="plot")


def strip(group: Group, x: Scale, y: float) -> list[Html]:
    """The runs of one group with their mean and spread."""
    cell = group.cell if len(group.cell) <= 40 else group.cell[:39] + "…"
    parts = [
        tag("text", cell, x=x.start - 10, y=y + 4, class_="end"),
        tag("line", x1=x.start, x2=x.end, y1=y, y2=y, class_="grid"),
    ]
    if group.sd is not None:
        low, high = x(group.mean - group.sd), x(group.mean + group.sd)
        parts.append(
            tag("rect", x=low, y=y - 8, width=max(high - low, 1), height=16, class_="band")
        )
    mean = x(group.mean)
    line = tag("line", x1=mean, x2=mean, y1=y - 9, y2=y + 9, class_="mean")
    return [*parts, *dots(group.values, x, y), line]


def statistics(name: str, groups: tuple[Group, ...]) -> Html:
    """Mean, spread and extremes of each group."""
    places = decimals(value for group in groups for value in group.values)
    rows = [
        (
            group.cell,
            str(len(group.values)),
            fixed(group.mean, places),
            "–" if group.sd is None else fixed(group.sd, places),
            fixed(min(group.values), places),
            fixed(max(group.values), places),
        )
        for group in groups
    ]
    head = ("cell", "n", "mean", "sd", "min", "max")
    return table(f"{name} by cell", head, rows, numeric=range(1, 6))

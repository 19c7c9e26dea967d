"""Hardware use over time: what was sampled while a run ran.

Owns: these plots. Does not own: sampling, and which quantities there are.
"""

from __future__ import annotations

from collections.abc import Iterator

from repropack.report.markup import Html, join, picture, tag
from repropack.report.model import Points, Run
from repropack.report.plot import frame, line, thinned
from repropack.report.scale import scale, short, size
from repropack.report.sheets import Cell, Sheets

WIDTH, HEIGHT = 320, 150
MOST_RUNS = 6
MOST_SERIES = 8
_UNITS = (
    ("_bytes", "MB", 1e-6), ("_percent", "%", 1.0), ("_watts", "W", 1.0), ("_w", "W", 1.0),
    ("_mhz", "MHz", 1.0), ("_celsius", "°C", 1.0), ("_s", "s", 1.0),
)  # fmt: skip


def section(runs: tuple[Run, ...], sheets: Sheets) -> Html:
    """For the first runs that were sampled a row of plots each; all of the values as CSV."""
    sampled = [run for run in runs if run.samples]
    if not sampled:
        return Html("")
    link = sheets.link("hardware", ("run", "quantity", "seconds", "value"), rows(sampled))
    left = len(sampled) - MOST_RUNS
    more = tag("p", f"{left} more runs were sampled: see the CSV.", class_="quiet")
    return join((
        *(block(run) for run in sampled[:MOST_RUNS]),
        more if left > 0 else None,
        tag("p", link, class_="data"),
    ))  # fmt: skip


def block(run: Run) -> Html:
    """The plots of one run."""
    plots = [
        tag("figure", drawn(run, each.name, each.points)) for each in run.samples[:MOST_SERIES]
    ]
    return join((tag("h3", run.id), tag("div", *plots, class_="multiples")))


def named(name: str) -> tuple[str, float]:
    """A quantity's name with its unit, and by what to multiply its values: `memory (MB)`."""
    for ending, unit, factor in _UNITS:
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')} ({unit})", factor
    return name.replace("_", " "), 1.0


def drawn(run: Run, name: str, points: Points) -> Html:
    """One quantity over time."""
    label, factor = named(name)
    scaled = tuple((t, value * factor) for t, value in thinned(points))
    x = scale([t for t, _ in scaled], 52, WIDTH - 8, margin=0.0)
    y = scale([value for _, value in scaled], HEIGHT - 34, 22, zero=True)
    values = [value for _, value in points]
    mean, most = sum(values) / len(values), max(values)
    if name.endswith("_bytes"):
        said = f"On average {size(mean)}, at most {size(most)}."
    else:
        said = f"On average {short(mean * factor, 3)}, at most {short(most * factor, 3)}."
    parts = [*frame(x, y, x_label="seconds", written=label), line(scaled, x, y, "curve")]
    return picture(f"{label} of {run.id}", said, *parts, size=(WIDTH, HEIGHT), class_="plot")


def rows(runs: list[Run]) -> Iterator[tuple[Cell, ...]]:
    """Every sample."""
    for run in runs:
        for each in run.samples:
            for seconds, value in each.points:
                yield (run.id, each.name, seconds, value)

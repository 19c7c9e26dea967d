"""Hardware use over time: what was sampled while a run ran.

Owns: these plots. Does not own: sampling, and which quantities there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from repropack.report.markup import Html, join, picture, table, tag
from repropack.report.model import Points, Run
from repropack.report.plot import frame, line, thinned
from repropack.report.scale import mean_and_sd, scale, short, span
from repropack.report.sheets import Cell, Sheets

WIDTH, HEIGHT = 320, 150
MOST_RUNS = 6
MOST_SERIES = 8
_KNOWN = {
    "cpu_seconds": ("CPU cores in use", 1.0, True),
    "memory_bytes": ("memory (MB)", 1e-6, False),
    "read_bytes": ("read from disk (MB/s)", 1e-6, True),
    "written_bytes": ("written to disk (MB/s)", 1e-6, True),
    "received_bytes": ("received (MB/s)", 1e-6, True),
    "sent_bytes": ("sent (MB/s)", 1e-6, True),
    "gpu_utilization": ("GPU in use (%)", 100.0, False),
    "gpu_memory_bytes": ("GPU memory (MB)", 1e-6, False),
    "gpu_power_watts": ("GPU power (W)", 1.0, False),
}
"""By name: what is written, the factor to that unit, and whether it counts since the start."""


def section(runs: tuple[Run, ...], took: Mapping[str, float | None], sheets: Sheets) -> Html:
    """The totals; for the first runs that were sampled a row of plots; all values as CSV."""
    sampled = [run for run in runs if run.samples]
    if not runs or not sampled:
        return totals(took) if runs else Html("")
    link = sheets.link("hardware", ("run", "quantity", "seconds", "value"), rows(sampled))
    left = len(sampled) - MOST_RUNS
    more = tag("p", f"{left} more runs were sampled: see the CSV.", class_="quiet")
    return join((
        totals(took),
        *(block(run) for run in sampled[:MOST_RUNS]),
        more if left > 0 else None,
        tag("p", link, class_="data"),
    ))  # fmt: skip


def block(run: Run) -> Html:
    """The plots of one run."""
    plots = [
        tag("figure", drawn(run, each.name, each.points))
        for each in run.samples[:MOST_SERIES]
        if len(rates(each.points)) > 1
    ]
    return join((tag("h3", run.id), tag("div", *plots, class_="multiples")))


def shaped(name: str, points: Points) -> tuple[str, Points]:
    """What is written above a plot, and what is drawn: of a counter how fast it rises."""
    label, factor, counts = _KNOWN.get(name, (name.replace("_", " "), 1.0, False))
    drawn = rates(points) if counts else points
    return label, tuple((t, value * factor) for t, value in drawn)


def rates(points: Points) -> Points:
    """The rise from each point to the next, over the time between them, in the middle of it."""
    return tuple(
        ((before + after) / 2, (b - a) / (after - before))
        for (before, a), (after, b) in pairwise(thinned(points))
        if after > before
    )


def drawn(run: Run, name: str, points: Points) -> Html:
    """One quantity over time."""
    label, values = shaped(name, points)
    values = thinned(values)
    x = scale([t for t, _ in values], 52, WIDTH - 8, margin=0.0)
    y = scale([value for _, value in values], HEIGHT - 34, 22, zero=True)
    mean, most = mean_and_sd(v for _, v in values)[0], max(v for _, v in values)
    said = f"On average {short(mean, 3)}, at most {short(most, 3)}."
    parts = [*frame(x, y, x_label="seconds", written=label), line(values, x, y, "curve")]
    return picture(f"{label} of {run.id}", said, *parts, size=(WIDTH, HEIGHT), class_="plot")


def totals(found: Mapping[str, float | None]) -> Html:
    """What all runs took together; energy where somebody measured it."""
    energy = found.get("gpu_energy_kwh")
    facts = [
        ("time of all runs", hours(found.get("hours"))),
        ("CPU time", hours(found.get("cpu_hours"))),
        ("GPU time", hours(found.get("gpu_hours"))),
        ("energy of the GPUs", "unknown" if energy is None else f"{short(energy, 3)} kWh"),
        ("CO₂ of that energy", emitted(found)),
    ]
    return table("What all runs took together", ("what", "total"), facts)


def emitted(found: Mapping[str, float | None]) -> str:
    """The CO2 of the GPUs' energy with the factor that it follows from, or why nobody knows it."""
    factor, grams = found.get("grid_gco2e_per_kwh"), found.get("gpu_gco2e")
    if found.get("gpu_energy_kwh") is None:
        return "unknown: no energy was measured"
    if factor is None or grams is None:
        return "unknown: it depends on the grid, whose factor --grid-factor can state"
    return f"about {short(grams, 3)} g CO₂e, at the {short(factor, 4)} g/kWh that were stated"


def hours(count: float | None) -> str:
    """Hours, in the unit that a reader thinks in."""
    return "unknown" if count is None else span(count * 3600)


def rows(runs: list[Run]) -> Iterator[tuple[Cell, ...]]:
    """Every sample."""
    for run in runs:
        for each in run.samples:
            for seconds, value in each.points:
                yield (run.id, each.name, seconds, value)

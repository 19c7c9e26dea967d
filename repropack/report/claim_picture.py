"""The small picture of a claim: what was reported with its band, runs, interval of the mean.

Owns: the picture and the sentence that says the same. Does not own: any number in it (`judge`).
"""

from __future__ import annotations

from dataclasses import dataclass

from repropack.judge.assessment import Group, Judgement
from repropack.judge.verdict import Verdict
from repropack.report.markup import Html, picture, tag
from repropack.report.scale import Scale, scale, short

WIDTH = 240
HEIGHT = 40
ROW = 17
EDGE = 8
_MOST_GROUPS = 4
_LEGEND = (
    ("band", "what the claim allows: reported ± ε"),
    ("line", "reported"),
    ("dot", "a run"),
    ("bar", "interval that decided (90 %)"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What the picture of a value shows, in the claim's unit."""

    reported: float
    epsilon: float
    values: tuple[float, ...]
    mean: float | None
    interval: tuple[float, float] | None
    predicted: bool


def of_claim(
    judgement: Judgement, extent: tuple[float, ...] = (), theirs: Judgement | None = None
) -> Html:
    """The picture of any claim; of a table its cells. `extent` must have room too.

    `theirs` is the author's side of it, whose runs are hollow points.
    """
    if judgement.cells:
        return tally(judgement)
    if judgement.kind == "value":
        return of_value(judgement, extent, theirs)
    return of_groups(judgement, extent, theirs)


def extent_of(judgement: Judgement) -> tuple[float, ...]:
    """Every number that the picture of a claim shows: for a scale that two pictures share."""
    values = tuple(float(text) for group in judgement.groups for text in group.texts)
    if judgement.kind != "value" or judgement.cells:
        return values
    found = marks(judgement)
    return (*values, *(found.interval or ()))


def marks(judgement: Judgement) -> Marks:
    """The numbers of the picture of a value."""
    reported = float(judgement.reported)
    group = judgement.groups[0] if judgement.groups else None
    predicted = judgement.formula.startswith("prediction")
    interval = judgement.interval
    if interval is not None and not predicted:  # of the difference, so moved to where it is about
        interval = (reported + interval[0], reported + interval[1])
    return Marks(
        reported=reported,
        epsilon=float(judgement.epsilon or 0),
        values=tuple(map(float, group.texts)) if group else (),
        mean=group.mean if group else None,
        interval=interval,
        predicted=predicted,
    )


def of_value(
    judgement: Judgement, extent: tuple[float, ...] = (), theirs: Judgement | None = None
) -> Html:
    """Reported with its band; the runs as points, below them the interval of their mean."""
    found = marks(judgement)
    low, high = found.reported - found.epsilon, found.reported + found.epsilon
    authors = sides(theirs, judgement)
    x = scale((low, high, *extent_of(judgement), *extent, *sum(authors, ())), EDGE, WIDTH - EDGE)
    left, right = x(low), x(high)
    parts = [
        tag("rect", x=left, y=3, width=max(right - left, 1), height=HEIGHT - 6, class_="band"),
        tag("line", x1=x(found.reported), x2=x(found.reported), y1=1, y2=HEIGHT - 1, class_="ref"),
        *dots(found.values, x, 14),
        *(part for side in authors[:1] for part in dots(side, x, 22, "theirs")),
        *bar(found, x, 30),
    ]
    if not found.values:
        parts.append(tag("text", "no value", x=WIDTH - EDGE, y=24, class_="quiet end"))
    return picture(
        f"{judgement.claim_id}: {judgement.words}",
        sentence(judgement, found) + told_of(theirs if authors else None),
        *parts,
        size=(WIDTH, HEIGHT),
        class_="claim",
    )


def sides(theirs: Judgement | None, own: Judgement) -> list[tuple[float, ...]]:
    """The values of the author's groups; none of a claim that is not the same."""
    if theirs is None or (theirs.kind, theirs.unit) != (own.kind, own.unit):
        return []
    return [tuple(map(float, group.texts)) for group in theirs.groups]


def told_of(theirs: Judgement | None) -> str:
    """The author's runs, in words."""
    if theirs is None or not theirs.groups:
        return ""
    return " The author's: " + "; ".join(map(spoken, theirs.groups[:_MOST_GROUPS])) + "."


def dots(values: tuple[float, ...], x: Scale, y: float, kind: str = "run") -> list[Html]:
    """A point for each run, spread a little where there are several."""
    spread = (0, -4, 4, -2, 2) if len(values) > 1 else (0,)
    return [
        tag("circle", cx=x(value), cy=y + spread[i % len(spread)], r=2.6, class_=kind)
        for i, value in enumerate(values)
    ]


def bar(found: Marks, x: Scale, y: float) -> list[Html]:
    """The interval with the mean; what one run was predicted to be within is only an outline."""
    parts = []
    if found.interval is not None:
        left, right = x(found.interval[0]), x(found.interval[1])
        kind = "predicted" if found.predicted else "interval"
        height = 6 if found.predicted else 4
        parts.append(
            tag("rect", x=left, y=y - height / 2, width=max(right - left, 1), height=height,
                class_=kind)
        )  # fmt: skip
    if found.mean is not None and len(found.values) > 1:
        parts.append(tag("line", x1=x(found.mean), x2=x(found.mean), y1=y - 6, y2=y + 6,
                         class_="mean"))  # fmt: skip
    return parts


def sentence(judgement: Judgement, found: Marks) -> str:
    """What the picture says, in words."""
    unit = judgement.unit
    said = f"Reported {judgement.reported}{unit}, allowed ± {short(found.epsilon)}{unit}. "
    if not found.values:
        return said + "No value was obtained."
    runs = "one run" if len(found.values) == 1 else f"{len(found.values)} runs"
    said += f"{runs.capitalize()}: {spoken(judgement.groups[0])}{unit}."
    if found.interval is not None:
        kind = "Predicted for one run" if found.predicted else "Interval of the mean"
        said += f" {kind}: {short(found.interval[0])} to {short(found.interval[1])}{unit}."
    return said


def spoken(group: Group) -> str:
    """A group's numbers in words."""
    if group.n == 1:
        return short(group.mean, 6)
    low, high = short(group.min), short(group.max)
    return f"mean {short(group.mean, 5)}, sd {short(group.sd or 0.0, 3)}, from {low} to {high}"


def of_groups(
    judgement: Judgement, extent: tuple[float, ...] = (), theirs: Judgement | None = None
) -> Html:
    """The runs of each side on one scale: the first must win, its points are filled."""
    groups = judgement.groups[:_MOST_GROUPS]
    height = max(HEIGHT, 6 + ROW * len(groups))
    values = [tuple(map(float, group.texts)) for group in groups]
    authors = sides(theirs, judgement)[: len(groups)] if groups else []
    every = [v for side in (*values, *authors) for v in side]
    x = scale([*every, *extent], EDGE + 14, WIDTH - EDGE)
    parts: list[Html] = []
    for i, (group, side) in enumerate(zip(groups, values, strict=True)):
        y = 3 + ROW * (i + 0.5) + (height - 6 - ROW * len(groups)) / 2
        parts += [
            tag("text", "ABCD"[i], x=2, y=y + 4, class_="quiet"),
            tag("line", x1=EDGE + 14, x2=WIDTH - EDGE, y1=y, y2=y, class_="grid"),
            *dots(side, x, y, "run" if i == 0 else "run other"),
            tag("line", x1=x(group.mean), x2=x(group.mean), y1=y - 6, y2=y + 6, class_="mean"),
        ]
        parts += [part for side in authors[i : i + 1] for part in dots(side, x, y + 5, "theirs")]
    if not groups:
        parts.append(tag("text", "no value", x=WIDTH - EDGE, y=24, class_="quiet end"))
    told = [f"{'ABCD'[i]}: {spoken(group)}." for i, group in enumerate(groups)]
    return picture(
        f"{judgement.claim_id}: {judgement.words}",
        f"{judgement.subject}. "
        + (" ".join(told) or "No value was obtained.")
        + told_of(theirs if authors else None),
        *parts,
        size=(WIDTH, height),
        class_="claim",
    )


def tally(judgement: Judgement) -> Html:
    """A mark for each cell of a table: filled where it is reproduced, hollow where it is not."""
    columns = 24
    rows = -(-len(judgement.cells) // columns)
    parts = []
    for i, cell in enumerate(judgement.cells):
        kind = "cell " + verdict_class(cell.verdict)
        row, column = divmod(i, columns)
        parts.append(tag("rect", x=EDGE + 9 * column, y=4 + 9 * row, width=7, height=7, rx=1,
                         class_=kind))  # fmt: skip
    good = sum(cell.verdict is Verdict.REPRODUCED for cell in judgement.cells)
    return picture(
        f"{judgement.claim_id}: {judgement.words}",
        f"{good} of {len(judgement.cells)} cells are reproduced.",
        *parts,
        size=(WIDTH, 8 + 9 * rows),
        class_="claim",
    )


def verdict_class(verdict: Verdict) -> str:
    """The class that a verdict has in the page."""
    return verdict.value.replace(" ", "-")


def legend(author: bool = False) -> Html:
    """What the marks of the pictures mean."""

    def sample(kind: str) -> Html:
        inside = {
            "band": tag("rect", x=1, y=2, width=24, height=10, class_="band"),
            "line": tag("line", x1=13, x2=13, y1=0, y2=14, class_="ref"),
            "dot": tag("circle", cx=13, cy=7, r=2.6, class_="run"),
            "theirs": tag("circle", cx=13, cy=7, r=2.6, class_="theirs"),
            "bar": Html(
                tag("rect", x=1, y=5, width=24, height=4, class_="interval")
                + tag("line", x1=13, x2=13, y1=1, y2=13, class_="mean")
            ),
        }[kind]
        return tag("svg", inside, viewBox="0 0 26 14", width=26, height=14, aria_hidden="true",
                   class_="claim")  # fmt: skip

    more = (("theirs", "a run of the author"),) if author else ()
    items = [tag("li", sample(kind), " ", text) for kind, text in (*_LEGEND, *more)]
    return tag("ul", *items, class_="legend")

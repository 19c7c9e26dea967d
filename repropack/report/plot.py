"""What plots share: a frame with ticks, lines through points, and areas between lines.

Owns: these shapes. Does not own: what is plotted.
"""

from __future__ import annotations

from collections.abc import Sequence

from repropack.report.markup import Html, tag
from repropack.report.model import Points
from repropack.report.scale import Scale, short


def frame(x: Scale, y: Scale, *, x_label: str, written: str = "") -> list[Html]:
    """Axes: ticks at round values, and what is on the x axis. y has lines across, x has none."""
    bottom = max(y.start, y.end)
    parts = []
    for value in y.ticks(4):
        place = y(value)
        parts.append(tag("line", x1=x.start, x2=x.end, y1=place, y2=place, class_="grid"))
        parts.append(tag("text", short(value), x=x.start - 6, y=place + 4, class_="quiet end"))
    parts.append(tag("line", x1=x.start, x2=x.end, y1=bottom, y2=bottom, class_="axis"))
    parts += x_ticks(x, bottom)
    parts.append(tag("text", x_label, x=x.end, y=bottom + 28, class_="quiet end"))
    if written:
        parts.append(tag("text", written, x=x.start, y=min(y.start, y.end) - 7, class_="strong"))
    return parts


def x_ticks(x: Scale, bottom: float, most: int = 5) -> list[Html]:
    """Values below an axis."""
    return [
        tag("text", short(value), x=x(value), y=bottom + 15, class_="quiet middle")
        for value in x.ticks(most)
    ]


def line(points: Points, x: Scale, y: Scale, class_: str) -> Html:
    """A line through the points."""
    return tag("polyline", points=Html(" ".join(places(points, x, y))), class_=class_)


def area(lower: Points, upper: Points, x: Scale, y: Scale, class_: str) -> Html:
    """What lies between two lines."""
    around = [*places(upper, x, y), *reversed(places(lower, x, y))]
    return tag("path", d=Html(f"M{' L'.join(around)} Z"), class_=class_)


def places(points: Points, x: Scale, y: Scale) -> list[str]:
    """Where the points are."""
    return [f"{x(a):.1f},{y(b):.1f}" for a, b in points]


def thinned(points: Points, most: int = 240) -> Points:
    """The points, or so many of them, evenly, with the first and the last."""
    if len(points) <= most:
        return points
    step = (len(points) - 1) / (most - 1)
    return tuple(points[round(i * step)] for i in range(most))


def at(points: Points, wanted: Sequence[float]) -> list[float | None]:
    """The values at rising x, between two points on the line through them; None outside."""
    found: list[float | None] = []
    i = 0
    for x in wanted:
        while i + 1 < len(points) and points[i + 1][0] <= x:
            i += 1
        found.append(between(points, i, x))
    return found


def between(points: Points, i: int, x: float) -> float | None:
    """The value at x, which is at or behind point i."""
    x0, y0 = points[i]
    if x == x0:
        return y0
    if x < x0 or i + 1 == len(points):
        return None
    x1, y1 = points[i + 1]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)

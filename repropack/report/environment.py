"""The environment, layer by layer, and what differs between two of them.

Owns: the comparison and its table. Does not own: what is in a layer (`surroundings`, `recorded`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repropack.report.markup import Html, folded, join, table, tag
from repropack.report.model import Layer

ORDER = (
    "project", "libraries", "CUDA, cuDNN, BLAS", "operating system", "driver", "GPU", "machine",
    "engine", "variables",
)  # fmt: skip
ABSENT = "–"
_MOST_OPEN = 14
#: Layers that are recorded whole: what one side does not have, it has not.
_WHOLE = ("libraries", "variables")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that is not the same in two environments; ABSENT where one does not have it."""

    layer: str
    name: str
    one: str
    other: str


def ordered(layers: Sequence[Layer]) -> list[Layer]:
    """From the project outwards; layers that nobody knows come last."""
    return sorted(
        layers, key=lambda each: ORDER.index(each.name) if each.name in ORDER else len(ORDER)
    )


def differences(one: Sequence[Layer], other: Sequence[Layer]) -> tuple[Difference, ...]:
    """What differs, in the order of the layers."""
    found = []
    for layer in paired(one, other):
        for name, left, right in layer[1]:
            if compared(layer, left, right) == "differs":
                found.append(Difference(layer=layer[0], name=name, one=left, other=right))
    return tuple(found)


Paired = tuple[str, list[tuple[str, str, str]]]


def compared(layer: Paired, left: str, right: str) -> str:
    """In words. reproduce.sh tells less than `verify`: what it does not tell is no difference."""
    if left == right:
        return "same"
    if ABSENT not in (left, right):
        return "differs"
    name, rows = layer
    sides = zip(
        *((a != ABSENT, b != ABSENT) for item, a, b in rows if item != "python"), strict=True
    )
    whole = name in _WHOLE and all(any(side) for side in sides)
    return "differs" if whole else "not recorded"


def paired(one: Sequence[Layer], other: Sequence[Layer]) -> list[Paired]:
    """Layers with the names and values of both sides."""
    sides = [{layer.name: dict(layer.items) for layer in side} for side in (one, other)]
    names = [layer.name for layer in ordered((*one, *other))]
    result = []
    for name in dict.fromkeys(names):
        left, right = (side.get(name, {}) for side in sides)
        rows = [
            (item, left.get(item, ABSENT), right.get(item, ABSENT))
            for item in dict.fromkeys((*left, *right))
        ]
        result.append((name, rows))
    return result


def section(
    layers: Sequence[Layer],
    author: Sequence[Layer] | None,
    sides: tuple[str, str] = ("here", "author"),
) -> Html:
    """A table for each layer; with the author's beside it where that is known."""
    if not layers:
        return Html("")
    if author is None:
        text = "The bundle holds no verification of its author to compare with."
        blocks = [alone(layer) for layer in ordered(layers) if layer.items]
        return join((tag("p", text, class_="quiet"), *blocks))
    found = differences(layers, author)
    return join((
        tag("p", told(found)),
        difference_table(found, sides) if found else None,
        *(both(layer, sides) for layer in paired(layers, author)),
    ))  # fmt: skip


def told(found: Sequence[Difference]) -> str:
    """How many differences there are, and in which layers."""
    if not found:
        return "Nothing differs between the two environments."
    layers = ", ".join(dict.fromkeys(each.layer for each in found))
    count = "1 thing differs" if len(found) == 1 else f"{len(found)} things differ"
    return f"{count} between the two environments: {layers}."


def difference_table(found: Sequence[Difference], sides: tuple[str, str]) -> Html:
    """The differences alone."""
    rows = [(each.layer, each.name, each.one, each.other) for each in found]
    return table("What differs, by layer", ("layer", "what", *sides), rows)


def alone(layer: Layer) -> Html:
    """One layer of one environment; a long one is folded."""
    return block(layer.name, table(layer.name, ("what", "value"), layer.items), len(layer.items))


def both(layer: Paired, sides: tuple[str, str]) -> Html:
    """One layer of both; what differs says so in words."""
    name, rows = layer
    cells = [(*row, compared(layer, row[1], row[2])) for row in rows]
    return block(name, table(name, ("what", *sides, "compared"), cells), len(rows))


def block(name: str, shown: Html, count: int) -> Html:
    """A layer, open where it is short and says something at once."""
    title = f"{name[:1].upper()}{name[1:]}"
    summary = f"{title} ({count})" if count > _MOST_OPEN else title
    return folded(summary, shown)

"""Two verifications side by side, such as the author's and a reviewer's.

Owns: which claims belong together, whose verdict differs, and how that is shown as text, JSON and
HTML. Does not own: judging anything anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from repropack.judge import report
from repropack.judge.assessment import Judgement
from repropack.judge.files import printable
from repropack.judge.verdict import QUICK_MARK
from repropack.report import claim_picture, claims, environment
from repropack.report.environment import Difference
from repropack.report.markup import Html, escape, join, scrolling, tag
from repropack.report.model import Verification
from repropack.report.page import Section, rendered

SCHEMA = "repropack.comparison/1"
SIDES = ("A", "B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A claim, or a cell of a table, on both sides; None where a side does not have it."""

    name: str
    is_cell: bool
    one: Judgement | None
    other: Judgement | None

    @property
    def compared(self) -> str:
        """In words: `same`, `differs`, `only in A`, `not comparable` (one is of the quick set)."""
        if self.one is None or self.other is None:
            return f"only in {SIDES[self.one is None]}"
        if (QUICK_MARK in self.one.marks) is not (QUICK_MARK in self.other.marks):
            return "not comparable"
        return "same" if self.one.verdict is self.other.verdict else "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two verifications, their claims in pairs, and what differs between their environments."""

    one: Verification
    other: Verification
    pairs: tuple[Pair, ...]
    differences: tuple[Difference, ...]

    @property
    def differing(self) -> tuple[Pair, ...]:
        """The claims whose verdict is not the same on both sides."""
        return tuple(p for p in self.pairs if not p.is_cell and p.compared != "same")


def compare(one: Verification, other: Verification) -> Comparison:
    """Put two verifications side by side; claims belong together by their ids."""
    return Comparison(
        one=one,
        other=other,
        pairs=tuple(paired(one, other)),
        differences=environment.differences(one.layers, other.layers),
    )


def paired(one: Verification, other: Verification) -> Iterator[Pair]:
    """In the order of the first; what only the second has comes last."""
    sides = [claims.keyed(each.assessment) for each in (one, other)]
    for key in dict.fromkeys((*sides[0], *sides[1])):
        yield Pair(
            name=key[1] or key[0],
            is_cell=bool(key[1]),
            one=sides[0].get(key),
            other=sides[1].get(key),
        )


def summary(found: Comparison) -> str:
    """In one line."""
    total = sum(not pair.is_cell for pair in found.pairs)
    count = len(found.differing)
    verdicts = f"{count} of {total} verdicts differ" if count else f"all {total} verdicts agree"
    layers = ", ".join(dict.fromkeys(each.layer for each in found.differences))
    return f"{verdicts}; environments differ in: {layers or 'nothing'}"


def as_dict(found: Comparison) -> dict[str, Any]:
    """The comparison as plain JSON values."""
    return {
        "schema": SCHEMA,
        "summary": summary(found),
        "same": not found.differing,
        "sides": {name: side_json(each) for name, each in named(found)},
        "claims": [
            {"claim": pair.name, "cell": pair.is_cell, "compared": pair.compared,
             "A": judged_json(pair.one), "B": judged_json(pair.other)}
            for pair in found.pairs
        ],
        "environment": [
            {"layer": each.layer, "what": each.name, "A": each.one, "B": each.other}
            for each in found.differences
        ],
    }  # fmt: skip


def named(found: Comparison) -> list[tuple[str, Verification]]:
    """Both sides with their letters."""
    return list(zip(SIDES, (found.one, found.other), strict=True))


def side_json(side: Verification) -> dict[str, Any]:
    """What was verified."""
    assessment = side.assessment
    return {
        "directory": side.directory,
        "name": assessment.name,
        "commit": side.commit,
        "verdict": assessment.words,
        "summary": report.summary(assessment),
    }


def judged_json(judgement: Judgement | None) -> dict[str, str] | None:
    """One side of a claim."""
    if judgement is None:
        return None
    _, reported, obtained, n, tolerance, _ = report.claim_row(judgement)
    return {
        "reported": reported, "obtained": obtained, "n": n, "tolerance": tolerance,
        "verdict": judgement.words,
    }  # fmt: skip


def text(found: Comparison) -> str:
    """The comparison for a terminal."""
    lines = [
        printable(f"{name}  {each.directory}: {report.summary(each.assessment)}", 1000)
        for name, each in named(found)
    ]
    head = ("claim", "reported", "A obtained", "A", "B obtained", "B", "compared")
    lines += ["", *aligned([head, *map(cells, found.pairs)])]
    if found.differences:
        rows = [(each.layer, each.name, each.one, each.other) for each in found.differences]
        shown = [tuple(printable(cell, 60) for cell in row) for row in rows]
        lines += ["", "Environment", *aligned([("layer", "what", "A", "B"), *shown])]
    return "\n".join([*lines, "", printable(summary(found), 1000)]) + "\n"


def cells(pair: Pair) -> tuple[str, ...]:
    """A row of the text."""
    one, other = (judged_json(side) or {} for side in (pair.one, pair.other))
    name = ("  " if pair.is_cell else "") + printable(pair.name, 40)
    reported = one.get("reported") or other.get("reported", "")
    sides = [side.get(key, "-") for side in (one, other) for key in ("obtained", "verdict")]
    return (name, reported, *sides, pair.compared)


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns as wide as they need to be, with a line below the first row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def page(found: Comparison) -> str:
    """The comparison as one HTML page."""
    layers = environment.section(found.one.layers, found.other.layers, SIDES)
    return rendered(
        title=f"{found.one.assessment.name} and {found.other.assessment.name}",
        verdict="compared",
        badge=Html(""),
        summary=summary(found),
        facts=[(name, escape(each.directory)) for name, each in named(found)],
        claims=join((both_verdicts(found), claims_table(found), claim_picture.legend())),
        sections=[Section(id="environment", title="Environment", body=layers)],
        rule=found.one.assessment.rule_version,
    )


def both_verdicts(found: Comparison) -> Html:
    """The overall verdict of each side."""
    lines = [
        tag("p", tag("strong", f"{name} "),
            claims.badge(each.assessment.verdict, each.assessment.words), " ",
            tag("span", report.summary(each.assessment).partition(": ")[2], class_="quiet"))
        for name, each in named(found)
    ]  # fmt: skip
    return join(lines)


def claims_table(found: Comparison) -> Html:
    """Every claim with both sides; the pictures of a row have one scale."""
    names = ("claim", "reported", *SIDES, "verdicts")
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    rows = [pair_row(pair) for pair in found.pairs]
    whole = tag("table", tag("caption", "Claims on both sides; A and B share a scale"),
                tag("thead", head), tag("tbody", *rows), class_="claims pairs")  # fmt: skip
    return scrolling(whole, "Claims on both sides")


def pair_row(pair: Pair) -> Html:
    """A claim."""
    sides = [side for side in (pair.one, pair.other) if side is not None]
    extent = tuple(value for side in sides for value in claim_picture.extent_of(side))
    reported = judged_json(sides[0]) or {}
    return tag(
        "tr",
        tag("th", pair.name, scope="row"),
        tag("td", reported.get("reported", "")),
        side_cell(pair.one, extent),
        side_cell(pair.other, extent),
        tag("td", pair.compared, class_=None if pair.compared == "same" else "different"),
        class_="cell-row" if pair.is_cell else None,
    )


def side_cell(judgement: Judgement | None, extent: tuple[float, ...]) -> Html:
    """One side of a claim: its verdict, its picture, its numbers."""
    if judgement is None:
        return tag("td", "–")
    told = judged_json(judgement) or {}
    runs = f"n = {told['n']}" if told["n"] not in ("-", "0") else None
    count = tag("span", runs, class_="figure") if runs else None
    numbers = tag("small", claims.figures(told["obtained"]), " ", count)
    picture = claim_picture.of_claim(judgement, extent)
    badge = claims.badge(judgement.verdict, judgement.words)
    return tag("td", badge, picture, numbers, class_="side")

"""The whole page: sections in the order in which a reader asks, none that has nothing to show.

Owns: which sections there are. Does not own: what stands in them. Returns text; writes nothing.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from repropack import assets
from repropack.judge import report
from repropack.judge.verdict import RECORDED
from repropack.report import (
    claim_picture,
    claims,
    curves,
    data,
    determinism,
    effects,
    environment,
    groups,
    hardware,
    images,
    outcomes,
)
from repropack.report.markup import Html, escape, join, tag
from repropack.report.model import Verification
from repropack.report.sheets import Sheets

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page: `id` for links to it, its heading, and what stands in it."""

    id: str
    title: str
    body: Html


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, and the files beside it that it links to, by name (few reports have any)."""

    html: str
    files: dict[str, str] = field(default_factory=dict)


@functools.cache
def templates() -> jinja2.Environment:
    """Templates in which everything is escaped that is not markup by construction."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(assets.templates()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )


def page(verification: Verification) -> Page:
    """A verification as one HTML page."""
    sheets = Sheets()
    assessment = verification.assessment
    text = rendered(
        title=assessment.name or "Verification",
        verdict=assessment.words,
        badge=claims.badge(assessment.verdict, assessment.words),
        summary=report.summary(assessment).partition(": ")[2],
        facts=facts(verification),
        claims=first_screen(verification, sheets),
        sections=sections(verification, sheets),
        rule=assessment.rule_version,
    )
    return Page(html=text, files=sheets.files)


def rendered(
    *,
    title: str,
    verdict: str,
    badge: Html,
    summary: str,
    facts: list[tuple[str, Html]],
    claims: Html,
    sections: list[Section],
    rule: str,
) -> str:
    """The template with these parts; sections without content are left out."""
    template = templates().get_template("report.html.j2")
    return template.render(
        title=escape(title),
        verdict=verdict,
        badge=badge,
        summary=escape(summary),
        facts=facts,
        claims=claims,
        sections=[section for section in sections if section.body],
        rule=escape(rule),
    )


def facts(verification: Verification) -> list[tuple[str, Html]]:
    """What was verified, in one line."""
    found = [
        ("commit", verification.commit[:12]),
        ("image", verification.image),
        ("engine", verification.engine),
        *counted(verification),
    ]
    return [(name, escape(value)) for name, value in found if value]


def counted(verification: Verification) -> list[tuple[str, str]]:
    """How many runs there were; where there were none, what was read in their place."""
    if verification.assessment.recorded:
        return [("runs", "none: shipped result files were read")]
    if not verification.runs:
        return []
    quick = " of the quick set" if verification.assessment.quick else ""
    return [("runs", f"{len(verification.runs)}{quick}")]


def first_screen(verification: Verification, sheets: Sheets) -> Html:
    """The claims, and what the marks beside them mean."""
    assessment = verification.assessment
    if not assessment.judgements:
        return tag("p", "Nothing is claimed.")
    theirs = verification.author.assessment if verification.author is not None else None
    link = claims.values_link(assessment, verification.runs, sheets)
    return join((
        claims.claims_table(assessment, theirs),
        tag("div", claim_picture.legend(theirs is not None), tag("p", link, class_="data"),
            class_="below"),
        claims.remarks(assessment),
    ))  # fmt: skip


def sections(verification: Verification, sheets: Sheets) -> list[Section]:
    """Every section; those without content are left out later."""
    runs, author = verification.runs, verification.author
    took = report.compute(verification.assessment.runs, verification.assessment.grid_factor)
    ran = tuple(run for run in runs if run.status != RECORDED)
    found = (
        ("failed", "Runs that failed", outcomes.failures(runs)),
        ("curves", "Learning curves", curves.section(verification, sheets)),
        ("groups", "Groups compared", groups.section(runs, sheets)),
        ("effects", "What matters", effects.section(runs, sheets)),
        ("details", "How each claim was judged", claims.details(verification.assessment)),
        ("images", "Images", images.section(verification.pictures)),
        ("environment", "Environment",
         environment.section(verification.layers, author.layers if author else None)),
        ("data", "Data", data.section(verification.datasets)),
        ("determinism", "Determinism", determinism.section(verification)),
        ("hardware", "Hardware use", hardware.section(ran, took, sheets)),
        ("runs", "Runs" if ran else "Shipped results", outcomes.all_runs(runs, sheets)),
        ("repeat", "Repeat one run", outcomes.repeating(verification)),
    )  # fmt: skip
    return [Section(id=name, title=title, body=body) for name, title, body in found]

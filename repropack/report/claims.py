"""The first screen: every claim with what was reported and obtained, its picture and its verdict.

Owns: the table of claims, the remarks below it, and the numbers behind each verdict.
"""

from __future__ import annotations

from collections.abc import Iterator

from repropack.judge import report
from repropack.judge.assessment import Assessment, Judgement
from repropack.judge.verdict import QUICK_MARK, Verdict
from repropack.report import claim_picture
from repropack.report.markup import Html, escape, folded, join, scrolling, table, tag
from repropack.report.model import Run
from repropack.report.scale import short
from repropack.report.sheets import Cell, Sheets

HEAD = ("claim", "reported", "obtained", "n", "tolerance", "picture", "verdict")
_NUMERIC = ("reported", "n")
_MOST_VALUES = 2_000
_MOST_CELLS_OPEN = 40


def badge(verdict: Verdict, words: str = "") -> Html:
    """A verdict in words, with its sign: never by colour alone."""
    name = claim_picture.verdict_class(verdict)
    sign = tag(
        "svg", tag("use", href=f"#sign-{name}"), viewBox="0 0 16 16", width=15, height=15,
        aria_hidden="true", class_="sign",
    )  # fmt: skip
    return tag("span", sign, tag("span", words or verdict.value), class_=f"verdict {name}")


def keyed(assessment: Assessment) -> dict[tuple[str, str], Judgement]:
    """Judgements by claim, and by cell within it."""
    found = {}
    for judgement in assessment.judgements:
        found[(judgement.claim_id, "")] = judgement
        found.update({(judgement.claim_id, cell.claim_id): cell for cell in judgement.cells})
    return found


def claims_table(assessment: Assessment, author: Assessment | None = None) -> Html:
    """Every claim, and below a table of the paper its cells; beside each what the author had."""
    head = [
        tag("th", name, scope="col", class_="num" if name in _NUMERIC else None) for name in HEAD
    ]
    theirs = keyed(author) if author is not None else {}
    rows = [row(one, bool(key[1]), theirs.get(key)) for key, one in keyed(assessment).items()]
    found = (
        "what shipped files say: nothing was run" if assessment.recorded else "what was obtained"
    )
    if assessment.quick:
        found = f"what was obtained of {QUICK_MARK}"
    caption = tag("caption", f"Claims of the paper, and {found}")
    whole = tag("table", caption, tag("thead", tag("tr", *head)), tag("tbody", *rows),
                class_="claims")  # fmt: skip
    return scrolling(whole, "Claims")


def row(judgement: Judgement, is_cell: bool, theirs: Judgement | None = None) -> Html:
    """One claim; with the author's side of it, where that is known."""
    name, reported, obtained, n, tolerance, verdict = report.claim_row(judgement)
    source = tag("small", judgement.source) if judgement.source else None
    subject = judgement.subject if judgement.subject and not is_cell else ""
    return tag(
        "tr",
        tag("th", tag("span", name, title=subject or None), source, scope="row"),
        tag("td", reported, class_="num"),
        tag("td", figures(obtained), authors(theirs)),
        tag("td", n, class_="num"),
        tag("td", tolerance, class_="tolerance"),
        tag("td", claim_picture.of_claim(judgement, theirs=theirs), class_="picture"),
        tag("td", badge(judgement.verdict, verdict)),
        class_="cell-row" if is_cell else None,
    )


def authors(theirs: Judgement | None) -> Html | None:
    """What the author obtained, small."""
    if theirs is None or not (theirs.groups or theirs.cells):
        return None
    _, _, obtained, n, _, verdict = report.claim_row(theirs)
    count = f"n = {n}, " if theirs.groups else ""
    return tag("small", "author: ", figures(obtained), f" {count}{verdict}", class_="beside")


def figures(obtained: str) -> Html:
    """`mean ± sd (min, max)`, each part kept on its line."""
    parts = obtained.replace(" (", "\n(").replace(" vs ", " vs\n").split("\n")
    return join((tag("span", part, class_="figure") for part in parts), " ")


def remarks(assessment: Assessment) -> Html:
    """What is to be said about the claims, and about all of it; each thing once."""
    shown = []
    for heading, items in report.sections(assessment):
        if heading in ("Runs", report.AUTHOR):
            continue
        listed = tag("ul", *(tag("li", item[0]) for item in items))
        shown += [tag("h3", "About the claims" if heading == "Claims" else heading), listed]
    return join(shown)


def values_link(assessment: Assessment, runs: tuple[Run, ...], sheets: Sheets) -> Html:
    """Every obtained value of every claim."""
    head = ("claim", "cell", "group", "run", "seed", "value", "reported", "epsilon", "verdict")
    return sheets.link("claims", head, value_rows(assessment, runs))


def value_rows(assessment: Assessment, runs: tuple[Run, ...]) -> Iterator[tuple[Cell, ...]]:
    """A row for each value; one without a value for a claim that has none."""
    seeds = {run.id: run.seed for run in runs}
    for judgement in assessment.judgements:
        for one in judgement.cells or (judgement,):
            cell = one.claim_id if judgement.cells else ""
            tail = (one.reported, one.epsilon, one.words)
            if not one.groups:
                yield (judgement.claim_id, cell, None, "", None, "", *tail)
            for number, group in enumerate(one.groups, start=1):
                for run, value in zip(group.run_ids, group.texts, strict=False):
                    yield (judgement.claim_id, cell, number, run, seeds.get(run), value, *tail)


def details(assessment: Assessment) -> Html:
    """For each claim the rule that decided, the numbers that it used, and the values."""
    budget = [_MOST_VALUES]
    return join(detail(judgement, budget) for judgement in assessment.judgements)


def detail(judgement: Judgement, budget: list[int]) -> Html:
    """One claim; a table's cells come one after the other."""
    shown = [tag("p", escape(judgement.subject), class_="subject")]
    shown += [behind(cell, budget) for cell in judgement.cells[:_MOST_CELLS_OPEN]]
    if len(judgement.cells) > _MOST_CELLS_OPEN:
        left = len(judgement.cells) - _MOST_CELLS_OPEN
        shown.append(tag("p", f"{left} more cells: see the CSV.", class_="quiet"))
    if not judgement.cells:
        shown.append(behind(judgement, budget))
    summary = tag("span", judgement.claim_id, " ", badge(judgement.verdict, judgement.words))
    return folded(summary, *shown)


def behind(judgement: Judgement, budget: list[int]) -> Html:
    """The rule with its numbers, and the values in a table while there is room in the page."""
    numbers = [(name.replace("_", " "), short(value, 6)) for name, value in judgement.numbers]
    facts = [("rule", judgement.formula), ("metric", judgement.subject)]
    if judgement.tolerance_from:
        facts.append(("tolerance from", judgement.tolerance_from))
    if judgement.interval is not None:
        low, high = judgement.interval
        facts.append(("interval", f"{short(low, 6)} to {short(high, 6)}"))
    if judgement.runs_needed is not None:
        facts.append(("runs that would decide", str(judgement.runs_needed)))
    pairs = [Html(tag("dt", name) + tag("dd", value)) for name, value in [*facts, *numbers]]
    values = [
        (run, f"{i}", value)
        for i, group in enumerate(judgement.groups, start=1)
        for run, value in zip(group.run_ids, group.texts, strict=False)
    ]
    budget[0] -= len(values)
    shown = [tag("dl", *pairs)]
    if values and budget[0] >= 0:
        caption = f"Values of {judgement.claim_id}"
        shown.append(table(caption, ("run", "group", "value"), values, numeric=(1, 2)))
    elif values:
        shown.append(tag("p", f"{len(values)} values: see the CSV.", class_="quiet"))
    return join(shown)

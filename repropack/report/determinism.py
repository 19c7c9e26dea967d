"""Whether a run gives the same bytes again, and the settings that decide it.

Owns: this section. Does not own: repeating runs (`repropack.determinism`), what is recorded
(`judge.runner`).
"""

from __future__ import annotations

from repropack.report.markup import Html, join, table, tag
from repropack.report.model import Repetition, Verification

VARIABLES = "variables"
_MOST_NAMES = 8


def section(verification: Verification) -> Html:
    """What the repetitions found; then variables and threads of the runs."""
    items = [pair for each in verification.layers if each.name == VARIABLES for pair in each.items]
    if not items and not verification.repetitions:
        return Html("")
    return join((
        repeated(verification.repetitions),
        table("Variables and threads of the runs", ("what", "value"), items) if items else None,
    ))  # fmt: skip


def repeated(found: tuple[Repetition, ...]) -> Html:
    """A row for each run that was done twice."""
    if not found:
        text = "No run was repeated: `repropack verify --determinism` does one of each twice."
        return tag("p", text, class_="quiet")
    differing = sum(bool(each.differing) for each in found)
    compared = sum(not each.problem for each in found)
    said = (
        f"Of {compared} runs that were repeated with the same seed, {differing} gave other results."
    )
    rows = [(each.run_id, *told(each)) for each in found]
    return join((
        tag("p", said),
        table("Runs that were repeated", ("run", "repeated", "not the same", "the same"), rows),
    ))  # fmt: skip


def told(each: Repetition) -> tuple[str, str, str]:
    """In words, what differs, and what does not."""
    if each.problem:
        return f"not compared: {each.problem}", "–", "–"
    words = "differs" if each.differing else "byte-equal"
    return words, listed(each.differing), listed(each.same)


def listed(names: tuple[str, ...]) -> str:
    """A few names, and how many more there are."""
    left = len(names) - _MOST_NAMES
    more = f" and {left} more" if left > 0 else ""
    return ", ".join(names[:_MOST_NAMES]) + more if names else "–"

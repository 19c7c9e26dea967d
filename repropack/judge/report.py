"""An assessment as text, as Markdown, and as an object for JSON. Returns values, prints nothing.

Owns: columns, wording and widths. Does not own: what anything means (`rule`).
"""

from __future__ import annotations

import textwrap
from decimal import Decimal
from typing import Any, Dict, List, Optional, Sequence, Tuple

from repropack.judge import files, seen
from repropack.judge.assessment import Assessment, Group, Judgement, RunSummary
from repropack.judge.verdict import QUICK_MARK, RECORDED, RECORDED_MARK, Verdict, worded

REPORT_SCHEMA = "repropack.report/1"
_HEADER = ("claim", "reported", "obtained", "n", "tolerance", "verdict")
_COLOURS = {
    Verdict.REPRODUCED: "32",
    Verdict.NOT_REPRODUCED: "31",
    Verdict.INCONCLUSIVE: "33",
    Verdict.NO_EVIDENCE: "35",
}
AUTHOR = "What the author obtained"
_TAIL_LINES = 8
_MOST_NAMES = 4


def text(assessment: Assessment, color: bool = False, width: int = 100) -> str:
    """The report for a terminal of `width` columns, ending with the overall verdict."""
    lines = _table(with_cells(assessment.judgements), color, width)
    for heading, items in sections(assessment):
        lines += ["", heading]
        for item in items:
            lines += _wrapped(item, width)
    return "\n".join([*lines, "", _painted(summary(assessment), assessment.verdict, color)]) + "\n"


def markdown(assessment: Assessment) -> str:
    """The report as Markdown, ending with the overall verdict."""
    lines = ["# %s" % _escaped(files.printable(assessment.name) or "Verification"), ""]
    if assessment.recorded:
        lines += ["**%s.**" % _escaped(RECORDED_MARK.capitalize()), ""]
    if assessment.quick:
        lines += ["**%s.**" % _escaped(QUICK_MARK.capitalize()), ""]
    if assessment.judgements:
        lines += ["| %s |" % " | ".join(_HEADER), "|%s" % ("---|" * len(_HEADER))]
    for judgement, indent in with_cells(assessment.judgements):
        row = claim_row(judgement, "– " if indent else "")
        lines.append("| %s |" % " | ".join(_escaped(cell) for cell in row))
    for heading, items in sections(assessment):
        lines += ["", "## %s" % heading, ""]
        for first, *rest in items:
            lines.append("- %s" % _escaped(first))
            lines += ["  %s" % _escaped(line) + "  " for line in rest]
    return "\n".join([*lines, "", "**%s**" % _escaped(summary(assessment))]) + "\n"


def summary(assessment: Assessment) -> str:
    """The overall verdict in one line: `reproduced: 31 of 31 claims`."""
    found = [judgement.verdict for judgement in assessment.judgements]
    good = found.count(Verdict.REPRODUCED)
    line = "%s: %d of %d claims" % (assessment.words, good, len(found))
    if not found and assessment.quick:
        line = "%s: it supports no claim" % assessment.words
    elif assessment.verdict is not Verdict.REPRODUCED:
        reproduced = " passed" if assessment.quick else " reproduced"
        line += " agree with a file" if assessment.recorded else reproduced
        others = [v for v in Verdict if v is not Verdict.REPRODUCED and v in found]
        marks = assessment.marks
        line += "".join(", %d %s" % (found.count(v), worded(v, marks)) for v in others)
    failed = sum(run.failed for run in assessment.runs)
    if failed:
        line += ", %d of %d runs failed" % (failed, len(assessment.runs))
    return ", ".join([line, *assessment.marks])


def as_dict(assessment: Assessment) -> Dict[str, Any]:
    """The assessment as plain JSON values, with every number that the rule used."""
    return {
        "schema": REPORT_SCHEMA,
        "name": assessment.name,
        "rule_version": assessment.rule_version,
        "verdict": assessment.words,
        "evidence": _evidence(assessment),
        "exit_code": assessment.exit_code,
        "summary": summary(assessment),
        "marks": list(assessment.marks),
        "notes": list(assessment.notes),
        **({"author": list(assessment.author)} if assessment.author else {}),
        "claims": [_judgement_dict(judgement) for judgement in assessment.judgements],
        "runs": [_run_dict(run) for run in assessment.runs],
        "compute": compute(assessment.runs, assessment.grid_factor),
        "data": seen.as_list(assessment.data),
    }


def _evidence(assessment: Assessment) -> str:
    if assessment.quick:
        return "quick runs"
    return "shipped files" if assessment.recorded else "runs"


def compute(runs: Sequence[RunSummary], grid_factor: Optional[float] = None) -> Dict[str, Any]:
    """What all runs took together. Energy is that of the GPUs; None where nobody measured it.

    CO2 follows from it only where somebody said what a kWh costs: no grid is guessed.
    """
    runs = [run for run in runs if run.status != RECORDED]
    joules = [run.gpu_energy_joules for run in runs if run.gpu_energy_joules is not None]
    energy = sum(joules) / 3.6e6 if joules else None
    return {
        "runs": len(runs),
        "hours": sum(run.seconds or 0.0 for run in runs) / 3600,
        "cpu_hours": sum(run.cpu_seconds or 0.0 for run in runs) / 3600,
        "gpu_hours": sum(run.gpus * (run.seconds or 0.0) for run in runs) / 3600,
        "gpu_energy_kwh": energy,
        "grid_gco2e_per_kwh": grid_factor,
        "gpu_gco2e": None if energy is None or grid_factor is None else energy * grid_factor,
    }


def _judgement_dict(judgement: Judgement) -> Dict[str, Any]:
    simple = (
        "kind", "formula", "source", "subject", "reported", "unit", "tolerance", "tolerance_from",
        "rounding", "epsilon", "runs_needed", "better",
    )  # fmt: skip
    found: Dict[str, Any] = {"id": judgement.claim_id, "verdict": judgement.words}
    found.update((name, getattr(judgement, name)) for name in simple)
    found["interval"] = None if judgement.interval is None else list(judgement.interval)
    found["numbers"] = dict(judgement.numbers)
    found["obtained"] = [_group_dict(group) for group in judgement.groups]
    for name in ("reasons", "hints", "notes", "marks"):
        found[name] = list(getattr(judgement, name))
    found["cells"] = [_judgement_dict(cell) for cell in judgement.cells]
    return found


def _group_dict(group: Group) -> Dict[str, Any]:
    return {
        "n": group.n, "mean": group.mean, "sd": group.sd, "min": group.min, "max": group.max,
        "values": list(group.texts), "runs": list(group.run_ids),
    }  # fmt: skip


def _run_dict(run: RunSummary) -> Dict[str, Any]:
    return {
        "id": run.id, "experiment": run.experiment, "status": run.status, "reason": run.reason,
        "exit_code": run.exit_code, "seconds": run.seconds, "cpu_seconds": run.cpu_seconds,
        "gpus": run.gpus, "gpu_energy_joules": run.gpu_energy_joules, "log": run.log,
        "tail": list(run.tail), "notes": list(run.notes),
    }  # fmt: skip


def with_cells(judgements: Sequence[Judgement]) -> List[Tuple[Judgement, str]]:
    """Every judgement, and below a table those of its cells, with what to indent them by."""
    return [
        (one, indent)
        for judgement in judgements
        for one, indent in [(judgement, "")] + [(cell, "  ") for cell in judgement.cells]
    ]


def claim_row(judgement: Judgement, indent: str = "") -> Tuple[str, ...]:
    """Claim, reported, obtained, n, tolerance and verdict, as every report shows them."""
    if judgement.cells:
        good = [cell.verdict for cell in judgement.cells].count(Verdict.REPRODUCED)
        n, obtained = "-", "%d of %d" % (good, len(judgement.cells))
    else:
        groups = judgement.groups[:2]  # of a rank: the first, and the best of the others
        n = "/".join(str(group.n) for group in groups) or "0"
        obtained = " vs ".join(_obtained(group, judgement) for group in groups) or "-"
    verdict = judgement.words + (", better" if judgement.better else "")
    if "from a dirty tree" in judgement.marks:
        verdict += ", dirty"
    cells = (judgement.reported + judgement.unit, obtained, n, _tolerance(judgement), verdict)
    name = indent + files.printable(judgement.claim_id)
    return (name, *(files.printable(cell) for cell in cells))


def author_lines(author: Assessment) -> Tuple[str, ...]:
    """What somebody else obtained for each claim, in a line."""
    rows = [claim_row(judgement) for judgement in author.judgements]
    return tuple("%s: %s (n = %s), %s" % (r[0], r[2], r[3], r[5]) for r in rows)


def _tolerance(judgement: Judgement) -> str:
    if not judgement.tolerance:
        return "-"
    return "%s + %s" % (judgement.tolerance, judgement.rounding)


def _obtained(group: Group, judgement: Judgement) -> str:
    """Two digits more than the paper prints: enough to see on which side of a margin it lies."""
    if judgement.kind == "value":
        places = 2 - int(Decimal(judgement.reported).as_tuple().exponent)
    else:
        places = 4
    shown = [_number(x, places) for x in (group.mean, group.sd or 0.0, group.min, group.max)]
    return shown[0] if group.n == 1 else "%s ± %s (%s, %s)" % tuple(shown)


def _number(value: float, places: int) -> str:
    if places > 12 or abs(value) >= 1e12:
        return "%.6g" % value
    return "%.*f" % (max(0, places), value)


def _table(shown: List[Tuple[Judgement, str]], color: bool, width: int) -> List[str]:
    """Columns as wide as they need; the first one gives way when the terminal is too narrow."""
    if not shown:
        return []
    rows = [claim_row(judgement, indent) for judgement, indent in shown]
    widths = [max(len(row[i]) for row in [_HEADER, *rows]) for i in range(len(_HEADER))]
    surplus = sum(widths) + 2 * (len(widths) - 1) - width
    for column, least in ((0, 16), (2, 24)):
        cut = max(0, min(surplus, widths[column] - least))
        widths[column] -= cut
        surplus -= cut
    lines = [_line(_HEADER, widths), "  ".join("-" * size for size in widths)]
    for row, (judgement, _) in zip(rows, shown):
        line = _line(row[:-1], widths)
        lines.append("%s  %s" % (line, _painted(row[-1], judgement.verdict, color)))
    return lines


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = []
    for cell, size in zip(cells, widths):
        padded.append((cell if len(cell) <= size else cell[: size - 1] + "…").ljust(size))
    return "  ".join(padded) if len(cells) < len(widths) else "  ".join(padded).rstrip()


def _painted(line: str, verdict: Verdict, color: bool) -> str:
    return "\x1b[%sm%s\x1b[0m" % (_COLOURS[verdict], line) if color else line


def _wrapped(item: Sequence[str], width: int) -> List[str]:
    """The item's first line as a paragraph; the others (a log's last lines) cut, not folded."""
    first = textwrap.wrap(
        item[0],
        width - 2,
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,  # a path that is cut in two cannot be copied
    )
    return first + [("      | " + line)[:width] for line in item[1:]]


def sections(assessment: Assessment) -> List[Tuple[str, List[List[str]]]]:
    """Headings, each with its items; an item is a line and the lines below it."""
    claims = [[files.printable(line, 1000)] for line in _claim_lines(assessment.judgements)]
    runs = [_run_lines(run) for run in assessment.runs if run.failed or run.notes]
    notes = [[files.printable(line, 1000)] for line in assessment.notes + assessment.marks]
    author = [[files.printable(line, 1000)] for line in assessment.author]
    data = seen.items(assessment.data)
    found = [("Claims", claims), (AUTHOR, author), ("Runs", runs), ("Data", data), ("Notes", notes)]
    return [(heading, items) for heading, items in found if items]


def _claim_lines(judgements: Sequence[Judgement]) -> List[str]:
    """The remarks with the claims that they are about; one that many share is said once."""
    about: Dict[str, List[str]] = {}
    for judgement in judgements:
        for remark in dict.fromkeys(_remarks(judgement)):
            about.setdefault(remark, []).append(judgement.claim_id)
    return ["%s: %s" % (_listed(ids, len(judgements)), remark) for remark, ids in about.items()]


def _listed(ids: Sequence[str], total: int) -> str:
    if len(ids) == total and total > 1:
        return "all claims"
    if len(ids) <= _MOST_NAMES:
        return ", ".join(ids)
    return "%s and %d more" % (", ".join(ids[: _MOST_NAMES - 1]), len(ids) - _MOST_NAMES + 1)


def _remarks(judgement: Judgement) -> List[str]:
    found = list(judgement.reasons)
    found += ["hint: %s" % hint for hint in judgement.hints]
    return found + ["note: %s" % note for note in judgement.notes]


def _run_lines(run: RunSummary) -> List[str]:
    if not run.failed:
        return [files.printable("%s: %s" % (run.id, "; ".join(run.notes)), 1000)]
    where = " (log: %s)" % run.log if run.log else " (no log came back)"
    first = "%s: %s%s" % (run.id, run.reason or run.status, where)
    return [files.printable(first, 1000), *run.tail[-_TAIL_LINES:]]


def _escaped(cell: str) -> str:
    """Text that Markdown shows as it is, also in a table."""
    return "".join("\\" + char if char in "\\`*_{}[]<>|#~$" else char for char in cell)

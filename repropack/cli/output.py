"""Results on stdout, as text or JSON; each function gives the command's exit code."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from repropack.cli.progress import printable
from repropack.cli.stdout import write as show
from repropack.findings import Finding, Severity

if TYPE_CHECKING:
    from repropack.archives import Archive
    from repropack.doctor import Check
    from repropack.plan import Plan
    from repropack.project import Initialised, Looked
    from repropack.report import Comparison, Verification
    from repropack.settings import Built, Verified

#: What Zenodo takes in one record, and 50 GB in all (its help, "What are the size limitations?").
MOST_FILES = 100
MARKS = {Severity.INFO: " ", Severity.WARNING: "!", Severity.PROBLEM: "x"}


def show_json(value: Any) -> None:
    """The result for another program."""
    show(json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False))


def show_lines(*lines: str) -> None:
    """The result for a person, in one piece."""
    show(printable("\n".join(lines)))


def init(written: Initialised, *, as_json: bool) -> int:
    """The file that `init` wrote."""
    if as_json:
        show_json({"path": str(written.path), "experiments": list(written.experiments)})
        return 0
    show_lines(*next_steps(written))
    return 0


def next_steps(written: Initialised) -> list[str]:
    """What was written, and what is left to do."""
    found = ", ".join(written.experiments) or "none"
    return [
        f"wrote {written.path}",
        f"experiments found: {found}",
        "next: fill in what is missing and the claims, commit the file, then `repropack verify`",
    ]


def inspection(looked: Looked, *, as_json: bool) -> int:
    """What the project is."""
    found = looked.inspection
    from repropack.origin import describe_origin

    origin = describe_origin(looked.source)
    if as_json:
        show_json(
            {
                "name": found.name,
                "source": origin.to_json(),
                "python": choice_json(found.python),
                "environment": {
                    "path": found.environment.path,
                    "format": found.environment.format.value,
                    "because": found.environment.because,
                },
                "gpu": choice_json(found.gpu),
                "experiments": [experiment.name for experiment in looked.config.experiments],
                "claims": len(looked.config.claims),
                "findings": [finding.to_json() for finding in found.findings],
            }
        )
        return 0
    rows = [("project", found.name), ("source", f"{origin.kind.value} {origin.id12}")]
    if found.python:
        rows.append(("python", f"{found.python.value} ({found.python.because})"))
    rows.append(("environment", found.environment.because))
    rows.append(("gpu", f"{found.gpu.value} ({found.gpu.because})"))
    rows.append(
        ("experiments", ", ".join(e.name for e in looked.config.experiments) or "none declared")
    )
    rows.append(("claims", str(len(looked.config.claims))))
    show_lines(columns(rows), "", finding_lines(found.findings))
    return 0


def choice_json(choice: Any) -> dict[str, str] | None:
    """A choice, or nothing."""
    return {"value": choice.value, "because": choice.because} if choice else None


def finding_lines(findings: tuple[Finding, ...]) -> str:
    """A line for each finding; `!` marks a warning and `x` what stands in the way."""
    lines = [
        f"{MARKS[f.severity]} {f.kind}: {f.value}{f' ({f.where})' if f.where else ''} · {f.because}"
        for f in findings
    ]
    stops = sum(finding.severity is Severity.PROBLEM for finding in findings)
    count = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    lines.append(f"{count}, {stops} in the way")
    return "\n".join(lines)


def columns(rows: list[tuple[str, str]]) -> str:
    """Two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def plan(decided: Plan, *, as_json: bool) -> int:
    """Every decision with its reason."""
    decisions = [
        {"what": what, "value": choice.value, "because": choice.because}
        for what, choice in decided.decisions
    ]
    if as_json:
        show_json(
            {
                "name": decided.name,
                "source": decided.origin.to_json(),
                "tag": decided.tag,
                "decisions": decisions,
                "requirements": [
                    {"name": r.name, "version": r.version, "where": str(r.where)}
                    for r in decided.lock.requirements
                ],
                "conda": [
                    {"name": p.name, "version": p.version, "build": p.build, "channel": p.channel}
                    for p in (decided.lock.conda.packages if decided.lock.conda else ())
                ],
                "runs": [{"id": run.id, "command": run.command} for run in decided.runs],
                "findings": [finding.to_json() for finding in decided.findings],
            }
        )
        return 0
    from repropack.locking import BUILT

    told = tuple(f for f in decided.findings if f.severity is not Severity.INFO)
    origin = decided.origin
    show_lines(
        f"{decided.name} at {origin.kind.value} {origin.id12} -> {decided.tag}\n",
        *(f"{d['what']}: {d['value'] or 'none'}\n    because {d['because']}" for d in decisions),
        f"\n{locked(decided)}",
        *(f.because for f in decided.findings if f.kind == BUILT),
        *(f"run {run.id}: {run.command}" for run in decided.runs),
        *(["\n" + finding_lines(told)] if told else []),
    )
    return 0


def locked(decided: Plan) -> str:
    """How many packages, and how many of them are conda's."""
    own = len(decided.lock.conda.packages) if decided.lock.conda else 0
    total = own + len(decided.lock.requirements)
    packages = "locked package" if total == 1 else "locked packages"
    return f"{total} ({own} of conda) {packages}" if own else f"{total} {packages}"


def built(result: Built, *, as_json: bool) -> int:
    """The bundle and the image."""
    image, archive = result.image, result.archive
    facts = {
        "bundle": str(result.bundle.directory),
        "digest": result.bundle.digest,
        "image": {"tag": image.tag, "id": image.id, "size_bytes": image.size_bytes},
        "engine": {"name": result.facts.name, "version": result.facts.version},
        "lock": str(result.lock) if result.lock else None,
        "archive": archive_json(archive) if archive else None,
        "reproducible": result.sameness.to_json() if result.sameness else None,
    }
    if as_json:
        show_json(facts)
        return 0
    rows = [
        ("bundle", str(result.bundle.directory)),
        ("image", f"{image.tag} ({image.size_bytes / 1e6:.0f} MB)"),
        ("id", image.id),
        ("reviewers run", f"{result.bundle.directory}/reproduce.sh"),
    ]
    rows += archive_rows(result)
    if result.lock:
        from repropack.bundle import committed_name

        name = committed_name(result.lock)
        rows.append(("lock", f"{result.lock}: commit it as {name} to keep these versions"))
    found = result.sameness
    if found is not None and found.level is not None:
        rows.append(("reproducible", found.level.value))
    show_lines(columns(rows), *(f"  {line}" for line in (found.lines if found else ())))
    return 0


def archive_json(archive: Archive) -> dict[str, Any]:
    """The file, or its parts and the list of them."""
    parts = [str(path) for path in archive.parts] if archive.is_split else []
    listed = str(archive.list) if archive.is_split else None
    return {
        "path": str(archive.path),
        "size_bytes": archive.size_bytes,
        "parts": parts,
        "list": listed,
    }


def archive_rows(result: Built) -> list[tuple[str, str]]:
    """The file that was written, or why one may be needed."""
    archive = result.archive
    if archive is None:
        from repropack.bundle.checksums import walk

        count = sum(1 for _ in walk(result.bundle.directory))
        text = f"{count}: Zenodo takes {MOST_FILES} a record; --archive FILE.tar.zst makes it one"
        return [("files", text)] if count > MOST_FILES else []
    size = f"{archive.size_bytes / 1e6:.0f} MB"
    if not archive.is_split:
        return [("archive", f"{archive.path} ({size})")]
    names = f"{archive.parts[0]} to {archive.parts[-1].name}"
    return [("archive", f"{names} ({size}); {archive.list} says how to join them")]


def verified(result: Verified, *, as_json: bool) -> int:
    """The table of claims and the verdict."""
    from repropack.judge import report
    from repropack.runs import as_dict

    if as_json:
        show_json(as_dict(result))
    else:
        show(report.text(result.assessment, color=use_color()).rstrip())
    return result.assessment.exit_code


def report(found: Verification, *, as_json: bool) -> int:
    """A verification that was rendered again."""
    from repropack.judge import report

    if as_json:
        show_json(report.as_dict(found.assessment) | {"directory": found.directory})
    else:
        show(report.text(found.assessment, color=use_color()).rstrip())
    return found.assessment.exit_code


def comparison(found: Comparison, *, as_json: bool) -> int:
    """Two verifications side by side. Exit code 1 when a verdict differs."""
    from repropack.report import sidebyside as sides

    if as_json:
        show_json(sides.as_dict(found))
    else:
        show(sides.text(found).rstrip())
    return 1 if found.differing else 0


def use_color() -> bool:
    """Colour on a terminal that has any, unless NO_COLOR says otherwise."""
    capable = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return capable and not os.environ.get("NO_COLOR")


def doctor(checks: tuple[Check, ...], *, as_json: bool) -> int:
    """What this machine can do. Exit code 4 when no engine answers."""
    if as_json:
        show_json([check.as_dict() for check in checks])
    else:
        show_lines(*(line for check in checks for line in check_lines(check)))
    return 0 if all(check.ok for check in checks if check.needed) else 4


def check_lines(check: Check) -> list[str]:
    """A check, and what to do about it."""
    lines = [f"{check.mark} {check.name}: {check.value}"]
    return [*lines, f"    hint: {check.hint}"] if check.hint else lines

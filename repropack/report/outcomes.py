"""Runs: those that failed with the end of their log, all of them in a table, and how to repeat one.

Owns: these sections. Does not own: guessing causes (`causes`).
"""

from __future__ import annotations

import shlex

from repropack.judge.verdict import RECORDED
from repropack.report.causes import cause
from repropack.report.markup import Html, folded, join, table, tag
from repropack.report.model import Run, Verification
from repropack.report.scale import decimals, fixed, size, span
from repropack.report.sheets import Sheets

_TAIL_LINES = 24
_MOST_FAILED = 40
_MOST_COMMANDS = 400
_RUNNER = ("/opt/env/bin/python", "/repropack/judge.pyz", "run")


def failures(runs: tuple[Run, ...]) -> Html:
    """Each failed run: why, probably, and its last lines."""
    failed = [run for run in runs if run.failed]
    blocks = [failure(run) for run in failed[:_MOST_FAILED]]
    if len(failed) > _MOST_FAILED:
        left = f"{len(failed) - _MOST_FAILED} more failed: see the table of runs."
        blocks.append(tag("p", left, class_="quiet"))
    return join(blocks)


def failure(run: Run) -> Html:
    """One failed run."""
    found = cause(run)
    told = tag("p", f"{run.id} {run.reason or run.status}.")
    guess = None
    if found:
        what, advice = found
        guess = tag("p", tag("span", "Probable cause: ", class_="cause"), f"{what}. ",
                    f"{advice[:1].upper()}{advice[1:]}.")  # fmt: skip
    log = code("\n".join(run.tail[-_TAIL_LINES:])) if run.tail else None
    where = tag("p", tag("a", "The whole log", href=run.log), class_="data") if run.log else None
    return join((tag("h3", run.id), told, guess, log, where))


def all_runs(runs: tuple[Run, ...], sheets: Sheets) -> Html:
    """Every run: how it ended, what it took, what it gave."""
    if not runs:
        return Html("")
    names = list(dict.fromkeys(name for run in runs for name, _ in run.metrics))[:6]
    head = ("run", "seed", "ended", "time", "CPU time", "memory", *names)
    places = [decimals(v for run in runs for n, v in run.metrics if n == name) for name in names]
    rows = [run_row(run, list(zip(names, places, strict=True))) for run in runs]
    values = [
        (run.id, run.experiment, run.cell, run.seed, run.status, run.exit_code, run.seconds,
         run.cpu_seconds, run.peak_bytes, run.command, *(dict(run.metrics).get(n) for n in names))
        for run in runs
    ]  # fmt: skip
    columns = (
        "run", "experiment", "cell", "seed", "status", "exit code", "seconds", "CPU seconds",
        "peak bytes", "command", *names,
    )  # fmt: skip
    shown = table("Every run", head, rows, numeric=(1, *range(3, len(head))))
    notes = [tag("li", f"{run.id}: {'; '.join(run.notes)}") for run in runs if run.notes]
    return join((
        folded(f"{len(runs)} runs", shown) if len(runs) > 12 else shown,
        tag("ul", *notes) if notes else None,
        tag("p", sheets.link("runs", columns, values), class_="data"),
    ))  # fmt: skip


def run_row(run: Run, names: list[tuple[str, int]]) -> tuple[str, ...]:
    """One run."""
    found = dict(run.metrics)
    return (
        run.id,
        "–" if run.seed is None else str(run.seed),
        run.status,
        span(run.seconds),
        span(run.cpu_seconds),
        size(run.peak_bytes),
        *(fixed(found[name], places) if name in found else "–" for name, places in names),
    )


def repeating(verification: Verification) -> Html:
    """What to type to do one run again."""
    runs = [run for run in verification.runs if run.command and run.status != RECORDED]
    if not runs:
        return Html("")
    first = next((run for run in runs if run.failed), runs[0])
    bundle = verification.bundle or "BUNDLE"
    steps = [
        tag("p", "The cell of a run again, judged like here:"),
        code(f"repropack verify {shlex.quote(bundle)} --only {shlex.quote(cell_of(first))}"),
    ]
    if verification.image and not verification.engine.startswith("venv"):
        steps += [
            tag("p", "Exactly one run in its image, with its own record:"),
            code(in_container(verification.image, first)),
            tag("p", "Its command alone, to look around:"),
            code(by_hand(verification.image, first)),
        ]
    rows = [(run.id, tag("code", run.command)) for run in runs[:_MOST_COMMANDS]]
    commands = table("The command of each run", ("run", "command"), rows)
    return join((*steps, folded("The command of each run", commands)))


def code(text: str) -> Html:
    """Something to type."""
    return tag("pre", tag("code", text), tabindex="0")


def cell_of(run: Run) -> str:
    """The run's cell as `--only` takes it."""
    inside = ",".join(f"{name}={value}" for name, value in run.params)
    return f"{run.experiment}{{{inside}}}" if inside else run.experiment


def in_container(image: str, run: Run) -> str:
    """The judge doing one run."""
    start = ["docker", "run", "--rm", "--init", *gpus(run), "--network", "none", image]
    return shlex.join([*start, *_RUNNER, run.id, "--out", "/tmp/out"])


def by_hand(image: str, run: Run) -> str:
    """A shell that does what the run does."""
    start = ["docker", "run", "--rm", "-it", "--init", *gpus(run), "--network", "none", image]
    return shlex.join([*start, "sh", "-c", run.command])


def gpus(run: Run) -> tuple[str, ...]:
    """The GPUs, for a run that had one."""
    return () if run.gpu in ("", "none") else ("--gpus", "all")

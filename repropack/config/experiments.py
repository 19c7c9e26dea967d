"""`experiments:`: commands with their seeds, parameters, surroundings and metrics."""

from __future__ import annotations

import difflib
import math
import re
from typing import Final

from repropack.config import fields
from repropack.config.cursor import Cursor
from repropack.config.metrics import read_metric
from repropack.config.names import shown
from repropack.findings import Finding, Severity, Where
from repropack.judge.model import Experiment, Metric

GPU_CHOICES: Final = ("none", "optional", "required")
MAX_RUNS: Final = 10_000
MAX_VALUE_CHARS: Final = 200
_KEYS: Final = (
    "run",
    "seeds",
    "matrix",
    "gpu",
    "network",
    "deterministic",
    "timeout",
    "env",
    "outputs",
    "metrics",
    "human_minutes",
    "quick",
)
_PLACEHOLDER = re.compile(r"(\$?)\{([A-Za-z0-9][A-Za-z0-9._+-]*)\}")
Matrix = tuple[tuple[str, tuple[str, ...]], ...]


def read_experiments(cursor: Cursor) -> tuple[Experiment, ...]:
    """Return the experiments in the order of the file, also those with problems."""
    return tuple(
        read_experiment(name, below)
        for name, below in cursor.entries()
        if fields.check_name(name, below) and _check_no_dot(name, below)
    )


def _check_no_dot(name: str, cursor: Cursor) -> bool:
    """A claim says `experiment.metric`, so the first dot must end the experiment's name."""
    if "." in name:
        cursor.problem(
            f"an experiment's name may not hold '.'; {name.replace('.', '-')!r} would do"
        )
    return "." not in name


def read_experiment(name: str, cursor: Cursor) -> Experiment:
    """Return one experiment; what is wrong with it is noted and left at its default."""
    given = cursor.fields(_KEYS)
    run = cursor.require(given, "run") if cursor.is_mapping() else None
    seeds = fields.list_of(given, "seeds", fields.seed)
    matrix = read_matrix(given["matrix"]) if "matrix" in given else ()
    command = (run.text(multiline=True) or "") if run is not None else ""
    if run is not None and command:
        check_placeholders(run, command, seeds="seeds" in given, matrix=matrix)
    _check_number_of_runs(cursor, len(seeds), matrix)
    metrics = _metrics(given)
    _check_files(given.get("metrics", cursor), metrics, seeds="seeds" in given, matrix=matrix)
    return Experiment(
        name=name,
        run=command,
        metrics=metrics,
        seeds=seeds,
        matrix=matrix,
        gpu=fields.value_of(given, "gpu", lambda c: fields.choice(c, GPU_CHOICES)) or "none",
        network=fields.value_of(given, "network", fields.boolean) or False,
        timeout_s=fields.value_of(given, "timeout", fields.duration),
        env=read_env(given),
        outputs=fields.list_of(given, "outputs", fields.relative_path),
        deterministic=fields.value_of(given, "deterministic", fields.boolean) or False,
        human_minutes=fields.value_of(given, "human_minutes", fields.non_negative),
    )


def states_gpu(cursor: Cursor) -> frozenset[str]:
    """Return the names of the experiments that say something about the GPU."""
    named = [(name, below) for name, below in cursor.entries() if below.is_mapping()]
    return frozenset(
        name
        for name, below in named
        if any(key == "gpu" and not value.is_null() for key, value in below.entries())
    )


def _metrics(given: dict[str, Cursor]) -> tuple[Metric, ...]:
    entries = given["metrics"].entries() if "metrics" in given else []
    return tuple(
        read_metric(name, below) for name, below in entries if fields.check_name(name, below)
    )


def read_env(given: dict[str, Cursor]) -> tuple[tuple[str, str], ...]:
    """Return the variables that are given, by name."""
    entries = given["env"].entries() if "env" in given else []
    named = [(key, value) for key, value in entries if fields.env_name(key, value)]
    return tuple(sorted((key, fields.env_value(value) or "") for key, value in named))


def read_matrix(cursor: Cursor) -> Matrix:
    """Return the parameters with their values, in the order of the file."""
    axes: list[tuple[str, tuple[str, ...]]] = []
    for name, below in cursor.entries():
        if name == "seed":
            below.problem("'seed' is not a parameter; use seeds: [0, 1, 2]")
        elif fields.check_name(name, below):
            values = fields.list_of({name: below}, name, _parameter_value)
            if not values and below.is_list() and not below.items():
                below.problem("needs at least one value")
            axes.append((name, values))
    return tuple(axes)


def _parameter_value(cursor: Cursor) -> str | None:
    if cursor.is_list():
        cursor.problem("is a list in a list: a parameter has one, such as [0.1, 0.2]")
        return None
    value = cursor.text()
    if value is None:
        return None
    if len(value) > MAX_VALUE_CHARS or set(value) & set("{},") or value != value.strip():
        cursor.problem(
            f"a parameter's value may not hold {{ }} or a comma, start or end with a space, nor "
            f"be longer than {MAX_VALUE_CHARS} characters: {shown(value)}"
        )
        return None
    return value


def _check_number_of_runs(cursor: Cursor, seeds: int, matrix: Matrix) -> None:
    runs = max(1, seeds) * math.prod(len(values) for _, values in matrix)
    if runs > MAX_RUNS:
        cursor.problem(f"asks for {runs} runs, more than {MAX_RUNS}")


def check_placeholders(run: Cursor, command: str, *, seeds: bool, matrix: Matrix) -> None:
    """Unknown braces are left alone (they may be the shell's), unless they look misspelt."""
    known = {name for name, _ in matrix} | ({"seed"} if seeds else set())
    used = {found.group(2) for found in _PLACEHOLDER.finditer(command)}
    shell_style = {m.group(2) for m in _PLACEHOLDER.finditer(command) if m.group(1)} & known
    for word in sorted(shell_style):
        run.problem(f"write {{{word}}} without the '$'")
    if "seed" in used and not seeds:
        run.problem("{seed} is used, but there are no seeds; add seeds: [0, 1, 2]")
    for word in sorted(used - known - {"seed"}):
        near = difflib.get_close_matches(word, known, n=1, cutoff=0.8)
        if near:
            run.problem(f"unknown placeholder {{{word}}}; did you mean {{{near[0]}}}?")
    for name in sorted({name for name, _ in matrix} - used):
        run.problem(f"{{{name}}} of the matrix is not used: all its values would run the same")


def _check_files(
    cursor: Cursor, metrics: tuple[Metric, ...], *, seeds: bool, matrix: Matrix
) -> None:
    """Placeholders in the names of files must be those of the runs, as in the command."""
    known = {name for name, _ in matrix} | ({"seed"} if seeds else set())
    for metric in metrics:
        used = {found.group(2) for found in _PLACEHOLDER.finditer(metric.path)}
        for word in sorted(used - known):
            near = difflib.get_close_matches(word, known, n=1, cutoff=0.8)
            if near or word == "seed":
                more = f"did you mean {{{near[0]}}}?" if near else "add seeds: [0, 1, 2]"
                cursor.problem(
                    f"{metric.name}: {{{word}}} of {shown(metric.path)} is unknown; {more}"
                )


def seed_findings(cursor: Cursor, experiments: tuple[Experiment, ...], file: str) -> list[Finding]:
    """Return a warning for each experiment whose command does not use its seeds."""
    lines = {name: below.line for name, below in cursor.entries()}
    return [
        Finding(
            kind="config.seeds",
            value=experiment.name,
            because="seeds are given, but the command does not hold {seed}: "
            "each run is the same command",
            where=Where(path=file, line=lines.get(experiment.name)),
            severity=Severity.WARNING,
        )
        for experiment in experiments
        if experiment.seeds and "{seed}" not in experiment.run
    ]

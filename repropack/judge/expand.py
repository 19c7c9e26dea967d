"""Experiment -> runs: the matrix times the seeds, with every placeholder filled in.

Owns: the order, the ids, the command lines and the files of runs.
Does not own: running them (`runner`), which claims need them (`check`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shlex
from dataclasses import replace
from typing import Dict, Iterable, List, Match, Optional, Tuple

from repropack.judge.model import Experiment, Metric, Params, RunSpec

_PLACEHOLDER = re.compile(r"\{([^{}\s]+)\}")
_UNSAFE_IN_ID = re.compile(r"[^A-Za-z0-9._,+-]")
_LONGEST_ID = 120  # bytes; file systems allow 255 and a container's name wants some of it
_QUICK = "+quick"  # no other id ends so: behind a `+` there are eight hexadecimal digits


def expand(experiment: Experiment) -> Tuple[RunSpec, ...]:
    """Every run of the experiment: matrix cells in the config's order, each with every seed.

    Ids are unique among all experiments whose names differ; equal cells or seeds count once.
    """
    seeds: Iterable[Optional[int]] = dict.fromkeys(experiment.seeds) or (None,)
    cells = dict.fromkeys(_cells(experiment))
    repeats = range(1, experiment.repeats + 1)
    return tuple(
        _spec(experiment, cell, seed, repeat)
        for cell, seed, repeat in itertools.product(cells, tuple(seeds), repeats)
    )


def with_runs(experiment: Experiment, runs: int) -> Experiment:
    """The experiment with that many runs of each cell of its matrix.

    The declared seeds come first, then those after the largest. A command that takes no seed is
    repeated as it is.
    """
    if not takes_seed(experiment):
        return replace(experiment, seeds=(), repeats=runs)
    declared = tuple(dict.fromkeys(experiment.seeds))
    first = max(declared, default=-1) + 1
    return replace(experiment, seeds=(*declared, *range(first, first + runs))[:runs])


def takes_seed(experiment: Experiment) -> bool:
    """Whether the command has a place for the seed."""
    return "{seed}" in experiment.run


def expand_all(experiments: Iterable[Experiment]) -> Tuple[RunSpec, ...]:
    """The runs of all experiments, in order."""
    return tuple(spec for experiment in experiments for spec in expand(experiment))


def for_run(experiment: Experiment, spec: RunSpec) -> Experiment:
    """The experiment as this run has it: `{seed}` and `{NAME}` filled in in what its files are.

    They may stand in the path and the conditions of a metric, and in outputs.
    """
    return replace(
        experiment,
        metrics=tuple(of_run(metric, spec) for metric in experiment.metrics),
        outputs=tuple(_literal(path, spec) for path in experiment.outputs),
    )


def of_run(metric: Metric, spec: RunSpec) -> Metric:
    """The metric as this run has it."""
    where = tuple((name, _literal(text, spec)) for name, text in metric.where)
    return replace(metric, path=_literal(metric.path, spec), where=where)


def _literal(text: str, spec: RunSpec) -> str:
    values = dict(spec.params)
    if spec.seed is not None:
        values["seed"] = str(spec.seed)
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1), match.group(0)), text)


def _cells(experiment: Experiment) -> List[Params]:
    names = [name for name, _ in experiment.matrix]
    values = [values for _, values in experiment.matrix]
    return [tuple(zip(names, combination)) for combination in itertools.product(*values)]


def _spec(experiment: Experiment, cell: Params, seed: Optional[int], repeat: int) -> RunSpec:
    values = dict(cell)
    if seed is not None:
        values["seed"] = str(seed)
    command = _fill(experiment.run, values)
    run_id = _run_id(experiment.name, cell, seed)
    if repeat > 1:
        run_id += "-run%d" % repeat
    if experiment.is_quick:
        run_id += _QUICK
    return RunSpec(run_id, experiment.name, seed, tuple(sorted(cell)), command)


def _run_id(name: str, cell: Params, seed: Optional[int]) -> str:
    """`svm-attention=eca-seed0`; with a hash where that spelling could mean something else too."""
    parts = [name] + ["%s=%s" % pair for pair in cell]
    if seed is not None:
        parts.append("seed%d" % seed)
    plain = "-".join(parts)
    if _is_unambiguous(name, cell) and len(plain) <= _LONGEST_ID:
        return plain
    exact = json.dumps([name, list(cell), seed]).encode("ascii")
    cleaned = re.sub(r"[^A-Za-z0-9._=,+-]", "_", plain)[: _LONGEST_ID - 10].lstrip("-.")
    return "%s+%s" % (cleaned or "run", hashlib.sha256(exact).hexdigest()[:8])


def _is_unambiguous(name: str, cell: Params) -> bool:
    """Whether name, keys and values can be read back from the id, so that no other run shares it.

    That holds when none of them holds `=` (or anything that an id must not hold), no key holds
    `-`, and the name does not itself look like an id: `svm-seed0`, `svm+1a2b3c4d`.
    """
    texts = [name] + [text for pair in cell for text in pair]
    if any(not text or _UNSAFE_IN_ID.search(text) for text in texts):
        return False
    if any("-" in key for key, _ in cell) or any("+" in text for text in texts):
        return False
    return name[0] not in "-." and re.search(r"-(seed-?|run)\d+$", name) is None


def _fill(template: str, values: Dict[str, str]) -> str:
    """The command with `{NAME}` replaced for the names in `values`; all other braces stay."""

    def replacement(match: Match[str]) -> str:
        value = values.get(match.group(1))
        if value is None:
            return match.group(0)
        return _quoted(value, _quoting_before(template[: match.start()]))

    return _PLACEHOLDER.sub(replacement, template)


def _quoted(value: str, quoting: str) -> str:
    """`value` as one literal piece of a shell word inside the given kind of quotes."""
    if shlex.quote(value) == value:
        return value
    if quoting == "'":
        return value.replace("'", "'\\''")
    if quoting == '"':
        return re.sub(r'([\\"$`])', r"\\\1", value)
    return shlex.quote(value)


def _quoting_before(text: str) -> str:
    """The quotes that are open at the end of `text`, a shell command: `'`, `"` or none (empty).

    Knows `$(…)`, which starts afresh inside double quotes. Does not know here-documents.
    """
    stack = [""]
    i = 0
    while i < len(text):
        top, char = stack[-1], text[i]
        if top == "'":
            if char == "'":
                stack.pop()
        elif char == "\\":
            i += 1
        elif text.startswith("$(", i):
            stack.append("$")
            i += 1
        elif char == '"':
            stack.pop() if top == '"' else stack.append('"')
        elif char == "'" and top != '"':
            stack.append("'")
        elif char == ")" and top == "$":
            stack.pop()
        i += 1
    return stack[-1].replace("$", "")

"""The text of a new repropack.yaml: what inspection could infer, for the author to complete.

Owns: which scripts become experiments, and the comments that say what to check. Does not own:
writing the file (`project`). What is returned is always accepted by `parse_config`.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

from repropack.config import CONFIG_NAME, parse_config, suggest_name
from repropack.config.rendering import metric_text, quoted, scalar
from repropack.dataset_proposal import Local, propose_datasets
from repropack.detectors import Readable
from repropack.detectors.data import DOWNLOAD
from repropack.detectors.purposes import EXPERIMENT, PREPARATION
from repropack.detectors.scripts import Script
from repropack.errors import ConfigError
from repropack.inspection import Inspection
from repropack.judge.metricfiles import TRACKERS
from repropack.judge.model import Metric

MAX_README_SCRIPTS: Final = 5
MAX_SCRIPTS: Final = 3
MAX_METRICS: Final = 20
_PLAIN_COMMAND = re.compile(r"[A-Za-z_](?:(?!: | #)[\w ./=,:@%+'\"*?~^()$&;-])*(?<![: ])")
_NOTEBOOK = re.compile(r"(?:(?:notebooks?|examples?|experiments?)/)?[^/]+\.ipynb")
_HEADER: Final = """\
# What `repropack verify` runs and compares. `repropack init` wrote this from what it could read:
# check every line, and fill in the claims.
"""
_NO_EXPERIMENTS: Final = """\
experiments:                     # no script was found: say what to run
#  main:
#    run: python main.py
#    metrics:                    # name: where the number stands in what a run writes
#      accuracy: {json: results.json, key: accuracy}
"""
_NO_METRICS: Final = """\
#    metrics:                    # where the numbers stand in what a run writes, one of
#      accuracy: {json: results.json, key: test.accuracy}
#      accuracy: {csv: table.csv, column: accuracy}
#      accuracy: {stdout: 'accuracy: ([-+.\\deE]+)'}
"""
_PATTERN: Final = r"accuracy: ([-+.\deE]+)"
_CLAIM: Final = """\
claims:                          # what the paper reports: fill in, and remove the '#'
#  - id: table-1-@METRIC@
#    metric: @EXPERIMENT@.@METRIC@
#    value: "97.0"               # as printed in the paper: its digits set the rounding
#    scale: percent              # only if the metric is a fraction and the paper says per cent
#    tolerance: 0.5              # in the unit of the value; or 1%
#    source: "Table 1, row 3"
"""


def propose(inspection: Inspection, source: Readable, local: Local = Local()) -> str:  # noqa: B008
    """Return a repropack.yaml with the data, experiments and metrics that could be inferred.

    `source` tells which of the scripts' outputs are files of the repository already, and `local`
    which data lies beside it.
    """
    chosen = _chosen(inspection.scripts)
    tracked = frozenset(entry.path for entry in source.files())
    data = propose_datasets(inspection.findings, tracked, local)
    text = _text(inspection, source, chosen, data)
    try:
        parse_config(text, name=CONFIG_NAME)
    except ConfigError:  # e.g. a script named `{seed}.py`: say nothing rather than something wrong
        return _text(inspection, source, (), "")
    return text


def _text(inspection: Inspection, source: Readable, scripts: tuple[Script, ...], data: str) -> str:
    names = _names(scripts)
    parts = [f"{_HEADER}name: {inspection.name}\n" + (f"\n{data}" if data else "")]
    if scripts:
        several = "    # each starts from a fresh copy of the source" if len(scripts) > 1 else ""
        experiments = [
            _experiment(name, script, inspection, source)
            for name, script in zip(names, scripts, strict=True)
        ]
        parts.append(f"experiments:{several}\n" + "".join(experiments))
    else:
        parts.append(_notebooks(source) or _NO_EXPERIMENTS)
        names = tuple(re.findall(r"^  ([^\s#]+):$", parts[-1], re.MULTILINE))
    others = [*_preparations(inspection.scripts), *_other_scripts(inspection.scripts, scripts)]
    return "\n".join([*parts[:2], *others, _example_claim(names, scripts)])


def _notebooks(source: Readable) -> str:
    """Where there are notebooks and no scripts, the first of them as experiments."""
    paths = sorted(entry.path for entry in source.files())
    near = [path for path in paths if _NOTEBOOK.fullmatch(path) and path.isprintable()]
    if not near:
        return ""
    lines = ["experiments:    # nbconvert and ipykernel have to be in the environment\n"]
    names: list[str] = []
    for path in near[:MAX_SCRIPTS]:
        stem = path.rpartition("/")[2].removesuffix(".ipynb")
        named = suggest_name(stem).replace(".", "-").strip("-")
        names.append(named if named not in names else f"{named}-{len(names) + 1}")
        command = f"jupyter nbconvert --to notebook --execute --inplace {shlex.quote(path)}"
        lines += [f"  {names[-1]}:\n", f"    run: {_command(command)}\n", _NO_METRICS]
        lines += [f"#      accuracy: {{notebook: {scalar(path)}, pattern: '{_PATTERN}'}}\n"]
    more = f"# {len(near) - MAX_SCRIPTS} more notebooks\n" if len(near) > MAX_SCRIPTS else ""
    return "".join(lines) + more


def _chosen(scripts: tuple[Script, ...]) -> tuple[Script, ...]:
    """The README's scripts, else those that write numbers, else the likeliest one."""
    usable = [s for s in scripts if s.command.isprintable() and s.path.isprintable()]
    usable = [script for script in usable if script.purpose == EXPERIMENT]
    in_readme = [script for script in usable if script.readme is not None]
    with_numbers = [s for s in usable if any(w.metrics for w in s.written)]
    told = [s for s in in_readme if s.readme and s.readme.path.lower().startswith("readme")]
    if in_readme:
        return tuple((told or in_readme)[:MAX_README_SCRIPTS])
    return tuple(with_numbers[:MAX_SCRIPTS] or usable[:1])


def _names(scripts: tuple[Script, ...]) -> tuple[str, ...]:
    """Experiment names from file names; a directory or a number tells equal ones apart."""
    names: list[str] = []
    for script in scripts:
        stem = script.path.removesuffix(".py")
        candidates = [stem.rpartition("/")[2], stem, *(f"{stem}-{n}" for n in range(2, 99))]
        possible = [suggest_name(text).replace(".", "-").strip("-") for text in candidates]
        names.append(next(name for name in possible if name not in names))
    return tuple(names)


def _experiment(name: str, script: Script, inspection: Inspection, source: Readable) -> str:
    command, seeds = _seeded(script)
    why = f"{script.readme} runs it" if script.readme else script.because
    why += f": {script.launch.text}" if script.launch else ""
    lines = [f"  {name}:", f"    run: {_command(command)}{_comment(why)}"]
    if script.needs and script.readme is None:
        lines.append(f"    # it also needs {', '.join(script.needs)}")
    if seeds:
        lines.append(f"    seeds: [{seeds}]{_comment('one run each; several show the spread')}")
    if script.launch is not None and script.launch.gpu:
        lines.append(f"    gpu: required{_comment('the command asks for one process on each')}")
    elif inspection.gpu.value == "required":
        lines.append(f"    gpu: {inspection.gpu.value}{_comment(inspection.gpu.because)}")
    lines += _network(script, inspection)
    outputs = _outputs(script, source)
    if outputs:
        lines.append(f"    outputs: [{', '.join(map(scalar, outputs))}]")
    metrics = _metrics(script)
    if any(metric.reader == "wandb" for metric, _ in metrics.values()):
        lines.append(f"    env: {{WANDB_MODE: offline}}{_comment('its own log is read')}")
    text = "\n".join(lines) + "\n"
    return text + (_metric_lines(metrics) if metrics else _NO_METRICS)


def _network(script: Script, inspection: Inspection) -> list[str]:
    for finding in inspection.findings:
        if finding.kind == DOWNLOAD and finding.where and finding.where.path == script.path:
            return [f"    # network: true{_comment(f'{finding.value}, line {finding.where.line}')}"]
    return []


def _outputs(script: Script, source: Readable) -> list[str]:
    files = (w for w in script.written if w.how not in TRACKERS)
    paths = dict.fromkeys(w.path for w in files if w.path and w.path.isprintable())
    return [path for path in paths if not source.has(path) or path.endswith((".json", ".csv"))]


def _metrics(script: Script) -> dict[str, tuple[Metric, int]]:
    """By name; a file is better evidence than the log, and the first of equal ones counts."""
    ordered = sorted(script.written, key=lambda written: written.how == "stdout")
    found: dict[str, tuple[Metric, int]] = {}
    for written in ordered:
        for metric in written.metrics:
            keyless = metric.reader == "numpy"
            if f"{metric.key}{metric.path}".isprintable() and (keyless or metric.key.strip()):
                found.setdefault(metric.name, (metric, written.line))
    return dict(list(found.items())[:MAX_METRICS])


def _metric_lines(metrics: dict[str, tuple[Metric, int]]) -> str:
    lines = [f"    metrics:{_comment('name: where the number stands in what a run writes')}"]
    for name, (metric, line) in metrics.items():
        lines.append(f"      {name}: {metric_text(metric)}{_comment(f'line {line}')}")
    return "\n".join(lines) + "\n"


def _seeded(script: Script) -> tuple[str, str]:
    """The command with `{seed}` in it, and the seeds: the one in the command, or the default."""
    if script.seed is None:
        return script.command, ""
    flag = re.escape(script.seed.flag)
    match = re.search(rf"(?<!\S){flag}[ =](\S+)", script.command)
    if match is None:
        default = script.default_seed
        command = f"{script.command} {shlex.quote(script.seed.flag)} {{seed}}"
        return command, str(0 if default is None else default)
    if not re.fullmatch(r"[0-9]{1,9}", match[1]):
        return script.command, ""
    start, end = match.span(1)
    return f"{script.command[:start]}{{seed}}{script.command[end:]}", str(int(match[1]))


def _preparations(scripts: tuple[Script, ...]) -> list[str]:
    """What has to run before: it is no experiment, but each run starts without its results."""
    found = [s for s in scripts if s.purpose == PREPARATION and s.command.isprintable()]
    lines = [f"#   {s.command}{f'    # {s.readme}' if s.readme else ''}\n" for s in found[:5]]
    if not lines:
        return []
    head = (
        "# These prepare data. Put one before an experiment with `&&`, or commit what it makes:\n"
    )
    return [head + "".join(lines)]


def _other_scripts(scripts: tuple[Script, ...], chosen: tuple[Script, ...]) -> list[str]:
    rest = [s for s in scripts if s not in chosen and s.purpose == EXPERIMENT]
    others = [s.path for s in rest if s.path.isprintable()]
    if not others:
        return []
    more = f" and {len(others) - 8} more" if len(others) > 8 else ""
    return [f"# Other scripts that could be experiments: {', '.join(others[:8])}{more}\n"]


def _example_claim(names: tuple[str, ...], scripts: tuple[Script, ...]) -> str:
    for name, script in zip(names, scripts, strict=False):
        metrics = sorted(_metrics(script), key=lambda metric: "loss" in metric)
        if metrics:  # papers report losses least
            return _CLAIM.replace("@EXPERIMENT@", name).replace("@METRIC@", metrics[0])
    name = names[0] if names else "main"
    return _CLAIM.replace("@EXPERIMENT@", name).replace("@METRIC@", "accuracy")


def _command(command: str) -> str:
    return command if _PLAIN_COMMAND.fullmatch(_without_seed(command)) else quoted(command)


def _without_seed(command: str) -> str:
    """Braces that do not begin a plain scalar are harmless in it."""
    return command.replace("{seed}", "0")


def _comment(text: str) -> str:
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return f"    # {printable}"

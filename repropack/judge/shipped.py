"""Result files that a source ships, read in the place of runs: nothing is executed.

Owns: which file belongs to which run, and why one cannot be used. A file says what somebody had
once, and no more: every verdict on it is worded as such (`verdict.worded`).
Does not own: reading a file (`readers`), judging (`rule`).
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Dict, Iterable, List, Sequence, Tuple

from repropack.judge import expand, files, metricfiles, patterns
from repropack.judge.files import FileProblem
from repropack.judge.model import RECORD_SCHEMA, Experiment, Metric, RunSpec
from repropack.judge.readers import Reading, read_metric
from repropack.judge.verdict import RECORDED

_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_NO_LOG = (
    "is printed, and what a run prints is not shipped: write it to a file too, and read it with "
    "json:, csv: or text:"
)
_ABSENT = "is not among the files of the source (what was not committed does not count)"


def countable(experiments: Iterable[Experiment]) -> Tuple[Experiment, ...]:
    """The experiments with as many runs as files can be told apart.

    Where no metric's file is named by `{seed}`, one file stands for one run of an unknown seed.
    """
    return tuple(
        each if _names_seed(each) else replace(each, seeds=(), repeats=1) for each in experiments
    )


def _names_seed(experiment: Experiment) -> bool:
    return any("{seed}" in text for each in experiment.metrics for text in _places(each))


def _places(metric: Metric) -> Tuple[str, ...]:
    return (metric.path, *(value for _, value in metric.where))


def records(
    experiments: Sequence[Experiment], specs: Sequence[RunSpec], root: str, commit: str = ""
) -> List[Dict[str, Any]]:
    """A record for each run, as of what the files below `root` hold; see `model.failed_record`.

    Its status is `recorded`. A file that several runs would share is of none of them.
    """
    by_name = {experiment.name: experiment for experiment in experiments}
    every = expand.expand_all(experiments)
    return [_record(by_name[spec.experiment], spec, every, root, commit) for spec in specs]


def _record(
    experiment: Experiment, spec: RunSpec, every: Sequence[RunSpec], root: str, commit: str
) -> Dict[str, Any]:
    own = expand.for_run(experiment, spec)
    siblings = [each for each in every if each.experiment == spec.experiment]
    readings = []
    for declared, metric in zip(experiment.metrics, own.metrics):
        sharing = sum(expand.of_run(declared, each) == metric for each in siblings)
        readings.append(_read(metric, root, sharing))
    return {
        "schema": RECORD_SCHEMA, "id": spec.id, "experiment": spec.experiment, "seed": spec.seed,
        "params": dict(spec.params), "command": spec.command, "status": RECORDED, "reason": "",
        "exit_code": None, "signal": None, "facts": {"commit": commit, "gpu": "not known"},
        "metrics": {reading.name: reading.to_json() for reading in readings},
        "outputs": _hashes(own.metrics, root), "skipped": [], "notes": [], "log": None,
    }  # fmt: skip


def _read(metric: Metric, root: str, sharing: int) -> Reading:
    if metric.reader == "stdout":
        return Reading(metric.name, "log.txt", reason="%s %s" % (metric.name, _NO_LOG))
    shown = files.printable(metric.path)
    refusal = patterns.refusal(metric.path)
    found = [] if refusal else metricfiles.of(metric, root)
    if refusal or not found:
        return Reading(metric.name, shown, reason="%s %s" % (shown, refusal or _ABSENT))
    if sharing > 1:
        reason = (
            "%s is the same file for %d runs, and nothing tells of which one it is: name it by "
            "what differs, as in results/{attention}-{seed}.json" % (shown, sharing)
        )
        return Reading(metric.name, shown, reason=reason)
    pointers = [path for path in found if _is_pointer(path, root)]
    if pointers:
        reason = "%s is a pointer of Git LFS: `git lfs pull` gets its content" % pointers[0]
        return Reading(metric.name, shown, reason=files.printable(reason))
    return read_metric(metric, root, "", found)


def _is_pointer(relative: str, root: str) -> bool:
    try:
        with open(files.inside(root, relative), "rb") as stream:
            return stream.read(len(_POINTER)) == _POINTER
    except (FileProblem, OSError):
        return False


def paths(experiments: Iterable[Experiment], specs: Sequence[RunSpec], root: str) -> List[str]:
    """The shipped files that the runs' metrics are read from, relative to `root`, sorted."""
    by_name = {experiment.name: experiment for experiment in experiments}
    metrics = (m for each in specs for m in expand.for_run(by_name[each.experiment], each).metrics)
    return sorted({path for metric in metrics for path in metricfiles.of(metric, root)})


def _hashes(metrics: Sequence[Metric], root: str) -> List[Dict[str, Any]]:
    """Which files these are, to the byte; none of them is fresh."""
    found = []
    for path in sorted({path for metric in metrics for path in metricfiles.of(metric, root)}):
        try:
            size_bytes, sha256 = files.digest(files.inside(root, path))
        except (FileProblem, OSError):
            continue
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        found.append({"path": shown, "size_bytes": size_bytes, "sha256": sha256, "fresh": False})
    return found

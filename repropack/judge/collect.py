"""What a run wrote: fresh or stale, its metrics, and copies of its outputs.

Owns: the snapshot before a run, and the decision that a file is of this run.
Does not own: reading numbers (`readers`), starting the run (`runner`).
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Sequence, Set, Tuple

from repropack.judge import files, metricfiles, patterns
from repropack.judge.files import FileProblem, FileState
from repropack.judge.model import Experiment, Metric
from repropack.judge.readers import BY_LINE, Reading, read_metric

Snapshot = Mapping[str, FileState]  # by path relative to the working directory


def snapshot(experiment: Experiment, cwd: str) -> Dict[str, FileState]:
    """The states of all metric files and outputs that are there before the run."""
    found: Dict[str, FileState] = {}
    for relative in _paths(experiment, cwd, "", []):
        try:
            state = files.state(files.inside(cwd, relative))
        except FileProblem:
            continue
        if state is not None:
            found[relative] = state
    return found


def read_metrics(
    experiment: Experiment, cwd: str, log: str, log_problem: str, before: Snapshot
) -> List[Reading]:
    """One reading per metric. A file that the run did not write gives no number.

    `log_problem` says why the log is not complete, or is empty.
    """
    return [_read(metric, cwd, log, log_problem, before) for metric in experiment.metrics]


def _read(metric: Metric, cwd: str, log: str, log_problem: str, before: Snapshot) -> Reading:
    shown = files.printable(metric.path)
    if metric.reader == "stdout":
        if log_problem:
            return Reading(metric.name, "log.txt", reason="log.txt %s" % log_problem)
        return read_metric(metric, cwd, log)
    refusal = patterns.refusal(metric.path)
    if refusal:
        return Reading(metric.name, shown, reason="%s %s" % (shown, refusal))
    found = metricfiles.of(metric, cwd)
    fresh = [path for path in found if not is_stale(path, cwd, before)]
    if found and not fresh:
        reason = "%s is stale: it was there before the run, and the run did not write it" % shown
        return Reading(metric.name, shown, reason=reason)
    lines = [(path, lines_of_before(path, cwd, before)) for path in fresh]
    grown = {path: count for path, count in lines if count}
    if grown and metric.reader not in BY_LINE:
        fresh = [path for path in fresh if path not in grown]
        if not fresh:
            reason = (
                "%s was there before the run, which added to it: what is new in it cannot be told "
                "apart" % shown
            )
            return Reading(metric.name, shown, reason=reason)
    older = [before[path].mtime_ns for path in fresh if path in before]
    since_ms = max(older, default=0) // 1_000_000
    return read_metric(metric, cwd, log, fresh, since_ms, max(grown.values(), default=0))


def older_notes(readings: Sequence[Reading]) -> List[str]:
    """What was left out of files that were there before, each file once."""
    told = {each.file: each.older for each in readings if each.older}
    what = "%s: its first %d lines were there before the run, and do not count"
    return [what % (name, lines) for name, lines in told.items()]


def lines_of_before(relative: str, cwd: str, before: Snapshot) -> int:
    """How many lines the file had before the run that only added to it; 0 if it wrote it anew."""
    old = before.get(os.path.normpath(relative))
    if old is None or not old.size_bytes:
        return 0
    try:
        return files.lines_kept(files.inside(cwd, relative), old)
    except FileProblem:
        return 0


def is_stale(relative: str, cwd: str, before: Snapshot) -> bool:
    """Whether the file is exactly as it was before the run: same time, same content."""
    old = before.get(os.path.normpath(relative))
    if old is None:
        return False
    try:
        return files.state(files.inside(cwd, relative)) == old
    except FileProblem:
        return False


def collect_outputs(
    experiment: Experiment, cwd: str, out: str, before: Snapshot
) -> Tuple[List[Dict[str, Any]], List[Dict[str, str]]]:
    """Copy outputs and metric files to OUT/outputs; what was copied, and what was not and why.

    Only regular files inside of `cwd` are copied; files below `out` never are.
    """
    copied: List[Dict[str, Any]] = []
    skipped: List[Dict[str, str]] = []
    for relative in _paths(experiment, cwd, out, skipped):
        try:
            source = files.inside(cwd, relative)
            size_bytes, sha256 = files.copy(source, os.path.join(out, "outputs", relative))
        except FileProblem as problem:
            skipped.append(_skip(relative, str(problem)))
            continue
        except OSError as error:
            skipped.append(_skip(relative, "cannot be copied: %s" % (error.strerror or error)))
            continue
        old = before.get(relative)
        fresh = old is None or old != FileState(size_bytes, _mtime_ns(source), sha256)
        copied.append(
            {"path": shown(relative), "size_bytes": size_bytes, "sha256": sha256, "fresh": fresh}
        )
    return copied, skipped


def _mtime_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return -1


def _skip(relative: str, reason: str) -> Dict[str, str]:
    return {"path": shown(relative), "reason": reason}


def shown(relative: str) -> str:
    """A file name as text that JSON can hold: bytes that are not UTF-8 become escapes."""
    return os.fsencode(relative).decode("utf-8", "backslashreplace")


def _paths(experiment: Experiment, cwd: str, out: str, skipped: List[Dict[str, str]]) -> List[str]:
    """Relative paths of metric files and of what the output patterns match, sorted, each once."""
    found: Set[str] = set()
    for metric in experiment.metrics:
        found.update(metricfiles.of(metric, cwd))
    excluded = os.path.realpath(out) if out else None
    for pattern in experiment.outputs:
        reason = patterns.refusal(pattern)
        matched = [] if reason else patterns.expand(pattern, cwd, excluded)
        if not matched:
            skipped.append(_skip(pattern, reason or "matches no file"))
        found.update(matched)
    return sorted(found)

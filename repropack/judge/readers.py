"""Metric readers: a number out of what a run wrote, with the exact text that stood there.

Owns: which reader is for which metric; that a bad file gives a reason, never an exception.
Does not own: whether the file is of this run (`collect`), what the number means (`rule`).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Optional, Sequence

from repropack.judge import csvfile, files, jsonfile, logfile, metricfiles, series
from repropack.judge.files import FileProblem
from repropack.judge.history import At, History
from repropack.judge.model import Metric
from repropack.judge.series import Among, Chosen, Match

BY_LINE = ("json", "csv", "text")
"""The readers of files that runs may add lines to: of these, lines of before can be left out."""


@dataclass(frozen=True)
class Reading:
    """What became of one metric: `text` and `value`, or a `reason` why there is none.

    `where` says what matched inside `file`: a key, a row, a line. `among` tells of the series that
    it was chosen from: how many, and the first, last, least and largest.
    """

    name: str
    file: str
    text: Optional[str] = None
    value: Optional[float] = None
    where: str = ""
    reason: str = ""
    among: Among = ()
    history: Optional[History] = None
    older: int = 0

    def to_json(self) -> Dict[str, Any]:
        """The reading as it stands in `record.json`, below its name."""
        found: Dict[str, Any] = {
            "text": self.text, "value": self.value, "file": self.file, "where": self.where,
            "reason": self.reason,
        }  # fmt: skip
        if self.among:
            found["among"] = dict(self.among)
        if self.history:
            found["history"] = self.history.to_json()
        return found


def read_metric(
    metric: Metric,
    cwd: str,
    log: str,
    paths: Optional[Sequence[str]] = None,
    since_ms: int = 0,
    older: int = 0,
) -> Reading:
    """Read the metric below `cwd`, or from the file `log`. Never raises for what a run wrote.

    `paths`, relative to `cwd`, are the files that may be read; without it all that there are. Of a
    file that several runs share, those that began before `since_ms` do not count; of one that grows
    by lines, the first `older` do not.
    """
    shown = "log.txt" if metric.reader == "stdout" else files.printable(metric.path)
    try:
        if metric.reader == "stdout":
            found = series.choose(_in_text(log, metric), metric.select)
        else:
            usable = metricfiles.of(metric, cwd) if paths is None else paths
            found = _read(metric, cwd, usable, since_ms, older)
    except FileProblem as problem:
        return Reading(metric.name, shown, reason="%s %s" % (shown, problem))
    except OSError as error:
        reason = "%s %s" % (shown, files.missing_reason(error))
        return Reading(metric.name, shown, reason=reason)
    where = files.printable(found.where)
    return Reading(
        metric.name, shown, found.text, found.value, where,
        among=found.among, history=found.history, older=older,
    )  # fmt: skip


def _read(metric: Metric, cwd: str, paths: Sequence[str], since_ms: int, older: int) -> Chosen:
    if metric.reader in metricfiles.TRACKERS:
        return _of_tracker(metric, cwd, paths, since_ms)
    if len(paths) > 1:
        names = ", ".join(files.printable(path, 80) for path in paths[:4])
        more = " and %d more" % (len(paths) - 4) if len(paths) > 4 else ""
        raise FileProblem("is several files of this run (%s%s): name one" % (names, more))
    path = files.inside(cwd, paths[0] if paths else metric.path)
    return series.choose(_matches(metric, path, older), metric.select)


def _matches(metric: Metric, path: str, older: int) -> Iterable[Match]:
    if metric.reader == "csv":
        return csvfile.cells(path, metric.key, metric.where, older)
    if metric.reader == "json":
        return jsonfile.matches(path, metric.key, metric.where, older)
    if metric.reader == "text":
        return _in_text(path, metric, older)
    # Imported here: a zipapp compiles what it imports at every start, and a run is waiting.
    if metric.reader == "numpy":
        from repropack.judge import numpyfile

        return numpyfile.matches(path, metric.key)
    from repropack.judge import notebookfile

    return notebookfile.matches(path, metric.key, metric.option("cell"), metric.option("group"))


def _in_text(path: str, metric: Metric, older: int = 0) -> Iterable[Match]:
    found = logfile.matches(path, metric.key, metric.option("group"))
    return ((text, _placed(text, ("line %d", line))) for text, line in found if line > older)


def _placed(text: str, where: Any) -> Any:
    return At(text.axis, text.x, where) if isinstance(text, logfile.Counted) else where


def _of_tracker(metric: Metric, cwd: str, paths: Sequence[str], since_ms: int) -> Chosen:
    from repropack.judge.trackers import tracked

    if not paths:
        raise FileProblem("was not written")
    reader = importlib.import_module("repropack.judge.trackers." + metric.reader)
    real = [files.inside(cwd, path) for path in paths]
    root = metricfiles.root_of(metric, cwd)
    run = metric.option("run")
    return tracked.choose(reader.runs, root, real, metric.key, run, metric.select, since_ms)

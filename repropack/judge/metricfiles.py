"""Which files a metric is read from: one file, what a glob matches, or a tracker's directory.

Does not own: whether they are of this run (`collect`), reading them (`readers`).
"""

from __future__ import annotations

import os
import re
from typing import Callable, Dict, List

from repropack.judge import patterns
from repropack.judge.model import Metric

_MLFLOW = re.compile(r"(?:.*/)?(?:[0-9a-f]{32}/metrics/.+|meta\.yaml)")
_SACRED = re.compile(r"(?:.*/)?(?:metrics|info|run)\.json")

TRACKERS: Dict[str, Callable[[str], bool]] = {
    "tensorboard": lambda path: "tfevents" in os.path.basename(path),
    "wandb": lambda path: path.endswith(".wandb"),
    "mlflow": lambda path: _MLFLOW.fullmatch(path.replace(os.sep, "/")) is not None,
    "sacred": lambda path: _SACRED.fullmatch(path.replace(os.sep, "/")) is not None,
}
"""By reader: which files below its directory are the tracker's own."""


def of(metric: Metric, cwd: str) -> List[str]:
    """Relative paths of the metric's files that are there, sorted; none for the log."""
    if metric.reader == "stdout" or patterns.refusal(metric.path):
        return []
    path = os.path.normpath(metric.path)
    full = os.path.join(cwd, path)
    wanted = TRACKERS.get(metric.reader)
    if wanted and os.path.isdir(full):
        found = [os.path.relpath(each, cwd) for each in patterns.below(full)]
        return sorted(filter(wanted, found))
    if os.path.lexists(full):
        return [path]
    found = patterns.expand(metric.path, cwd) if patterns.is_glob(metric.path) else []
    return sorted(filter(wanted, found) if wanted else found)


def root_of(metric: Metric, cwd: str) -> str:
    """The real path that runs are named from: the tracker's directory, or where the glob begins."""
    parts = os.path.normpath(metric.path).split(os.sep)
    fixed = next((i for i, part in enumerate(parts) if patterns.is_glob(part)), len(parts))
    return os.path.realpath(os.path.join(cwd, *parts[:fixed]))

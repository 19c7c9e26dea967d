"""Sacred's FileStorageObserver: a directory for each run, with metrics.json, info.json, run.json.

A key counts with the whole series of metrics.json, else once from info.json, else it is `result`:
what the main function returned.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, Mapping, Sequence

from repropack.judge import jsonfile
from repropack.judge.history import At
from repropack.judge.series import Match
from repropack.judge.trackers.tracked import Names, Tracked

_FILES = ("metrics.json", "info.json", "run.json")


def runs(root: str, paths: Sequence[str], key: str, names: Names) -> Iterator[Tracked]:
    """Each run's directory, with the values of the key."""
    groups: Dict[str, Dict[str, str]] = {}
    for path in sorted(paths):
        groups.setdefault(os.path.dirname(path), {})[os.path.basename(path)] = path
    for directory, found in groups.items():
        yield Tracked(os.path.basename(directory), (), _values(found, key, names))


def _values(found: Mapping[str, str], key: str, names: Names) -> Iterator[Match]:
    documents = {name: jsonfile.load(found[name]) for name in _FILES if name in found}
    series = documents.get("metrics.json")
    if isinstance(series, dict) and isinstance(series.get(key), dict):
        values, steps = (_list(series[key].get(name)) for name in ("values", "steps"))
        for i, value in enumerate(values):
            if i < len(steps):
                yield value, At("step", steps[i], ("step %s", steps[i]))
            else:
                yield value, ("value %d", i)
        return
    info = documents.get("info.json")
    for value in jsonfile.at(info, key):
        yield value, "info.json"
        return
    run = documents.get("run.json")
    if isinstance(run, dict) and key.split(".")[0] == "result":
        for value in jsonfile.at(run, key):
            yield value, "run.json"
            return
    for name in [*(series if isinstance(series, dict) else ()), *jsonfile.keys(info), "result"]:
        names.add(name)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []

"""MLflow's stores: directories of text files, and a SQLite database.

Owns: the layout `EXPERIMENT/RUN/metrics/KEY`, and the tables `runs` and `metrics`.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any, Dict, Iterator, Sequence, Tuple
from urllib.parse import quote

from repropack.judge import csvfile
from repropack.judge.files import FileProblem
from repropack.judge.history import At
from repropack.judge.series import Match
from repropack.judge.trackers.tracked import Names, Tracked

_METRIC_FILE = re.compile(r"(?:.*/)?(?P<run>[0-9a-f]{32})/metrics/(?P<key>.+)")
_RUN_NAME = re.compile(r"run_name: *['\"]?(.*?)['\"]?\s*")
_ACTIVE = "SELECT run_uuid, name, start_time FROM runs WHERE lifecycle_stage = 'active'"
_SQLITE = b"SQLite format 3\0"


def runs(root: str, paths: Sequence[str], key: str, names: Names) -> Iterator[Tracked]:
    """Each run of the store, with what was logged under the key."""
    if list(paths) == [root]:
        return _of_database(root, key, names)
    return _of_files(paths, key, names)


def _of_files(paths: Sequence[str], key: str, names: Names) -> Iterator[Tracked]:
    found: Dict[str, Dict[str, str]] = {}
    for path in sorted(paths):
        match = _METRIC_FILE.fullmatch(path.replace(os.sep, "/"))
        if match:
            found.setdefault(path[: match.end("run")], {})[match.group("key")] = path
            names.add(match.group("key"))
    for directory, files_of in found.items():
        wanted = [files_of[key]] if key in files_of else []
        run = os.path.basename(directory)
        yield Tracked(run, (_run_name(os.path.join(directory, "meta.yaml")),), _lines(wanted))


def _lines(paths: Sequence[str]) -> Iterator[Match]:
    """Lines of `TIMESTAMP VALUE STEP`; a newer MLflow adds the data set."""
    for path in paths:
        for number, line in enumerate(csvfile.lines(path), 1):
            words = line.split()
            if len(words) < 2:
                raise FileProblem("is no metric of MLflow: line %d" % number)
            if len(words) > 2:
                yield words[1], At("step", words[2], ("step %s", words[2]))
            else:
                yield words[1], ("line %d", number)


def _run_name(path: str) -> str:
    with contextlib.suppress(OSError, FileProblem):
        for line in csvfile.lines(path):
            match = _RUN_NAME.fullmatch(line)
            if match:
                return match.group(1)
    return ""


def _of_database(path: str, key: str, names: Names) -> Iterator[Tracked]:
    with open(path, "rb") as stream:
        if stream.read(len(_SQLITE)) != _SQLITE:
            raise FileProblem("is neither a directory of MLflow nor a SQLite database")
    rows = _query(path, _ACTIVE, ())
    keys = _query(path, "SELECT DISTINCT key FROM metrics LIMIT 500", ())
    for (name,) in keys:
        names.add(str(name))
    for run_id, run_name, start_ms in rows:
        start_ms = start_ms if isinstance(start_ms, int) else 0
        yield Tracked(str(run_id), (str(run_name),), _of_run(path, str(run_id), key), start_ms)


def _of_run(path: str, run_id: str, key: str) -> Iterator[Match]:
    text = (
        "SELECT value, is_nan, step FROM metrics WHERE run_uuid = ? AND key = ? "
        "ORDER BY step, timestamp, rowid"
    )
    for value, is_nan, step in _query(path, text, (run_id, key)):
        token = "nan" if is_nan else float(value) if isinstance(value, (int, float)) else value
        yield token, At("step", step, ("step %s", step))


def _query(path: str, text: str, values: Tuple[str, ...]) -> Iterator[Tuple[Any, ...]]:
    """The rows of a query; the database is opened for reading only."""
    try:
        import sqlite3
    except ImportError:  # some small images leave it out
        raise FileProblem("cannot be read: this Python has no sqlite3") from None
    try:
        uri = "file:%s?mode=ro" % quote(path)
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            database.text_factory = lambda data: data.decode("utf-8", "replace")
            for row in database.execute(text, values):
                yield row
    except (sqlite3.Error, UnicodeError, OverflowError) as error:
        raise FileProblem("is no database of MLflow: %s" % error) from None

"""`metrics:` of an experiment: which reader finds the number, and where."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Final

from repropack.config import fields
from repropack.config.cursor import Cursor
from repropack.config.names import shown
from repropack.judge.model import Metric

LOG_PATH: Final = "log.txt"  # where a run's stdout and stderr stand beside its record
SELECTS: Final = ("first", "last", "min", "max")
_LATER: Final = {"tensorboard": "reading TensorBoard files is not supported yet; use json or csv"}
_READERS: Final = ("json", "csv", "stdout")
_PAIRED: Final = {
    "json": ("key", "select"),
    "csv": ("column", "where", "select"),
    "stdout": ("select",),
}


def read_metric(name: str, cursor: Cursor) -> Metric:
    """Return a metric; what is wrong with it is noted and left empty."""
    found = cursor.entries() if cursor.is_mapping() else []
    readers = [key for key, _ in found if key in (*_READERS, *_LATER)]
    if len(readers) == 1 and readers[0] in _READERS:
        return _BUILD[readers[0]](name, cursor.fields((readers[0], *_PAIRED[readers[0]])))
    if len(readers) == 1:
        cursor.problem(_LATER[readers[0]])
    elif readers:
        cursor.problem(f"give one of {', '.join(readers)}, not several")
    else:
        cursor.problem("say where the number is: {json: FILE, key: …}, {csv: …} or {stdout: …}")
        _complain_of_unknown(cursor)
    return Metric(name=name, reader="json", path="", key="")


def _complain_of_unknown(cursor: Cursor) -> None:
    if cursor.is_mapping():
        cursor.fields((*_READERS, *sum(_PAIRED.values(), ())))


def _json(name: str, given: dict[str, Cursor]) -> Metric:
    path = fields.value_of(given, "json", fields.relative_path) or ""
    key = _required(given, "json", "key", fields.text)
    return Metric(name=name, reader="json", path=path, key=key, select=_select(given))


def _csv(name: str, given: dict[str, Cursor]) -> Metric:
    path = fields.value_of(given, "csv", fields.relative_path) or ""
    column = _required(given, "csv", "column", fields.text)
    pairs = given["where"].entries() if "where" in given else []
    where = tuple(sorted((key, value.text() or "") for key, value in pairs))
    return Metric(
        name=name, reader="csv", path=path, key=column, where=where, select=_select(given)
    )


def _stdout(name: str, given: dict[str, Cursor]) -> Metric:
    pattern = fields.value_of(given, "stdout", _regex) or ""
    return Metric(name=name, reader="stdout", path=LOG_PATH, key=pattern, select=_select(given))


_BUILD: Final[dict[str, Callable[[str, dict[str, Cursor]], Metric]]] = {
    "json": _json,
    "csv": _csv,
    "stdout": _stdout,
}


def _required(
    given: dict[str, Cursor], reader: str, key: str, read: Callable[[Cursor], str | None]
) -> str:
    if key in given:
        return read(given[key]) or ""
    if reader in given:
        cursor = given[reader]
        cursor.problems.add(
            cursor.path.rpartition(".")[0], f"{key!r} is missing beside {reader!r}", cursor.line
        )
    return ""


def _select(given: dict[str, Cursor]) -> str:
    return fields.value_of(given, "select", lambda c: fields.choice(c, SELECTS)) or "last"


def _regex(cursor: Cursor) -> str | None:
    """Return a regular expression with one group, or a group named `value`."""
    raw = cursor.text()
    if raw is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # FutureWarning of doubtful sets, e.g. [[a]
            pattern = re.compile(raw)
    except (re.error, OverflowError, RecursionError) as error:
        cursor.problem(f"not a regular expression: {error}; in {shown(raw)}")
        return None
    if pattern.groups != 1 and "value" not in pattern.groupindex:
        cursor.problem(
            f"must hold exactly one (…) around the number, or one named (?P<value>…); "
            f"{shown(raw)} holds {pattern.groups}"
        )
        return None
    return raw

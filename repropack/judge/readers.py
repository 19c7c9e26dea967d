"""Metric readers: a number out of JSON, CSV or the log, with the exact text that stood there.

Owns: finding one number, or the reason why there is none; memory stays bounded whatever a run
wrote. Does not own: whether the file is of this run (`collect`), what the number means (`rule`).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from repropack.judge import csvfile, files, logfile
from repropack.judge.files import FileProblem
from repropack.judge.model import Metric
from repropack.judge.naming import close_names

_LARGEST_JSON_BYTES = 64 << 20
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,6})?")
_NOT_FINITE = re.compile(r"[-+]?(?:nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """What became of one metric: `text` and `value`, or a `reason` why there is none.

    `where` says what matched inside `file`: a key, a row, a line.
    """

    name: str
    file: str
    text: Optional[str] = None
    value: Optional[float] = None
    where: str = ""
    reason: str = ""

    def to_json(self) -> Dict[str, Any]:
        """The reading as it stands in `record.json`, below its name."""
        return {
            "text": self.text, "value": self.value, "file": self.file, "where": self.where,
            "reason": self.reason,
        }  # fmt: skip


class _Token(str):
    """A JSON number as the text that stood in the file: `0.970` stays `0.970`."""


def read_metric(metric: Metric, cwd: str, log: str) -> Reading:
    """Read the metric below `cwd`, or from the file `log`. Never raises for what a run wrote."""
    shown = "log.txt" if metric.reader == "stdout" else files.printable(metric.path)
    try:
        candidates = _candidates(metric, cwd, log)
        text, where = _select(candidates, metric.select)
        text, value = number(text)
        return Reading(metric.name, shown, text, value, files.printable(where))
    except FileProblem as problem:
        return Reading(metric.name, shown, reason="%s %s" % (shown, problem))
    except OSError as error:
        reason = "%s %s" % (shown, files.missing_reason(error))
        return Reading(metric.name, shown, reason=reason)


def _candidates(metric: Metric, cwd: str, log: str) -> Iterable[Tuple[Any, str]]:
    if metric.reader == "stdout":
        found = logfile.matches(log, metric.key, last_only=metric.select == "last")
        return ((text, "line %d" % line) for text, line in found)
    path = files.inside(cwd, metric.path)
    if metric.reader == "csv":
        return csvfile.cells(path, metric.key, metric.where)
    if metric.path.lower().endswith((".jsonl", ".ndjson")):
        return _json_lines(path, metric.key)
    return _json_document(path, metric.key)


def number(token: Any) -> Tuple[str, float]:
    """The exact text and the value of a finite number; FileProblem for anything else.

    Text such as "0.97" is accepted; true, false, "97%" and "1_000" are not.
    """
    if not isinstance(token, str):
        raise FileProblem("holds %s where a number was expected" % _shown(token))
    text = token.strip()
    if _NOT_FINITE.fullmatch(text):
        raise FileProblem("holds %s, which is not a finite number" % text)
    if not _NUMBER.fullmatch(text):
        raise FileProblem("holds %s where a number was expected" % _shown(text))
    if len(text) > 400:
        raise FileProblem("holds a number of %d characters" % len(text))
    value = float(text)
    if not math.isfinite(value):
        raise FileProblem("holds a number that is too large: %s" % files.printable(text, 40))
    return text, value


def _select(candidates: Iterable[Tuple[Any, str]], select: str) -> Tuple[Any, str]:
    """One of the candidates (there is at least one); `min` and `max` want all to be numbers."""
    chosen: Optional[Tuple[Any, str]] = None
    best = math.nan
    for token, where in candidates:
        if select in ("min", "max"):
            value = number(token)[1]
            better = value < best if select == "min" else value > best
            if chosen is None or better:
                chosen, best = (token, where), value
            continue
        chosen = (token, where)
        if select == "first":
            break
    if chosen is None:
        raise FileProblem("holds no number for this metric")
    return chosen


def _json_document(path: str, key: str) -> Iterable[Tuple[Any, str]]:
    with open(path, "rb") as stream:
        data = stream.read(_LARGEST_JSON_BYTES + 1)
    if len(data) > _LARGEST_JSON_BYTES:
        raise FileProblem("is too large for a file of metrics (over 64 MiB)")
    if not data.strip():
        raise FileProblem("is empty")
    return _at_key(_parse(data, 0), key, "key %s" % key)


def _json_lines(path: str, key: str) -> Iterable[Tuple[Any, str]]:
    problem: Optional[FileProblem] = None
    found = False
    for line_number, line in enumerate(csvfile.lines(path), 1):
        if not line.strip():
            continue
        try:
            tokens = _at_key(_parse(line.encode("utf-8"), line_number - 1), key, "")
        except _KeyMissing as missing:
            problem = missing
            continue
        for token, _ in tokens:
            found = True
            yield token, "key %s on line %d" % (key, line_number)
    if not found:
        raise problem or FileProblem("is empty")


class _KeyMissing(FileProblem):
    """The document has no such key."""


def _parse(data: bytes, lines_before: int) -> Any:
    try:
        text = data.decode(json.detect_encoding(data))
        if text.startswith("\ufeff"):
            text = text[1:]
        return json.loads(text, parse_float=_Token, parse_int=_Token, parse_constant=_Token)
    except json.JSONDecodeError as error:
        line = lines_before + error.lineno
        raise FileProblem("is not JSON: line %d: %s" % (line, error.msg)) from None
    except UnicodeError:
        raise FileProblem("is not JSON: it is not valid Unicode text") from None
    except RecursionError:
        raise FileProblem("is not usable JSON: it is nested too deeply") from None


def _at_key(document: Any, key: str, where: str) -> List[Tuple[Any, str]]:
    """The value at the dotted key; of a list of values each one, so that `select` can choose."""
    found = _walk(document, key.split("."))
    if found is None:
        raise _KeyMissing(
            "has no key %s%s" % (files.printable(key), close_names(key, _keys(document)))
        )
    value = found[0]
    if not isinstance(value, list):
        return [(value, where)]
    if not value:
        raise FileProblem("holds an empty list at %s" % files.printable(key))
    return [(item, "%s[%d]" % (where, i)) for i, item in enumerate(value)]


def _walk(node: Any, parts: Sequence[str]) -> Optional[Tuple[Any]]:
    """The value in a tuple, or None. Keys may hold dots themselves; the longest match wins."""
    if not parts:
        return (node,)
    if isinstance(node, list):
        return _walk_list(node, parts)
    if not isinstance(node, dict):
        return None
    for taken in range(len(parts), 0, -1):
        name = ".".join(parts[:taken])
        found = _walk(node[name], parts[taken:]) if name in node else None
        if found is not None:
            return found
    return None


def _walk_list(node: List[Any], parts: Sequence[str]) -> Optional[Tuple[Any]]:
    if not re.fullmatch(r"-?[0-9]{1,9}", parts[0]):
        return None
    index = int(parts[0])
    return _walk(node[index], parts[1:]) if -len(node) <= index < len(node) else None


def _keys(document: Any) -> List[str]:
    """Dotted keys of the document's numbers; the first few hundred are enough for a hint."""
    found: List[str] = []
    pending: List[Tuple[str, Any]] = [("", document)]
    while pending and len(found) < 500:
        prefix, node = pending.pop(0)
        if isinstance(node, dict):
            for name in list(node)[:500]:
                pending.append(("%s.%s" % (prefix, name) if prefix else name, node[name]))
        elif prefix:
            found.append(prefix)
    return found


def _shown(token: Any) -> str:
    if isinstance(token, str):
        return repr(files.printable(token, 40)) if token else "an empty text"
    if isinstance(token, (dict, list)):
        return "an object" if isinstance(token, dict) else "a list"
    return {True: "true", False: "false", None: "null"}[token]

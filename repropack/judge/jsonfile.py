"""JSON documents and JSON lines: the values at a key, with the text that each number had.

Owns: parsing, dotted keys, `where`. Does not own: JSONPath (`jsonpath`).
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from repropack.judge import csvfile, files, jsonpath
from repropack.judge.files import FileProblem
from repropack.judge.history import At, axis_of
from repropack.judge.model import Params
from repropack.judge.naming import close_names
from repropack.judge.number import same
from repropack.judge.series import Match, NothingFound

_LARGEST_BYTES = 64 << 20
_LAST_NAME = re.compile(r"""(?:\.[^\s.\[\]'"*?()@$]+|\[(?:'[^']*'|"[^"]*")\])$""")
_LINE_ENDINGS = (".jsonl", ".ndjson", ".log.json")  # the last is what mmdetection 2 writes


class Token(str):
    """A JSON number as the text that stood in the file: `0.970` stays `0.970`."""


class _KeyMissing(NothingFound):
    """The document has no such key."""


def matches(path: str, key: str, where: Params, older: int = 0) -> Iterator[Match]:
    """Each value at `key`; with `where` only of those lines, or of those elements of a list.

    Where each line is an object, the first `older` do not count.
    """
    if path.lower().endswith(_LINE_ENDINGS) or _holds_lines(path):
        return _of_lines(path, key, where, older)
    return _of_document(load(path), key, where)


def load(path: str) -> Any:
    """The document; FileProblem if it is none, or too large to be one of metrics."""
    with open(path, "rb") as stream:
        data = stream.read(_LARGEST_BYTES + 1)
    if len(data) > _LARGEST_BYTES:
        raise FileProblem("is too large for a file of metrics (over 64 MiB)")
    if not data.strip():
        raise FileProblem("is empty")
    return parse(data)


def _holds_lines(path: str) -> bool:
    """Whether the first two lines are objects each: JSON lines under the name of a document."""
    try:
        first = list(itertools.islice((x for x in csvfile.lines(path) if x.strip()), 2))
        return len(first) == 2 and all(isinstance(json.loads(x), dict) for x in first)
    except (FileProblem, ValueError, RecursionError):
        return False


def _of_document(document: Any, key: str, where: Params) -> Iterator[Match]:
    if not where:
        return iter(_at_key(document, key, "key %s" % key))
    items = document if isinstance(document, list) else [document]
    named = [(item, "[%d]" % i) for i, item in enumerate(items)]
    return _of_items(iter(named), key, where)


def _of_lines(path: str, key: str, where: Params, older: int) -> Iterator[Match]:
    def documents() -> Iterator[Tuple[Any, str]]:
        for number, line in enumerate(csvfile.lines(path), 1):
            if line.strip() and number > older:
                yield parse(line.encode("utf-8"), number - 1), " on line %d" % number

    return _of_items(documents(), key, where)


def _of_items(items: Iterator[Tuple[Any, str]], key: str, where: Params) -> Iterator[Match]:
    """Of each item that `where` picks, the values at the key; items without it are passed over."""
    problem: Optional[FileProblem] = None
    found = False
    for item, place in items:
        if not all(_holds(item, name, wanted) for name, wanted in where):
            wanted_text = ", ".join("%s = %s" % pair for pair in where)
            problem = problem or NothingFound("has nothing with %s" % files.printable(wanted_text))
            continue
        try:
            tokens = _at_key(item, key, "")
        except _KeyMissing as missing:
            problem = missing
            continue
        axis = axis_of(item) if isinstance(item, dict) else ""
        shown = ("key %s%s", key, place)
        for token, _ in tokens:
            found = True
            yield token, At(axis, item[axis], shown) if axis and len(tokens) == 1 else shown
    if not found:
        raise problem or FileProblem("is empty")


def at(document: Any, key: str) -> List[Any]:
    """The value at a dotted key; none if it is not there."""
    return list(_walk(document, key.split(".")) or ())


def _holds(item: Any, name: str, wanted: str) -> bool:
    return any(same(value, wanted) for value in at(item, name))


def parse(data: bytes, lines_before: int = 0) -> Any:
    """The value that the bytes are, numbers as `Token`; FileProblem if they are no JSON."""
    try:
        text = data.decode(json.detect_encoding(data))
        if text.startswith("\ufeff"):
            text = text[1:]
        return json.loads(text, parse_float=Token, parse_int=Token, parse_constant=Token)
    except json.JSONDecodeError as error:
        line = lines_before + error.lineno
        raise FileProblem("is not JSON: line %d: %s" % (line, error.msg)) from None
    except UnicodeError:
        raise FileProblem("is not JSON: it is not valid Unicode text") from None
    except RecursionError:
        raise FileProblem("is not usable JSON: it is nested too deeply") from None


def _at_key(document: Any, key: str, where: str) -> List[Tuple[Any, Any]]:
    """The values at the key; of a list of values each one, so that `select` can choose."""
    if jsonpath.is_path(key):
        return _at_path(document, key)
    found = _walk(document, key.split("."))
    if found is None:
        raise _KeyMissing(
            "has no key %s%s" % (files.printable(key), close_names(key, keys(document)))
        )
    return _each(found[0], where, key)


def _at_path(document: Any, path: str) -> List[Tuple[Any, Any]]:
    found = jsonpath.find(document, path)
    if not found:
        names = close_names(path, keys(document))
        raise _KeyMissing("has nothing at %s%s" % (files.printable(path), names))
    if len(found) == 1:
        return _each(found[0][0], found[0][1], path)
    return _counted(document, path, found)


def _counted(document: Any, path: str, found: List[Tuple[Any, str]]) -> List[Tuple[Any, Any]]:
    """The values with what is counted beside them: `$.log_history[*].step` for `….loss`."""
    parent = _LAST_NAME.sub("", path)
    if parent == path:
        return list(found)
    holders = {place: item for item, place in jsonpath.find(document, parent)}
    placed = [(value, place, holders.get(_LAST_NAME.sub("", place))) for value, place in found]
    items = [item for _, _, item in placed if isinstance(item, dict)]
    shared = set.intersection(*(set(item) for item in items)) if len(items) == len(placed) else ()
    axis = axis_of(shared)
    if not axis:
        return list(found)
    return [(value, At(axis, (item or {})[axis], place)) for value, place, item in placed]


def _each(value: Any, where: str, key: str) -> List[Tuple[Any, str]]:
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


def keys(document: Any) -> List[str]:
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

"""JSONPath, the part that metrics need: `$.history[-1].acc`, `[*]`, `[-5:]`, `[?(@.mode=='val')]`.

Owns: the syntax, and which values of a document it selects. Does not own: files (`jsonfile`).
"""

from __future__ import annotations

import ast
import re
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Tuple

from repropack.judge.number import same

_INTEGER = r"-?[0-9]{1,9}"
_TEXT = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_TOKEN = re.compile(
    r"""
      \.(?P<name>[^\s.\[\]'"*?()@$]+)
    | \.(?P<every>\*) | \[(?P<any>\*)\]
    | \[(?P<index>%s)\]
    | \[(?P<start>(?:%s)?):(?P<stop>(?:%s)?)\]
    | \[(?P<quoted>%s)\]
    | \[\?\(?\s*@(?P<inner>(?:\.[^\s.\[\]'"*?()@$=!]+)+)
        \s*(?P<same>==|!=)\s*(?P<wanted>%s|[-+.\w]+)\s*\)?\]
    """
    % (_INTEGER, _INTEGER, _INTEGER, _TEXT, _TEXT),
    re.VERBOSE,
)

Found = Tuple[Any, str]  # a value, and the path that leads to it


class _Step(NamedTuple):
    """One step down, from a value to those that it selects, and how the path tells it."""

    down: Callable[[Any], Iterable[Found]]


def is_path(key: str) -> bool:
    """Whether a key is meant as a JSONPath, not as dotted names."""
    return key.startswith(("$.", "$["))


def parse(path: str) -> Tuple[_Step, ...]:
    """The steps of a path; ValueError that says where it cannot be read."""
    steps, position = [], 1
    if not is_path(path):
        raise ValueError("a JSONPath begins with $. or $[")
    while position < len(path):
        match = _TOKEN.match(path, position)
        if match is None:
            raise ValueError("cannot be read from %r on" % path[position:])
        steps.append(_Step(_step(match)))
        position = match.end()
    return tuple(steps)


def find(document: Any, path: str) -> List[Found]:
    """Every value that the path selects, in the document's order; ValueError as `parse`."""
    found: Iterable[Found] = [(document, "$")]
    for step in parse(path):
        found = _descend(found, step)
    return list(found)


def _descend(found: Iterable[Found], step: _Step) -> Iterator[Found]:
    for value, path in found:
        for below, name in step.down(value):
            yield below, path + name


def _step(match: "re.Match[str]") -> Callable[[Any], Iterable[Found]]:
    given = match.groupdict()
    if given["name"] is not None:
        return _named(given["name"])
    if given["quoted"] is not None:
        return _named(str(ast.literal_eval(given["quoted"])))
    if given["every"] or given["any"]:
        return _children
    if given["index"] is not None:
        return _sliced(int(given["index"]), None)
    if given["inner"] is not None:
        return _filtered(given["inner"][1:].split("."), given["wanted"], given["same"] == "==")
    start, stop = given["start"], given["stop"]
    return _sliced(int(start) if start else None, (int(stop) if stop else None,))


def _named(name: str) -> Callable[[Any], Iterable[Found]]:
    def down(value: Any) -> Iterable[Found]:
        if isinstance(value, dict) and name in value:
            yield value[name], ".%s" % name

    return down


def _children(value: Any) -> Iterable[Found]:
    if isinstance(value, dict):
        return [(item, ".%s" % name) for name, item in value.items()]
    if isinstance(value, list):
        return [(item, "[%d]" % i) for i, item in enumerate(value)]
    return []


def _sliced(start: Any, stop: Any) -> Callable[[Any], Iterable[Found]]:
    """One element (`stop` is None), or those of a slice (`stop` is a tuple of its end)."""

    def down(value: Any) -> Iterable[Found]:
        if not isinstance(value, list):
            return []
        positions = range(len(value))
        if stop is not None:
            chosen = list(positions[start : stop[0]])
        else:
            chosen = [positions[start]] if -len(value) <= start < len(value) else []
        return [(value[i], "[%d]" % i) for i in chosen]

    return down


def _filtered(names: List[str], literal: str, equal: bool) -> Callable[[Any], Iterable[Found]]:
    wanted = str(ast.literal_eval(literal)) if literal[0] in "'\"" else literal

    def down(value: Any) -> Iterable[Found]:
        for item, name in _children(value):
            at: Any = item
            for part in names:
                at = at.get(part) if isinstance(at, dict) else None
            if at is not None and same(at, wanted) is equal:
                yield item, name

    return down

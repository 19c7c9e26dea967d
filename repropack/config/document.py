"""YAML text → a tree of nodes that remember their line and the text as it was typed.

Owns: syntax, and what a hostile document can do (depth, size, aliases, tags).
Does not own: what the keys mean. Scalars are never converted: `97.0` stays "97.0", `on` stays "on".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

import yaml

from repropack.config.names import shown
from repropack.errors import ConfigError

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 30
MAX_NODES: Final = 20_000  # aliases expanded
_TAG_PREFIX: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = frozenset(
    _TAG_PREFIX + tag
    for tag in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq")
)
_QUOTE_HINT: Final = (
    "indent with spaces, and put quotes around text that holds any of : # { } [ ] , & * ! | >"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One word, number or text, as typed. `null` marks `~`, `null` and nothing at all."""

    line: int
    text: str
    null: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A list."""

    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One `key: value`; keys may repeat here, the reader complains about it."""

    line: int
    key: str
    value: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Keys with their values, in the order of the file."""

    line: int
    entries: tuple[Entry, ...]


Node: TypeAlias = Scalar | Sequence | Mapping


class _Refused(Exception):
    """The document is well-formed but not one that we read."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class _Loader(yaml.SafeLoader):
    """Composes nodes only, and stops early where a document is too deep or too large."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        self.nodes += 1
        _check_limits(self.depth, self.nodes, self.line + 1)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def read_document(text: str, *, name: str) -> Node | None:
    """Return the tree of one YAML document, or None when it holds nothing.

    Raises ConfigError for everything that is not one plain YAML document: syntax, more than
    1 MB, tags, too deep, too large after aliases are expanded.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ConfigError(f"{name} is larger than 1 MB", hint="is it the right file?")
    text = text.removeprefix("\ufeff")
    try:
        root = _compose(text)
        return None if root is None else _Converter().convert(root, depth=1)
    except _Refused as error:
        raise ConfigError(
            f"{name} cannot be used",
            problems=(f"{error.message} (line {error.line})",),
            hint="write plain YAML: keys, lists and text",
        ) from None
    except yaml.YAMLError as error:
        problem = _syntax_problem(error, text)
    except (ValueError, OverflowError, RecursionError) as error:  # e.g. "\UFFFFFFFF"
        problem = f"a value cannot be read: {error}"
    raise ConfigError(f"{name} is not valid YAML", problems=(problem,), hint=_hint(problem, text))


def _compose(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _check_limits(depth: int, nodes: int, line: int) -> None:
    if depth > MAX_DEPTH:
        raise _Refused(f"nested deeper than {MAX_DEPTH} levels", line)
    if nodes > MAX_NODES:
        raise _Refused(f"more than {MAX_NODES} values, counting aliases", line)


def _syntax_problem(error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "syntax error"
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        return f"{what}{place}{_line(mark, text) if mark else ''}"
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"a character that YAML does not allow (line {line})"
    return "syntax error"


def _line(mark: yaml.Mark, text: str) -> str:
    """The line that is meant, if it can be shown."""
    lines = text.splitlines()
    line = lines[mark.line].strip() if mark.line < len(lines) else ""
    return f": {shown(line)}" if line else ""


def _hint(problem: str, text: str) -> str:
    """What helps most often with that problem."""
    if re.search(r"^(?:<{7}|>{7}|={7}$)", text, re.MULTILINE):
        return "lines with <<<<<<<, ======= or >>>>>>> are left of a merge: choose one side"
    if "escape character" in problem:
        return "write patterns in single quotes, in which a backslash is only that: 'acc=([\\d.]+)'"
    return _QUOTE_HINT


class _Converter:
    """Turns composed nodes into ours, expanding aliases within the limits."""

    def __init__(self) -> None:
        self.nodes = 0

    def convert(self, node: yaml.Node, depth: int) -> Node:
        line = node.start_mark.line + 1
        self.nodes += 1
        _check_limits(depth, self.nodes, line)
        if node.tag not in _PLAIN_TAGS:
            tag = node.tag.removeprefix(_TAG_PREFIX)
            raise _Refused(f"the YAML tag {tag[:60]!r} is not allowed", line)
        if isinstance(node, yaml.ScalarNode):
            null = node.tag == _TAG_PREFIX + "null"
            return Scalar(line=line, text=node.value, null=null)
        if isinstance(node, yaml.SequenceNode):
            return Sequence(
                line=line, items=tuple(self.convert(item, depth + 1) for item in node.value)
            )
        return Mapping(line=line, entries=self._entries(node, depth))

    def _entries(self, node: yaml.Node, depth: int) -> tuple[Entry, ...]:
        return tuple(self._entry(key, value, depth) for key, value in node.value)

    def _entry(self, key: yaml.Node, value: yaml.Node, depth: int) -> Entry:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _Refused("a key must be a single word", line)
        return Entry(line=line, key=key.value, value=self.convert(value, depth + 1))

"""Walking the tree: a node, its path, and the list that its problems go to.

Owns: complaints about shape (missing, unknown, repeated, wrong type).
Does not own: what single values must look like (`fields`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping as MappingType

from repropack.config.document import Mapping, Node, Scalar, Sequence
from repropack.config.names import did_you_mean, is_name, shown

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_CONTROL_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


class Problems:
    """All problems of one file, in the order of its lines."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str]] = []

    def add(self, path: str, message: str, line: int) -> None:
        """Note one problem at a dotted path and a 1-based line."""
        where = f"{path}: " if path else ""
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in where + message)
        self._found.append((line, f"{text} (line {line})"))

    def texts(self) -> tuple[str, ...]:
        """Return the problems, each on one line, without repetitions."""
        return tuple(dict.fromkeys(text for _, text in sorted(self._found, key=lambda p: p[0])))


class Cursor:
    """A node somewhere in the file. Methods that find it unfit note a problem and return None."""

    def __init__(self, node: Node, path: str, problems: Problems) -> None:
        self.node = node
        self.path = path
        self.problems = problems

    @property
    def line(self) -> int:
        """The 1-based line on which the node starts."""
        return self.node.line

    def problem(self, message: str) -> None:
        """Note a problem with this node."""
        self.problems.add(self.path, message, self.line)

    def entries(self) -> list[tuple[str, Cursor]]:
        """Return the keys and values of a mapping; repeated keys are noted and left out."""
        if not isinstance(self.node, Mapping):
            self.problem(f"must be a mapping (key: value), not {_kind(self.node)}")
            return []
        seen: dict[str, tuple[int, Cursor]] = {}
        for entry in self.node.entries:
            if entry.key in seen:
                first = seen[entry.key][0]
                self.problems.add(
                    self._below(entry.key), f"given twice, first in line {first}", entry.line
                )
                continue
            value = Cursor(entry.value, self._below(entry.key), self.problems)
            seen[entry.key] = (entry.line, value)
        return [(key, value) for key, (_, value) in seen.items()]

    def fields(
        self, known: tuple[str, ...], *, later: MappingType[str, str] | None = None
    ) -> dict[str, Cursor]:
        """Return the values of the known keys, without empty ones; unknown keys are noted.

        `later` maps keys that are known but not supported yet to what to say about them.
        """
        found: dict[str, Cursor] = {}
        for key, value in self.entries():
            if later and key in later:
                value.problem(later[key])
            elif key not in known:
                self.problems.add(
                    self.path,
                    f"unknown key {shown(key)}{did_you_mean(key, known)}",
                    self._key_line(key),
                )
            elif not value.is_null():
                found[key] = value
        return found

    def items(self) -> list[Cursor]:
        """Return the items of a list."""
        if not isinstance(self.node, Sequence):
            typed = self.node.text if isinstance(self.node, Scalar) else ""
            such = f", such as [{typed}]" if "," in typed else ""
            self.problem(f"must be a list, not {_kind(self.node)}{such}")
            return []
        return [
            Cursor(item, f"{self.path}[{index}]", self.problems)
            for index, item in enumerate(self.node.items)
        ]

    def text(self, *, multiline: bool = False) -> str | None:
        """Return the text of a scalar as typed; control characters are refused.

        `multiline` allows newlines and tabs: only a shell script may have them.
        """
        if not isinstance(self.node, Scalar):
            self.problem(f"must be text, not {_kind(self.node)}; put it in quotes")
            return None
        if self.node.null or not self.node.text.strip():
            self.problem("must not be empty")
            return None
        bad = control_character(self.node.text, allowed="\n\t" if multiline else "")
        if bad is not None:
            self.problem(f"control characters are not allowed; this holds {bad!r}")
            return None
        return self.node.text

    def is_null(self) -> bool:
        """Whether nothing was written."""
        return isinstance(self.node, Scalar) and self.node.null

    def is_quoted_empty(self) -> bool:
        """Whether an empty text was written on purpose: `""`."""
        return isinstance(self.node, Scalar) and not self.node.null and not self.node.text

    def is_mapping(self) -> bool:
        """Whether keys can be read from it."""
        return isinstance(self.node, Mapping)

    def is_list(self) -> bool:
        """Whether it has items."""
        return isinstance(self.node, Sequence)

    def require(self, fields: dict[str, Cursor], key: str) -> Cursor | None:
        """Return the value of a key that must be there."""
        if key not in fields:
            self.problem(f"{key!r} is missing")
        return fields.get(key)

    def _below(self, key: str) -> str:
        part = key if is_name(key) else shown(key)
        return f"{self.path}.{part}" if self.path else part

    def _key_line(self, key: str) -> int:
        entries = self.node.entries if isinstance(self.node, Mapping) else ()
        return next((entry.line for entry in entries if entry.key == key), self.line)


def control_character(text: str, *, allowed: str = "") -> str | None:
    """Return the first character that could end a line or turn text around, or None."""
    for character in text:
        if character in allowed:
            continue
        if unicodedata.category(character) in _CONTROL_CATEGORIES or character in _BIDI:
            return character
    return None


def _kind(node: Node) -> str:
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return "nothing" if node.null else shown(node.text)

"""Looking for words and patterns in bytes that stream by, of whatever size.

Owns: the search, and how sure a find is. Does not own: what is looked for (`terms`, `patterns`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from repropack.anonymous import patterns
from repropack.anonymous.terms import Term, pattern_of

#: What is kept of one piece for the next, so that nothing is cut in two.
_OVERLAP = 512
_MOST_OF_A_FILE = 20
_LONGEST = 120
_BINARY_HEAD = 8192
_PRINTABLE = re.compile(rb"[\x20-\x7e]{4,}")


class Kind(Enum):
    """How sure it is that somebody is told: by a name like no other, a plain word, or a shape."""

    NAME = "name"
    WORD = "word"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class Needle:
    """What is looked for. Where none of `parts` is (in lower case), the pattern is nowhere."""

    what: str
    kind: Kind
    parts: tuple[bytes, ...]
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Find:
    """What was found: `line` is 0 in what is no text."""

    what: str
    kind: Kind
    line: int
    text: str


def needles_of(words: Iterable[Term]) -> tuple[Needle, ...]:
    """The words, and the patterns that are looked for everywhere."""
    found = [
        Needle(word.what, kind_of(word), (_part(word.text),), pattern_of(word)) for word in words
    ]
    shapes = [*patterns.EVERYWHERE, *patterns.MACHINE]
    parts = {what: tuple(map(str.encode, texts)) for what, texts in patterns.PARTS.items()}
    return (*found, *(Needle(what, Kind.SHAPE, parts[what], each) for what, each in shapes))


def kind_of(word: Term) -> Kind:
    """A full name, an address, a path, or what the author names is nobody else's.

    A single word, `david`, stands in every distribution.
    """
    sure = word.what.startswith("what --hide") or any(char in word.text for char in " @/.")
    return Kind.NAME if sure else Kind.WORD


def _part(text: str) -> bytes:
    """The longest part of a word that stands in a file as it is, in lower case."""
    found: list[str] = re.findall(r"[!-,/-^`-~]+", text) or [text]
    return max(found, key=len).lower().encode()


class Search:
    """A file that is looked through piece by piece."""

    def __init__(self, needles: tuple[Needle, ...]) -> None:
        self._needles = needles
        self._tail = b""
        self._line = 1
        self._binary: bool | None = None
        self._finds: dict[Find, None] = {}

    @property
    def finds(self) -> tuple[Find, ...]:
        """What was found, the first places of it."""
        return tuple(self._finds)

    def feed(self, piece: bytes) -> None:
        """The next piece of it."""
        if self._binary is None:
            self._binary = b"\0" in piece[:_BINARY_HEAD]
        window = self._tail + piece
        low = window.lower()
        for needle in self._needles if len(self._finds) < _MOST_OF_A_FILE else ():
            for part in needle.parts:
                if part in low:
                    self._look(window, low, part, needle)
        self._tail = window[-_OVERLAP:]
        self._line += window.count(b"\n", 0, len(window) - len(self._tail))

    def _look(self, window: bytes, low: bytes, part: bytes, needle: Needle) -> None:
        """Around each place of a part: all of it would be read again and again."""
        at = low.find(part)
        while at >= 0 and len(self._finds) < _MOST_OF_A_FILE:
            start = max(0, at - _OVERLAP)
            around = window[start : at + _OVERLAP]
            if self._binary:
                text = b"\n".join(_PRINTABLE.findall(around)).decode("ascii")
            else:
                text = around.decode("utf-8", "replace")
            for match in needle.pattern.finditer(text):
                above = window.count(b"\n", 0, start) + text.count("\n", 0, match.start())
                line = 0 if self._binary else self._line + above
                self._finds[Find(needle.what, needle.kind, line, shown(match.group()))] = None
            at = low.find(part, at + _OVERLAP // 2)


def in_text(text: str, needles: tuple[Needle, ...]) -> tuple[Find, ...]:
    """What is found in a name, or another short text."""
    search = Search(needles)
    search.feed(text.encode("utf-8", "replace"))
    return tuple(dict.fromkeys(replace(find, line=0) for find in search.finds))


def shown(text: str) -> str:
    """As it is told: a part, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text.strip())[:_LONGEST]

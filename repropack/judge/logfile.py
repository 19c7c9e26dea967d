"""Matches of a regular expression in a log of any size, and the log's last lines.

Owns: cutting endless lines, carriage returns, invalid UTF-8 and terminal colours into text that a
pattern can be tried on, line by line. Does not own: which match counts (`readers`).
"""

from __future__ import annotations

import codecs
import os
import re
from typing import Callable, Iterator, List, Match, NamedTuple, Pattern, Tuple

from repropack.judge import files
from repropack.judge.history import axis_of

_CHUNK_BYTES = 1 << 16
# An endless line is looked at through a window; a match of over 2048 characters may be missed.
_WINDOW = 16384  # characters
_STEP = _WINDOW - 2048  # characters
_TERMINAL_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])"
)
# Patterns with these could tell a line by itself from a line among others.
_SEES_LINE_ENDS = re.compile(r"\\[AZB]|\(\?[<!=>]|\(\?[a-zA-Z-]|\(\?\(|[*+?}]\+")
_LINE_END = re.compile(r"(\r\n|\r|\n)")


def matches(path: str, pattern: str, group: str = "") -> Iterator[Tuple[str, int]]:
    """Each match's text and the number of its line.

    The text is that of the group `group` (a name or a number), else of the one called `value`, else
    of the first, else all of it. The pattern is tried on each line by itself. A line ends at a line
    feed or a carriage return (progress bars); only line feeds count in its number. OSError if the
    file is unreadable.
    """
    compiled = re.compile(pattern)
    whole = None if _SEES_LINE_ENDS.search(pattern) else re.compile(pattern, re.MULTILINE)
    captured = _capture(compiled, group)
    scan = _Scan(compiled, captured)
    for chunk in _decoded(path):
        text = scan.take() + chunk
        complete, end, begun = text.rpartition("\n")
        quick = whole is not None and end and scan.offset == 0 and _is_plain(text)
        found = [m for m in whole.finditer(complete) if m.group(0)] if whole and quick else []
        if not quick or any("\n" in match.group(0) for match in found):
            for result in scan.feed(text):
                yield result
            continue
        position = 0
        for match in found:
            scan.number += complete.count("\n", position, match.start())
            position = match.start()
            yield captured(match), scan.number
        scan.number += complete.count("\n", position) + 1
        scan.rest = begun
    for result in scan.finish():
        yield result


def matches_in(text: str, pattern: str, group: str = "") -> Iterator[Tuple[str, int]]:
    """As `matches`, in a text."""
    compiled = re.compile(pattern)
    scan = _Scan(compiled, _capture(compiled, group))
    for result in scan.feed(text):
        yield result
    for result in scan.finish():
        yield result


class Counted(str):
    """What matched, where another group of the pattern counts: `epoch` or `step`, by its name."""

    axis = ""
    x = ""


def _is_plain(text: str) -> bool:
    return "\r" not in text and "\x1b" not in text


def _capture(compiled: Pattern[str], group: str) -> Callable[[Match[str]], str]:
    """What to take of a match."""
    taken = _taken(compiled, group)
    axis = axis_of([name for name in compiled.groupindex if name != group])
    if not axis:
        return taken

    def counted(match: Match[str]) -> str:
        found = Counted(taken(match))
        found.axis, found.x = axis, match.group(axis) or ""
        return found

    return counted


def _taken(compiled: Pattern[str], group: str) -> Callable[[Match[str]], str]:
    name = int(group) if group.isdigit() else group
    if not name and "value" in compiled.groupindex:
        name = "value"
    if name or not compiled.groups:
        return lambda match: match.group(name or 0) or ""
    if compiled.groups == 1:
        return lambda match: match.group(1) or ""
    return lambda match: next((text for text in match.groups() if text is not None), "")


class _Piece(NamedTuple):
    """Text of one line: matches that begin before `limit` belong to it.

    `offset` is where the text begins in its line; a line longer than the window comes in
    windows that overlap.
    """

    text: str
    offset: int
    limit: int


class _Scan:
    """Tries a pattern line by line; `rest` is the beginning of the line that is not complete."""

    def __init__(self, compiled: Pattern[str], captured: Callable[[Match[str]], str]) -> None:
        self.number = 1
        self.rest = ""
        self.offset = 0
        self._compiled = compiled
        self._captured = captured
        self._consumed = 0

    def take(self) -> str:
        """Hand out the rest, which is to come back with what follows."""
        rest, self.rest = self.rest, ""
        return rest

    def feed(self, text: str) -> Iterator[Tuple[str, int]]:
        """The matches in the lines that `text` completes, and in the windows of endless ones."""
        parts = _LINE_END.split(text)
        for i in range(0, len(parts) - 1, 2):
            for result in self._line(_plain(parts[i])):
                yield result
            self.number += parts[i + 1] != "\r"
        self.rest = parts[-1]
        while len(self.rest) > _WINDOW:
            piece = _Piece(self.rest[:_WINDOW], self.offset, _STEP)
            for result in self._piece(piece):
                yield result
            self.rest, self.offset = self.rest[_STEP - 1 :], self.offset + _STEP - 1

    def finish(self) -> Iterator[Tuple[str, int]]:
        """The matches in a last line without an end."""
        return self._line(_plain(self.rest))

    def _line(self, line: str) -> Iterator[Tuple[str, int]]:
        for piece in _windows(self.offset, line):
            for result in self._piece(piece):
                yield result
        self.offset = self._consumed = 0

    def _piece(self, piece: _Piece) -> Iterator[Tuple[str, int]]:
        # One character of context, so that `^` and a word boundary see what stands before.
        begin = max(self._consumed - piece.offset, 1 if piece.offset else 0)
        for match in self._compiled.finditer(piece.text, begin):
            if match.start() >= piece.limit:
                break
            self._consumed = piece.offset + match.end()
            if match.group(0):
                yield self._captured(match), self.number


def _windows(offset: int, line: str) -> Iterator[_Piece]:
    while len(line) > _WINDOW:
        yield _Piece(line[:_WINDOW], offset, _STEP)
        line, offset = line[_STEP - 1 :], offset + _STEP - 1
    if line:
        yield _Piece(line, offset, len(line) + 1)


def _plain(text: str) -> str:
    return _TERMINAL_SEQUENCE.sub("", text) if "\x1b" in text else text


def _decoded(path: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(_CHUNK_BYTES), b""):
            yield decoder.decode(chunk)
    yield decoder.decode(b"", True)


def last_lines(path: str, count: int = 20) -> List[str]:
    """The last lines that are not blank, made printable; none if the file cannot be read."""
    try:
        with open(path, "rb") as stream:
            size_bytes = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size_bytes - _CHUNK_BYTES))
            text = stream.read(_CHUNK_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in map(clean_line, re.split("[\r\n]", text)) if line][-count:]


def clean_line(text: str) -> str:
    """A line without terminal sequences and control characters, at most 200 characters."""
    return files.printable(_plain(text))

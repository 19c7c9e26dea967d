"""CSV and other line-wise files, read one line at a time with a limit on its length.

Owns: lines, delimiters, columns, `where`. Does not own: what a cell's text is worth (`readers`).
"""

from __future__ import annotations

import csv
from typing import Dict, Iterator, List, Sequence, Tuple

from repropack.judge import files
from repropack.judge.files import FileProblem
from repropack.judge.history import At, axis_of
from repropack.judge.model import Params
from repropack.judge.naming import close_names
from repropack.judge.number import same
from repropack.judge.series import Match, NothingFound

_LONGEST_LINE = 1 << 20  # characters


def lines(path: str) -> Iterator[str]:
    """The lines without a byte order mark; FileProblem for one of more than a million characters.

    Bytes that are not UTF-8 become U+FFFD: a stray one in a comment must not hide a number.
    """
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as stream:
        number = 0
        while True:
            line = stream.readline(_LONGEST_LINE)
            if not line:
                return
            number += 1
            if len(line) >= _LONGEST_LINE:
                raise FileProblem("has a line that is too long (line %d)" % number)
            yield line


def cells(path: str, column: str, where: Params, older: int = 0) -> Iterator[Match]:
    """Each cell of `column` in the rows that `where` picks, with the line that it stands on.

    The first `older` lines do not count, but for the header.

    Empty cells are passed over: loggers leave them where a metric was not written in a step.
    """
    rows = _rows(path, column)
    header = next(rows, (0, []))[1]
    wanted = _index(header, column)
    axis = axis_of([name.strip() for name in header if name.strip() != column])
    counter = [name.strip() for name in header].index(axis) if axis else -1
    conditions = [(_index(header, name), text) for name, text in where]
    seen = _Seen(where)
    for line, row in rows:
        if line <= older:
            continue
        seen.add([row[i].strip() if i < len(row) else "" for i, _ in conditions])
        if not all(i < len(row) and same(row[i], text) for i, text in conditions):
            continue
        seen.matched = True
        if wanted < len(row) and row[wanted].strip():
            place = ("column %s on line %d", column, line)
            counted = axis and counter < len(row) and row[counter].strip()
            yield row[wanted], At(axis, row[counter], place) if counted else place
            seen.found = True
    if not seen.found:
        raise NothingFound(seen.reason(column))


class _Seen:
    """What the rows held, for the reason when nothing was found."""

    def __init__(self, where: Params) -> None:
        self._where = where
        self._values: List[Dict[str, None]] = [{} for _ in where]
        self.matched = False
        self.found = False

    def add(self, texts: Sequence[str]) -> None:
        for values, text in zip(self._values, texts):
            if len(values) < 9:
                values[text] = None

    def reason(self, column: str) -> str:
        if self.matched or not self._where:
            return "has no value in column %s" % files.printable(column)
        wanted = ", ".join("%s = %s" % pair for pair in self._where)
        known = "; ".join(
            "%s is %s" % (pair[0], ", ".join(list(values)[:8]))
            for pair, values in zip(self._where, self._values)
        )
        return "has no row with %s (%s)" % (files.printable(wanted), files.printable(known))


def _rows(path: str, column: str) -> Iterator[Tuple[int, List[str]]]:
    """Line number and cells of each row that is not blank; the first is the header."""
    stream = lines(path)
    first = next((line for line in stream if line.strip()), None)
    if first is None:
        raise FileProblem("is empty")
    delimiter = _delimiter(first, column, path)

    def again() -> Iterator[str]:
        yield first
        yield from stream

    reader = csv.reader(again(), delimiter=delimiter)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise FileProblem("is not CSV: line %d: %s" % (reader.line_num, error)) from None


def _delimiter(header: str, column: str, path: str) -> str:
    """The delimiter that makes `column` a cell of the header; else the one that stands there."""
    order = "\t,;|" if path.lower().endswith((".tsv", ".tab")) else ",;\t|"
    for delimiter in order:
        try:
            row = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error:
            continue
        if column in [cell.strip() for cell in row]:
            return delimiter
    return max(order, key=header.count)


def _index(header: Sequence[str], column: str) -> int:
    names = [cell.strip() for cell in header]
    if column not in names:
        hint = close_names(column, names)
        raise FileProblem("has no column %s%s" % (files.printable(column), hint))
    if names.count(column) > 1:
        raise FileProblem("has more than one column %s" % files.printable(column))
    return names.index(column)

"""The raw values beside each plot, as CSV: inside of the page, or beside it where they are many.

Owns: CSV text and the link to it. Does not own: writing files (`verification`).
"""

from __future__ import annotations

import csv
import html
import io
import re
import urllib.parse
from collections.abc import Iterable, Sequence

from repropack.report.markup import Html, tag

FOLDER = "report-data"
"""Where the files lie that a page refers to, beside it."""
LARGEST_INLINE = 300_000
LARGEST_PAGE = 1_500_000
_NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")

Cell = str | float | int | None


class Sheets:
    """The CSV files of one page. Those that would make it large go to `files`."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self._names: set[str] = set()
        self._inline = 0

    def link(self, name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Html:
        """A link to these values."""
        text = as_csv(head, rows)
        file = self._name(name)
        data = urllib.parse.quote(text, safe=" ,.;:=+-_/()'")
        if len(data) <= LARGEST_INLINE and self._inline + len(data) <= LARGEST_PAGE:
            self._inline += len(data)
            address = f"data:text/csv;charset=utf-8,{data}".replace(" ", "%20")
        else:
            address = f"{FOLDER}/{file}"
            self.files[file] = text
        label = f"Values of {name} as CSV"
        # Not through `tag`: it cuts long texts, and an address of data is long and quoted already.
        return tag("a", "CSV", href=Html(html.escape(address)), download=file, aria_label=label)

    def _name(self, name: str) -> str:
        stem = _UNSAFE_IN_NAME.sub("-", name).strip("-.")[:60] or "values"
        number, found = 1, stem
        while found in self._names:
            number += 1
            found = f"{stem}-{number}"
        self._names.add(found)
        return f"{found}.csv"


def as_csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """CSV as RFC 4180 has it, but for its line ends."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    return stream.getvalue()


def cell(value: Cell) -> str:
    """A value. Text that a spreadsheet would compute gets an apostrophe in front of it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    if value[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.fullmatch(value):
        return "'" + value
    return value

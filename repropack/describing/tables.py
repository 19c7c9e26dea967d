"""CSV and TSV files: rows, columns, and the labels where a column is called so."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

from repropack.describing.model import Table
from repropack.progress import Reporter

ENDS: Final = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_LABELS: Final = ("label", "labels", "class", "target", "y", "category", "species", "diagnosis")
#: More values than this are no classes.
MAX_LABELS: Final = 1000
_LONGEST_FIELD = 16 << 20
_TELL_EVERY = 20_000


class UnreadableError(Exception):
    """A file that is not what its name says."""


def read_table(place: Path, path: str, reporter: Reporter) -> Table:
    """A table, read once from front to end. Raises `UnreadableError`."""
    before = csv.field_size_limit(_LONGEST_FIELD)  # the whole process has one
    try:
        with _opened(place) as stream:
            return _read(stream, path, reporter)
    except (csv.Error, OSError, EOFError, zlib.error) as error:
        raise UnreadableError(str(error)) from error
    finally:
        csv.field_size_limit(before)


def _opened(place: Path) -> IO[str]:
    """Text of UTF-8 or of something near it: what is counted does not depend on it."""
    packed = place.name.lower().endswith(".gz")
    raw = gzip.open(place) if packed else place.open("rb")  # noqa: SIM115 (closed with the text)
    return io.TextIOWrapper(
        cast(IO[bytes], raw), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )


def _read(stream: IO[str], path: str, reporter: Reporter) -> Table:
    start = stream.readline(1 << 20)
    if not start.strip():
        return Table(path=path, n_rows=0, columns=())
    if "\0" in start:
        raise UnreadableError("it holds zero bytes: this is no text")
    rows = csv.reader(_from(start, stream), delimiter=_delimiter(path, start))
    first = next(rows, [])
    headed = _is_header(first)
    columns = tuple(name.strip() for name in first) if headed else ()
    index = _label(columns)
    counts: Counter[str] = Counter()
    n_rows = 0 if headed else 1
    for row in rows:
        if not row:
            continue
        n_rows += 1
        if index is not None and index < len(row) and len(counts) <= MAX_LABELS:
            counts[row[index].strip()] += 1
        if n_rows % _TELL_EVERY == 0:
            reporter.detail(f"{path} · {n_rows} rows")
    few = index is not None and 0 < len(counts) <= MAX_LABELS
    return Table(
        path=path,
        n_rows=n_rows,
        columns=columns or tuple(f"column {number}" for number in range(1, len(first) + 1)),
        label=columns[index] if few and index is not None else "",
        labels=tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))) if few else (),
    )


def _from(start: str, stream: IO[str]) -> Iterator[str]:
    yield start
    yield from stream


def _delimiter(path: str, start: str) -> str:
    if ".tsv" in path.lower().rpartition("/")[2]:
        return "\t"
    return max(",;\t|", key=start.count)


def _is_header(row: list[str]) -> bool:
    """Names are no numbers, and differ."""
    return all(cell.strip() and not _is_number(cell) for cell in row) and len(set(row)) == len(row)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _label(columns: tuple[str, ...]) -> int | None:
    low = [name.lower() for name in columns]
    return next((low.index(name) for name in _LABELS if name in low), None)

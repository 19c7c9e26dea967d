"""A description as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator

from repropack.describing.model import Channels, Description, Leak, Split, Table
from repropack.footprint.following import size

_MANY = 12


def lines(described: Description) -> Iterator[str]:
    """All that is known, a fact a line."""
    if described.layout:
        yield f"layout: {described.layout}"
    for split in described.splits:
        yield _split(split)
        yield from (f"  {name}: {n}" for name, n in split.classes[:_MANY])
        if len(split.classes) > _MANY:
            yield f"  … and {len(split.classes) - _MANY} more classes"
    for table in described.tables:
        yield from _table(table)
    for array in described.arrays:
        name = f"{array.path}[{array.name}]" if array.name else array.path
        yield f"{name}: {' × '.join(map(str, array.shape)) or 'one value'}, {array.dtype}"
    for channels in described.channels:
        yield from _channels(channels)
    if (described.compared and len({s.name for s in described.splits}) > 1) or described.leaks:
        yield from _leaks(described)
    yield from (f"not read: {path}: {why}" for path, why in described.problems)
    yield from (f"note: {note}" for note in described.notes)


def _split(split: Split) -> str:
    facts = [f"{split.n_files} files", size(split.n_bytes)]
    if split.classes:
        counts = [n for _, n in split.classes]
        facts.append(f"{len(counts)} classes of {min(counts)} to {max(counts)}")
    return f"{split.name or 'all'}: {', '.join(facts)}"


def _table(table: Table) -> Iterator[str]:
    columns = ", ".join(table.columns[:_MANY]) + (" …" if len(table.columns) > _MANY else "")
    yield f"{table.path}: {table.n_rows} rows, {len(table.columns)} columns ({columns})"
    if table.labels:
        counts = ", ".join(f"{value or '(empty)'}: {n}" for value, n in table.labels[:_MANY])
        more = f" … and {len(table.labels) - _MANY} more" if len(table.labels) > _MANY else ""
        yield f"  {table.label}: {counts}{more}"


def _channels(each: Channels) -> Iterator[str]:
    kind = "grey" if each.n_channels == 1 else "colour"
    yield (
        f"{each.split or 'all'}: {each.n_images} {kind} images of {each.bits} bits, "
        f"{_range(each.widths)} × {_range(each.heights)} pixels"
    )
    yield f"  mean {_numbers(each.mean)}, standard deviation {_numbers(each.std)}"


def _range(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


def _leaks(described: Description) -> Iterator[str]:
    if not any(leak.kind == "split" for leak in described.leaks):
        yield "no file is in two splits"
    for leak in described.leaks:
        yield f"{_what(leak)}: {leak.n_contents}"
        yield from (f"  {one} = {other}" for one, other in leak.first[:_MANY])
        if leak.n_contents > _MANY:
            yield f"  … and {leak.n_contents - _MANY} more"


def _what(leak: Leak) -> str:
    one, other = leak.between
    if leak.kind == "split":
        return f"leakage: files that are in {one} and in {other}"
    return f"doubtful: files that are of class {one} and of class {other}"

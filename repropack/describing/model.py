"""What can be told of a dataset, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Images or sounds of a part, such as `train`; "" if there are no parts. `classes` by name."""

    name: str
    n_files: int
    n_bytes: int
    classes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A CSV or TSV file. `labels` counts the values of the column `label`, most frequent first."""

    path: str
    n_rows: int
    columns: tuple[str, ...]
    label: str = ""
    labels: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """An array in a file; `name` is "" for the only one of an .npy file."""

    path: str
    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """Mean and standard deviation of each channel, as parts of the largest value.

    Of all pixels of the images of a split that have so many channels of so many bits. The deviation
    is that of the pixels themselves, as `numpy.std` has it, and no estimate of another one.
    """

    split: str
    n_channels: int
    bits: int
    n_images: int
    n_pixels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    widths: tuple[int, int]
    heights: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Files that are equal and lie in two splits, or in two classes: how many, and the first."""

    between: tuple[str, str]
    kind: str
    n_contents: int
    first: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All of it. `layout` is `split/class/file`, `class/file`, `split/file` or "" for none.

    `problems` are what could not be read, and `notes` what was not looked at.
    """

    layout: str = ""
    splits: tuple[Split, ...] = ()
    tables: tuple[Table, ...] = ()
    arrays: tuple[Array, ...] = ()
    channels: tuple[Channels, ...] = ()
    leaks: tuple[Leak, ...] = ()
    compared: bool = False
    problems: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For another program."""
        return {
            "layout": self.layout or None,
            "splits": [
                {
                    "name": split.name or None,
                    "n_files": split.n_files,
                    "n_bytes": split.n_bytes,
                    "classes": dict(split.classes),
                }
                for split in self.splits
            ],
            "tables": [_table(table) for table in self.tables],
            "arrays": [
                {"path": a.path, "name": a.name or None, "shape": list(a.shape), "dtype": a.dtype}
                for a in self.arrays
            ],
            "channels": [_channels(each) for each in self.channels],
            "duplicates": [
                {
                    "between": list(leak.between),
                    "kind": leak.kind,
                    "n_contents": leak.n_contents,
                    "first": [list(pair) for pair in leak.first],
                }
                for leak in self.leaks
            ]
            if self.compared
            else None,
            "problems": [{"path": path, "why": why} for path, why in self.problems],
            "notes": list(self.notes),
        }


def _table(table: Table) -> dict[str, Any]:
    return {
        "path": table.path,
        "n_rows": table.n_rows,
        "columns": list(table.columns),
        "label": table.label or None,
        "labels": dict(table.labels),
    }


def _channels(each: Channels) -> dict[str, Any]:
    return {
        "split": each.split or None,
        "n_channels": each.n_channels,
        "bits": each.bits,
        "n_images": each.n_images,
        "n_pixels": each.n_pixels,
        "mean": list(each.mean),
        "std": list(each.std),
        "widths": list(each.widths),
        "heights": list(each.heights),
    }

"""Which split and which class a file belongs to, by its path alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from repropack.describing.model import Split

IMAGES: Final = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "jpe",
        "jfif",
        "bmp",
        "gif",
        "tif",
        "tiff",
        "webp",
        "ppm",
        "pgm",
        "pbm",
        "pnm",
        "jp2",
        "ico",
        "avif",
    ]
)
SOUNDS: Final = frozenset(["wav", "flac", "mp3", "ogg", "opus", "m4a", "aiff"])
_SPLIT = re.compile(
    r"(train(?:ing)?|trn|val(?:id|idation)?|dev|test(?:ing)?|tst|eval(?:uation)?|holdout)"
    r"(?:[-_.]?\d{1,4}|[-_.]?(?:set|data|split|images|imgs))?",
    re.I,
)


class Place(NamedTuple):
    """Where a file belongs; "" where its path does not say."""

    split: str
    label: str


def extension(path: str) -> str:
    """What a file is, by its name."""
    stem, dot, end = path.rpartition("/")[2].rpartition(".")
    return end.lower() if dot and stem else ""


def is_sample(path: str) -> bool:
    """Whether a file is one that classes are made of: an image or a sound."""
    return extension(path) in IMAGES or extension(path) in SOUNDS


def place_of(path: str) -> Place:
    """The first directory with a split's name, and the one below it.

    Without one the first directory is the class, and a table's own name may say the split.
    """
    *directories, name = path.split("/")
    for depth, directory in enumerate(directories[:3]):
        if _SPLIT.fullmatch(directory):
            below = directories[depth + 1 :]
            return Place(directory, below[0] if below else "")
    stem = name.partition(".")[0]
    if not is_sample(name) and _SPLIT.fullmatch(stem):
        return Place(stem, "")
    return Place("", directories[0] if directories else "")


class Counting:
    """Counts samples by split and class."""

    def __init__(self) -> None:
        self._counts: Counter[Place] = Counter()
        self._bytes: Counter[str] = Counter()

    def add(self, path: str, size_bytes: int) -> None:
        """One file of the dataset."""
        if is_sample(path):
            place = place_of(path)
            self._counts[place] += 1
            self._bytes[place.split] += max(size_bytes, 0)

    def result(self) -> tuple[str, tuple[Split, ...]]:
        """The layout and the splits; without splits one class is none."""
        names = sorted({place.split for place in self._counts}, key=order)
        labels = {place.label for place in self._counts}
        if not self._counts:
            return "", ()
        classes = len(labels) > 1 or any(names)
        labelled = classes and labels != {""}
        splits = tuple(self._split(name, labelled) for name in names)
        parts = ["split"] * any(names) + ["class"] * labelled + ["file"]
        return "/".join(parts) if len(parts) > 1 else "", splits

    def _split(self, name: str, labelled: bool) -> Split:
        counts = sorted((p.label, n) for p, n in self._counts.items() if p.split == name)
        return Split(
            name=name,
            n_files=sum(n for _, n in counts),
            n_bytes=self._bytes[name],
            classes=tuple((label, n) for label, n in counts if label) if labelled else (),
        )


def order(split: str) -> tuple[int, str]:
    """Train, validation, test, as papers tell them."""
    starts: Iterable[str] = ("tr", "va", "dev", "te", "ts", "ev", "ho")
    low = split.lower()
    return next((n for n, start in enumerate(starts) if low.startswith(start)), 99), split

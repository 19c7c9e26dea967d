"""Mean and standard deviation of images' channels: each image is decoded once, by some process.

An image gives whole numbers: how many pixels, their sum, the sum of their squares. Such sums add up
without rounding, whatever the order; so the result is the same for any number of processes, and
what Chan, Golub and LeVeque's merge of means and deviations does for floating point is not needed.
https://doi.org/10.1080/00031305.1983.10483115
"""

from __future__ import annotations

import math
import multiprocessing
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from repropack.describing.model import Channels

#: Fewer images are not worth a second process.
FEW: Final = 200
_BATCH = 64
_GREY = frozenset({"1", "L", "LA", "La"})
_SIXTEEN = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})


class Measured(NamedTuple):
    """One image: its size, the bits of a value, and sum and sum of squares of each channel."""

    width: int
    height: int
    bits: int
    sums: tuple[int, ...]
    squares: tuple[int, ...]


def measure(place: str) -> Measured | str:
    """The numbers of an image, or why there are none."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Path(place).open("rb") as file, Image.open(file) as image:
                return _measured(image)
    except Exception as error:  # whatever a decoder makes of a damaged file
        text = str(error).partition("\n")[0].replace(f"'{place}'", "the file")
        return "no image that can be read" + (f": {text[:120]}" if "<" not in text else "")


def _measured(image: Any) -> Measured | str:
    width, height = image.size
    if image.mode in _SIXTEEN:
        native = image.convert("I;16") if image.mode == "I;16B" else image
        values = memoryview(native.tobytes()).cast("H")
        return Measured(width, height, 16, (sum(values),), (sum(v * v for v in values),))
    if image.mode in ("F", "I"):
        return "its values are not of 8 or 16 bits: they have no largest one"
    plain = image if image.mode in ("L", "RGB") else image.convert(_plain(image.mode))
    counts = plain.histogram()
    channels = [counts[start : start + 256] for start in range(0, len(counts), 256)]
    sums = tuple(sum(value * n for value, n in enumerate(channel)) for channel in channels)
    squares = tuple(sum(v * v * n for v, n in enumerate(channel)) for channel in channels)
    return Measured(width, height, 8, sums, squares)


def _plain(mode: str) -> str:
    return "L" if mode in _GREY else "RGB"


def measure_batch(places: list[str]) -> list[Measured | str]:
    """Several of them: what one process is asked for at a time."""
    return [measure(place) for place in places]


def measure_all(
    places: Iterable[tuple[str, str]], jobs: int
) -> Iterator[tuple[str, Measured | str]]:
    """(name, place) of each image → (name, its numbers), in their order, by `jobs` processes."""
    waiting = iter(places)
    head = list(islice(waiting, FEW))
    rest = list(islice(waiting, 1))
    if jobs == 1 or not rest:
        for name, place in (*head, *rest, *waiting):
            yield name, measure(place)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield from _in_order(pool, chain(head, rest, waiting), ahead=4 * jobs)
    finally:
        pool.shutdown(cancel_futures=True)


Pending = tuple[list[str], "Future[list[Measured | str]]"]


def _in_order(
    pool: ProcessPoolExecutor, every: Iterator[tuple[str, str]], ahead: int
) -> Iterator[tuple[str, Measured | str]]:
    """Never more than some batches on their way: a dataset may have a million images."""
    pending: list[Pending] = []
    while True:
        while len(pending) < ahead and (batch := list(islice(every, _BATCH))):
            names, places = [name for name, _ in batch], [place for _, place in batch]
            pending.append((names, pool.submit(measure_batch, places)))
        if not pending:
            return
        names, future = pending.pop(0)
        yield from zip(names, future.result(), strict=True)


@dataclass(slots=True)
class Total:
    """The sums of many images of one kind."""

    n_images: int = 0
    n_pixels: int = 0
    sums: list[int] = field(default_factory=list)
    squares: list[int] = field(default_factory=list)
    widths: tuple[int, int] = (1 << 62, 0)
    heights: tuple[int, int] = (1 << 62, 0)

    def add(self, each: Measured) -> None:
        """One more image."""
        self.n_images += 1
        self.n_pixels += each.width * each.height
        self.sums = _added(self.sums, each.sums)
        self.squares = _added(self.squares, each.squares)
        self.widths = min(self.widths[0], each.width), max(self.widths[1], each.width)
        self.heights = min(self.heights[0], each.height), max(self.heights[1], each.height)

    def channels(self, split: str, bits: int) -> Channels:
        """Mean and deviation, rounded once, at the very end."""
        largest, n = 2**bits - 1, self.n_pixels
        pairs = list(zip(self.sums, self.squares, strict=True))
        variances = [Fraction(q, n) - Fraction(s, n) ** 2 for s, q in pairs]
        return Channels(
            split=split,
            n_channels=len(pairs),
            bits=bits,
            n_images=self.n_images,
            n_pixels=n,
            mean=tuple(float(Fraction(s, n * largest)) for s, _ in pairs),
            std=tuple(math.sqrt(variance / largest**2) for variance in variances),
            widths=self.widths,
            heights=self.heights,
        )


def _added(one: list[int], other: tuple[int, ...]) -> list[int]:
    return [a + b for a, b in zip(one or [0] * len(other), other, strict=True)]

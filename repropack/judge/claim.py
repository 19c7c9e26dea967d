"""What a paper states: claims, the metrics that they speak about, spreads and tolerances.

Owns: these values, their JSON and their notation in `repropack.yaml`.
Does not own: whether the metrics exist (`check`), judging (`rule`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, Optional, Tuple

from repropack.judge.fields import Fields, ManifestError

Params = Tuple[Tuple[str, str], ...]  # sorted (name, value) pairs of a matrix cell, values as text
Json = Dict[str, Any]

KINDS = ("value", "greater", "rank_first", "table")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_LARGEST_TOLERANCE = 1e100


@dataclass(frozen=True)
class Spread:
    """The reported spread of a value: `kind` is `sd`, `se` or `ci95` (half-width), over n runs."""

    kind: str
    value: float
    n: Optional[int] = None

    def to_json(self) -> Json:
        """The spread as a JSON object."""
        return {"kind": self.kind, "value": self.value, "n": self.n}

    @classmethod
    def from_json(cls, data: Any, path: str = "spread") -> Spread:
        """The spread of a JSON object; ManifestError if it is none."""
        f = Fields(data, path)
        value, n = f.number("value"), f.integer("n", None)
        if value is None or value < 0:
            raise ManifestError(f.at("value"), "must not be negative")
        if n is not None and n < 1:
            raise ManifestError(f.at("n"), "must be at least 1")
        return cls(f.choice("kind", ("sd", "se", "ci95")), value, n)


@dataclass(frozen=True)
class MetricRef:
    """`svm.accuracy{attention=eca}`: experiment, metric, and the matrix cells it means."""

    experiment: str
    metric: str
    cell: Params = ()

    def __str__(self) -> str:
        cell = ", ".join("%s=%s" % pair for pair in self.cell)
        return "%s.%s%s" % (self.experiment, self.metric, "{%s}" % cell if cell else "")

    def to_json(self) -> Json:
        """The reference as a JSON object."""
        return {"experiment": self.experiment, "metric": self.metric, "cell": dict(self.cell)}

    @classmethod
    def from_json(cls, data: Any, path: str = "metric") -> MetricRef:
        """The reference of a JSON object; ManifestError if it is none."""
        f = Fields(data, path)
        return cls(f.text("experiment"), f.text("metric"), f.pairs("cell"))


@dataclass(frozen=True)
class Tolerance:
    """`absolute` in the claim's own unit, or `relative` as a fraction of the reported value.

    Exactly one of the two is set. `text` is what the user wrote (`0.5`, `1%`).
    """

    text: str
    absolute: Optional[float] = None
    relative: Optional[float] = None

    def to_json(self) -> Json:
        """The tolerance as a JSON object."""
        return {"text": self.text, "absolute": self.absolute, "relative": self.relative}

    @classmethod
    def from_json(cls, data: Any, path: str = "tolerance") -> Tolerance:
        """The tolerance of a JSON object; its `text` alone decides, so that nothing disagrees."""
        f = Fields(data, path)
        try:
            return parse_tolerance(f.text("text"))
        except ManifestError:
            raise
        except ValueError as error:
            raise ManifestError(f.at("text"), str(error)) from None


@dataclass(frozen=True)
class Claim:
    """A statement of the paper. `value` is a decimal string, as it is printed.

    `kind` is one of KINDS: `value` (metric, value and what belongs to them), `greater` and
    `rank_first` (`compared`: the first is the one that is said to win), or `table` (`cells`, each
    a value claim whose id is its place in the table).
    """

    id: str
    kind: str
    metric: Optional[MetricRef] = None
    value: str = ""
    scale: str = "none"  # none | percent (the metric is a fraction, the claim is in per cent)
    spread: Optional[Spread] = None
    tolerance: Optional[Tolerance] = None
    direction: str = "both"  # both | higher | lower: which way is better
    source: str = ""
    compared: Tuple[MetricRef, ...] = ()
    cells: Tuple[Claim, ...] = ()

    def to_json(self) -> Json:
        """The claim as a JSON object; of a comparison or a table only what it has."""
        found: Json = {"id": self.id, "kind": self.kind, "source": self.source}
        if self.kind == "table":
            return {**found, "cells": [cell.to_json() for cell in self.cells]}
        if self.kind != "value":
            compared = [ref.to_json() for ref in self.compared]
            return {**found, "compared": compared, "direction": self.direction}
        return {
            **found, "value": self.value, "scale": self.scale,
            "metric": None if self.metric is None else self.metric.to_json(),
            "spread": None if self.spread is None else self.spread.to_json(),
            "tolerance": None if self.tolerance is None else self.tolerance.to_json(),
            "direction": self.direction,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Any, path: str = "claim") -> Claim:
        """The claim of a JSON object; ManifestError if it is none."""
        f = Fields(data, path)
        metric, spread, tolerance = (f.get(k, None) for k in ("metric", "spread", "tolerance"))
        kind = f.choice("kind", KINDS)
        cells = f.items("cells") if kind == "table" else ()
        return cls(
            id=f.text("id"),
            kind=kind,
            metric=None if metric is None else MetricRef.from_json(metric, f.at("metric")),
            value=f.text("value", ""),
            scale=f.choice("scale", ("none", "percent"), "none"),
            spread=None if spread is None else Spread.from_json(spread, f.at("spread")),
            tolerance=None
            if tolerance is None
            else Tolerance.from_json(tolerance, f.at("tolerance")),
            direction=f.choice("direction", ("both", "higher", "lower"), "both"),
            source=f.text("source", ""),
            compared=tuple(MetricRef.from_json(item, at) for at, item in f.items("compared")),
            cells=tuple(Claim.from_json(item, at) for at, item in cells),
        )


def is_decimal(text: str) -> bool:
    """Whether `text` is a finite ASCII decimal number, as a paper prints it."""
    return _DECIMAL.fullmatch(text) is not None


def parse_tolerance(text: str) -> Tolerance:
    """`0.5` is absolute, `1%` relative. ValueError for anything else, nan, inf and negatives."""
    stripped = text.strip()
    percent = stripped.endswith("%")
    number = stripped[:-1].rstrip() if percent else stripped
    if not is_decimal(number):
        raise ValueError("tolerance %r is not a number such as 0.5 or 1%%" % text)
    size = float(Decimal(number) / 100 if percent else Decimal(number))
    if size < 0:
        raise ValueError("tolerance %r is negative" % text)
    if size > _LARGEST_TOLERANCE:
        raise ValueError("tolerance %r is too large to compute with" % text)
    return Tolerance(stripped, relative=size) if percent else Tolerance(stripped, absolute=size)


def parse_metric_ref(text: str) -> MetricRef:
    """`EXPERIMENT.METRIC{NAME=VALUE, …}`; ManifestError (a ValueError) for anything else."""
    match = re.fullmatch(r"\s*([^.{}\s]+)\.([^{}\s]+)\s*(?:\{([^{}]*)\})?\s*", text)
    if match is None:
        raise ManifestError(
            "", "%r is not EXPERIMENT.METRIC or EXPERIMENT.METRIC{NAME=VALUE}" % text
        )
    return MetricRef(match.group(1), match.group(2), parse_cell(match.group(3) or "", text))


def parse_cell(inside: str, text: str) -> Params:
    """`NAME=VALUE, …` between the braces of `text`; ManifestError for anything else."""
    cell: Dict[str, str] = {}
    for part in inside.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if part.strip() and not (name and equals and value):
            raise ManifestError("", "%r: %r is not NAME=VALUE" % (text, part.strip()))
        if name in cell:
            raise ManifestError("", "%r names %s twice" % (text, name))
        if name:
            cell[name] = value
    return tuple(sorted(cell.items()))

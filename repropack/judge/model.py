"""What the judge works on: experiments, metrics, claims, and the records of runs.

All values are immutable. `to_json` / `from_json` of each keep them in `repropack.json`: plain
JSON objects; unknown keys are ignored, wrong types raise `ManifestError` with the path.
Python 3.7 has neither `slots=True` nor `kw_only=True`, so these dataclasses are only frozen.
Does not own: whether claims and experiments fit together (`check`), judging (`rule`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, Mapping, Optional, Tuple

from repropack.judge.fields import Fields, ManifestError, whole

__all__ = [
    "RECORD_SCHEMA", "Claim", "Experiment", "ManifestError", "Metric", "MetricRef", "Params",
    "RunSpec", "Spread", "Tolerance", "failed_record", "parse_metric_ref", "parse_tolerance",
]  # fmt: skip

Params = Tuple[Tuple[str, str], ...]  # sorted (name, value) pairs of a matrix cell, values as text
Json = Dict[str, Any]

RECORD_SCHEMA = "repropack.record/1"
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_LARGEST_TOLERANCE = 1e100


@dataclass(frozen=True)
class Metric:
    """Where a number is found in what a run wrote.

    `reader` is one of `json`, `csv`, `stdout`; `path` is the file relative to the working
    directory (the log for `stdout`); `key` is the JSON key (dotted), the CSV column, or the
    regular expression; `where` narrows CSV rows by column value; `select` is `first`, `last`,
    `min` or `max` among several matches.
    """

    name: str
    reader: str
    path: str
    key: str
    where: Params = ()
    select: str = "last"

    def to_json(self) -> Json:
        """The metric as a JSON object."""
        return {
            "name": self.name, "reader": self.reader, "path": self.path, "key": self.key,
            "where": dict(self.where), "select": self.select,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Any, path: str = "metric") -> Metric:
        """The metric of a JSON object; ManifestError if it is none."""
        f = Fields(data, path)
        reader = f.choice("reader", ("json", "csv", "stdout"))
        key = f.pattern("key") if reader == "stdout" else f.text("key")
        select = f.choice("select", ("first", "last", "min", "max"), "last")
        where = f.pairs("where")
        return cls(f.text("name"), reader, f.text("path", ""), key, where, select)


@dataclass(frozen=True)
class Experiment:
    """A command that produces metrics. `run` may hold `{seed}` and `{NAME}` of the matrix."""

    name: str
    run: str
    metrics: Tuple[Metric, ...] = ()
    seeds: Tuple[int, ...] = ()
    matrix: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()  # in the order of the config
    gpu: str = "none"  # none | optional | required
    network: bool = False
    timeout_s: Optional[float] = None
    env: Params = ()
    outputs: Tuple[str, ...] = ()
    deterministic: bool = False

    def to_json(self) -> Json:
        """The experiment as a JSON object; the matrix is a list, so sorted keys keep its order."""
        return {
            "name": self.name, "run": self.run, "metrics": [m.to_json() for m in self.metrics],
            "seeds": list(self.seeds),
            "matrix": [{"name": name, "values": list(values)} for name, values in self.matrix],
            "gpu": self.gpu, "network": self.network, "timeout_s": self.timeout_s,
            "env": dict(self.env), "outputs": list(self.outputs),
            "deterministic": self.deterministic,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Any, path: str = "experiment") -> Experiment:
        """The experiment of a JSON object; ManifestError if it is none."""
        f = Fields(data, path)
        timeout_s = f.number("timeout_s", None)
        if timeout_s is not None and timeout_s <= 0:
            raise ManifestError(f.at("timeout_s"), "must be more than 0 seconds")
        return cls(
            name=f.text("name"),
            run=f.text("run"),
            metrics=tuple(Metric.from_json(item, where) for where, item in f.items("metrics")),
            seeds=tuple(whole(item, where) for where, item in f.items("seeds")),
            matrix=tuple(_axis(item, where) for where, item in f.items("matrix")),
            gpu=f.choice("gpu", ("none", "optional", "required"), "none"),
            network=f.flag("network", False),
            timeout_s=timeout_s,
            env=f.variables("env"),
            outputs=f.texts("outputs"),
            deterministic=f.flag("deterministic", False),
        )


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
    """A statement of the paper. `kind` is `value` or `greater`; `value` is a decimal string."""

    id: str
    kind: str
    metric: Optional[MetricRef] = None
    value: str = ""
    scale: str = "none"  # none | percent (the metric is a fraction, the claim is in per cent)
    spread: Optional[Spread] = None
    tolerance: Optional[Tolerance] = None
    direction: str = "both"  # both | higher | lower
    source: str = ""
    greater: Tuple[MetricRef, ...] = ()  # (A, B) of `greater: [A, B]`

    def to_json(self) -> Json:
        """The claim as a JSON object."""
        return {
            "id": self.id, "kind": self.kind, "value": self.value, "scale": self.scale,
            "metric": None if self.metric is None else self.metric.to_json(),
            "spread": None if self.spread is None else self.spread.to_json(),
            "tolerance": None if self.tolerance is None else self.tolerance.to_json(),
            "direction": self.direction, "source": self.source,
            "greater": [ref.to_json() for ref in self.greater],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Any, path: str = "claim") -> Claim:
        """The claim of a JSON object; ManifestError if it is none."""
        f = Fields(data, path)
        metric, spread, tolerance = (f.get(k, None) for k in ("metric", "spread", "tolerance"))
        return cls(
            id=f.text("id"),
            kind=f.choice("kind", ("value", "greater")),
            metric=None if metric is None else MetricRef.from_json(metric, f.at("metric")),
            value=f.text("value", ""),
            scale=f.choice("scale", ("none", "percent"), "none"),
            spread=None if spread is None else Spread.from_json(spread, f.at("spread")),
            tolerance=None
            if tolerance is None
            else Tolerance.from_json(tolerance, f.at("tolerance")),
            direction=f.choice("direction", ("both", "higher", "lower"), "both"),
            source=f.text("source", ""),
            greater=tuple(MetricRef.from_json(item, at) for at, item in f.items("greater")),
        )


@dataclass(frozen=True)
class RunSpec:
    """One run to do. `id` is made of [A-Za-z0-9._=,+-] only: it names a directory."""

    id: str
    experiment: str
    seed: Optional[int] = None
    params: Params = ()
    command: str = ""


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
    cell = {}
    for part in (match.group(3) or "").split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if part.strip() and not (name and equals and value):
            raise ManifestError("", "%r: %r is not NAME=VALUE" % (text, part.strip()))
        if name in cell:
            raise ManifestError("", "%r names %s twice" % (text, name))
        if name:
            cell[name] = value
    return MetricRef(match.group(1), match.group(2), tuple(sorted(cell.items())))


def failed_record(spec: RunSpec, status: str, reason: str, facts: Mapping[str, str]) -> Json:
    """The record of a run that left none: the engine lost it. `status` as in `record.json`."""
    return {
        "schema": RECORD_SCHEMA, "id": spec.id, "experiment": spec.experiment, "seed": spec.seed,
        "params": dict(spec.params), "command": spec.command, "status": status, "reason": reason,
        "exit_code": None, "signal": None, "facts": dict(facts), "metrics": {}, "outputs": [],
        "skipped": [], "notes": [], "log": None,
    }  # fmt: skip


def _axis(data: Any, path: str) -> Tuple[str, Tuple[str, ...]]:
    f = Fields(data, path)
    return f.text("name"), f.texts("values")

"""What the judge works on: experiments, metrics, claims, and the records of runs.

All values are immutable. `to_json` / `from_json` of each keep them in `repropack.json`: plain
JSON objects; unknown keys are ignored, wrong types raise `ManifestError` with the path.
Python 3.7 has neither `slots=True` nor `kw_only=True`, so these dataclasses are only frozen.
Does not own: what claims are made of (`claim`), whether they fit the experiments (`check`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Tuple

from repropack.judge import jsonpath
from repropack.judge.claim import (
    Claim,
    Json,
    MetricRef,
    Params,
    Spread,
    Tolerance,
    is_decimal,
    parse_cell,
    parse_metric_ref,
    parse_tolerance,
)
from repropack.judge.fields import Fields, ManifestError, whole
from repropack.judge.series import SELECTS, is_select

__all__ = [
    "READERS", "RECORD_SCHEMA", "Claim", "Experiment", "ManifestError", "Metric", "MetricRef",
    "Params", "RunSpec", "Spread", "Tolerance", "failed_record", "is_decimal", "parse_cell",
    "parse_metric_ref", "parse_tolerance",
]  # fmt: skip

RECORD_SCHEMA = "repropack.record/1"


READERS = (
    "json", "csv", "text", "stdout", "tensorboard", "wandb", "mlflow", "sacred", "numpy",
    "notebook",
)  # fmt: skip
_PATTERNS = ("stdout", "text", "notebook")  # of these the key is a regular expression


@dataclass(frozen=True)
class Metric:
    """Where a number is found in what a run wrote.

    `reader` is one of `READERS`; `path` is the file or the tracker's directory, relative to the
    working directory, perhaps a glob (the log for `stdout`); `key` is the JSON key (dotted, or a
    JSONPath), the CSV column, the regular expression, the tracker's key or the array's name.
    `where` narrows CSV rows or JSON lines by their values; for other readers it holds their
    options: `run`, `cell`, `group`. `select` is one of `series.SELECTS`.
    """

    name: str
    reader: str
    path: str
    key: str
    where: Params = ()
    select: str = "last"

    def option(self, name: str) -> str:
        """An option of the reader; empty if it was not given."""
        return dict(self.where).get(name, "")

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
        reader = f.choice("reader", READERS)
        select = f.text("select", "last")
        if not is_select(select):
            what = "is %r; expected one of: %s" % (select, ", ".join(SELECTS))
            raise ManifestError(f.at("select"), what)
        where = f.pairs("where")
        return cls(f.text("name"), reader, f.text("path", ""), _key(f, reader), where, select)


def _key(f: Fields, reader: str) -> str:
    if reader in ("notebook", "numpy") and not f.text("key", ""):
        return ""
    key = f.pattern("key") if reader in _PATTERNS else f.text("key")
    if reader == "json" and jsonpath.is_path(key):
        try:
            jsonpath.parse(key)
        except ValueError as error:
            raise ManifestError(f.at("key"), "%r %s" % (key, error)) from None
    return key


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
    repeats: int = 1  # runs that differ in nothing; only where `--runs` asks for them
    human_minutes: Optional[float] = None  # what its author says that it takes a person
    is_quick: bool = False  # of the author's quick set, in the place of the one of the same name

    def to_json(self) -> Json:
        """The experiment as a JSON object; the matrix is a list, so sorted keys keep its order."""
        return {
            "name": self.name, "run": self.run, "metrics": [m.to_json() for m in self.metrics],
            "seeds": list(self.seeds),
            "matrix": [{"name": name, "values": list(values)} for name, values in self.matrix],
            "gpu": self.gpu, "network": self.network, "timeout_s": self.timeout_s,
            "env": dict(self.env), "outputs": list(self.outputs),
            "deterministic": self.deterministic,
            **({} if self.human_minutes is None else {"human_minutes": self.human_minutes}),
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
            human_minutes=f.number("human_minutes", None),
        )


@dataclass(frozen=True)
class RunSpec:
    """One run to do. `id` is made of [A-Za-z0-9._=,+-] only: it names a directory."""

    id: str
    experiment: str
    seed: Optional[int] = None
    params: Params = ()
    command: str = ""


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

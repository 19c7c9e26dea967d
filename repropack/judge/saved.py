"""An assessment out of the `report.json` that holds it: what `judge.report.as_dict` wrote.

Owns: that direction. Does not own: the file (`verification`). Whatever is not what it should be
raises `ManifestError`, a `ValueError`, with its path.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Dict, Tuple

from repropack.judge import seen
from repropack.judge.assessment import Assessment, Group, Judgement, RunSummary
from repropack.judge.fields import Fields, ManifestError
from repropack.judge.files import printable
from repropack.judge.report import REPORT_SCHEMA
from repropack.judge.verdict import Verdict, words

_VERDICTS = words()
_TEXTS = (
    "kind", "formula", "source", "subject", "reported", "unit", "tolerance", "tolerance_from",
    "rounding", "epsilon",
)  # fmt: skip
_MOST = 1 << 20
_LISTS = ("reasons", "hints", "notes", "marks")


def assessment(data: Any) -> Assessment:
    """The assessment of a report's JSON object."""
    f = Fields(data, "")
    schema = f.text("schema")
    if schema != REPORT_SCHEMA:
        raise ManifestError("schema", f"{schema!r} is not {REPORT_SCHEMA}")
    return Assessment(
        name=f.text("name", ""),
        judgements=tuple(_judgement(item, at) for at, item in f.items("claims")),
        verdict=_verdict(f),
        exit_code=f.integer("exit_code") or 0,
        notes=f.texts("notes"),
        marks=f.texts("marks"),
        author=f.texts("author"),
        grid_factor=Fields(f.get("compute", {}), "compute").number("grid_gco2e_per_kwh", None),
        runs=tuple(_run(item, at) for at, item in f.items("runs")),
        rule_version=f.text("rule_version", ""),
        data=seen.datasets(f.get("data", [])),
    )


def _verdict(f: Fields) -> Verdict:
    return _VERDICTS[f.choice("verdict", tuple(_VERDICTS))]


def _judgement(data: Any, path: str) -> Judgement:
    f = Fields(data, path)
    rest: Dict[str, Any] = {name: f.text(name, "") for name in _TEXTS}
    rest.update((name, f.texts(name)) for name in _LISTS)
    for name in ("reported", "epsilon", "rounding") if rest["kind"] == "value" else ():
        _decimal(rest[name], f.at(name))
    interval = tuple(_number(item, at) for at, item in f.items("interval"))
    return Judgement(
        claim_id=f.text("id"),
        verdict=_verdict(f),
        groups=tuple(_group(item, at) for at, item in f.items("obtained")),
        numbers=_numbers(f),
        interval=(interval[0], interval[1]) if len(interval) == 2 else None,
        runs_needed=f.integer("runs_needed", None),
        better=f.flag("better", False),
        cells=tuple(_judgement(item, at) for at, item in f.items("cells")),
        **rest,
    )


def _numbers(f: Fields) -> Tuple[Tuple[str, float], ...]:
    """In the order of the file, which is the rule's."""
    inner = Fields(f.get("numbers", {}), f.at("numbers"))
    names = list(f.get("numbers", {}))
    return tuple((name, inner.number(name) or 0.0) for name in names)


def _number(value: Any, path: str) -> float:
    return Fields({path: value}, "").number(path) or 0.0


def _decimal(text: str, path: str) -> str:
    """The text of a number that can be computed with."""
    try:
        if Decimal(text).is_finite() and math.isfinite(float(text)):
            return text
    except (ArithmeticError, ValueError):
        pass
    raise ManifestError(path, "%r is not a number" % printable(text, 40))


def _group(data: Any, path: str) -> Group:
    f = Fields(data, path)
    texts = f.texts("values")
    if not texts:
        raise ManifestError(f.at("values"), "is empty")
    return Group(
        run_ids=f.texts("runs"),
        texts=tuple(_decimal(text, f.at("values")) for text in texts),
        mean=f.number("mean") or 0.0,
        sd=f.number("sd", None),
        min=f.number("min") or 0.0,
        max=f.number("max") or 0.0,
    )


def _run(data: Any, path: str) -> RunSummary:
    f = Fields(data, path)
    gpus = f.integer("gpus", 0) or 0
    if not 0 <= gpus <= _MOST:
        raise ManifestError(f.at("gpus"), "is no number of GPUs")
    return RunSummary(
        id=f.text("id"),
        experiment=f.text("experiment"),
        status=f.text("status"),
        reason=f.text("reason", ""),
        exit_code=f.integer("exit_code", None),
        seconds=f.number("seconds", None),
        cpu_seconds=f.number("cpu_seconds", None),
        gpus=gpus,
        gpu_energy_joules=f.number("gpu_energy_joules", None),
        log=f.text("log", ""),
        tail=f.texts("tail"),
        notes=f.texts("notes"),
    )

"""Small experiments, claims and records, written as a reader of a test wants to see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from repropack.judge.assessment import Assessment, Judgement
from repropack.judge.expand import expand
from repropack.judge.model import (
    Claim,
    Experiment,
    Metric,
    MetricRef,
    Spread,
    Tolerance,
    parse_tolerance,
)
from repropack.judge.rule import judge_all

ACC = Metric("acc", "json", "r.json", "acc")


def experiment(name: str = "e", run: str = "true", **changes: Any) -> Experiment:
    """An experiment with one metric, `acc`."""
    return Experiment(**{"name": name, "run": run, "metrics": (ACC,), **changes})


def claim(value: str, tolerance: str | None = None, **changes: Any) -> Claim:
    """A value claim on `e.acc`."""
    parsed = None if tolerance is None else parse_tolerance(tolerance)
    given = {"id": "c", "metric": MetricRef("e", "acc"), "value": value, "tolerance": parsed}
    return Claim(kind="value", **{**given, **changes})


def spread(sd: float, n: int | None = None, kind: str = "sd") -> Spread:
    """A reported spread."""
    return Spread(kind, sd, n)


def record(run_id: str, text: str | None, **changes: Any) -> dict[str, Any]:
    """The record of a run of `e` that found `text` for `acc`."""
    reading = {"text": text, "value": None, "file": "r.json", "where": "", "reason": ""}
    base = {"id": run_id, "experiment": "e", "status": "ok", "exit_code": 0, "reason": ""}
    return {**base, "metrics": {"acc": reading}, "facts": {"gpu": "none"}, **changes}


def records(exp: Experiment, texts: Sequence[str]) -> list[dict[str, Any]]:
    """One record for each run of the experiment."""
    specs = expand(exp)
    assert len(specs) == len(texts)
    pairs = zip(specs, texts, strict=True)
    return [{**record(spec.id, text), "experiment": exp.name} for spec, text in pairs]


def assess(
    claimed: Claim,
    texts: Sequence[str],
    tolerance: Tolerance | None = None,
    **changes: Any,
) -> Assessment:
    """Judge one claim on runs of `e` that obtained `texts`."""
    seeds = tuple(range(len(texts))) if len(texts) > 1 else ()
    exp = experiment(seeds=seeds, **changes)
    return judge_all([exp], [claimed], records(exp, texts), tolerance)


def judge(
    claimed: Claim, texts: Sequence[str], tolerance: Tolerance | None = None, **changes: Any
) -> Judgement:
    """The judgement of one claim on runs of `e` that obtained `texts`."""
    return assess(claimed, texts, tolerance, **changes).judgements[0]


def number(judgement: Judgement, name: str) -> float:
    """One of the numbers that the rule used."""
    found: Mapping[str, float] = dict(judgement.numbers)
    return found[name]

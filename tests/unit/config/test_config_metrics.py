"""Metrics in repropack.yaml: how they are named, and their readers."""

from __future__ import annotations

import pytest

from repropack.config import parse_config
from repropack.config.rendering import metric_text
from repropack.judge.model import (
    Metric,
)
from tests.unit.config.written import with_claim, with_experiment


@pytest.mark.parametrize(
    "metric", ["a.m", "grid.m{lr=0.1}", "grid.m{lr=1e-3, opt=sgd}", "grid.m{opt=sgd,lr=0.1}"]
)
def test_metrics_that_claims_may_name(metric: str) -> None:
    """A parameter with a single value need not be named; the claim says it all the same."""
    (claim,) = parse_config(with_claim(f"metric: '{metric}'", "value: -1.50e-3")).claims
    assert claim.value == "-1.50e-3"
    assert claim.metric is not None
    cell = dict(claim.metric.cell)
    assert cell.get("opt") == ("sgd" if claim.metric.experiment == "grid" else None)


def test_one_of_several_numbers_in_json_may_be_selected() -> None:
    """`select` goes with every reader."""
    config = parse_config(with_experiment("metrics: {m: {json: r.jsonl, key: m, select: max}}"))
    assert config.experiments[0].metrics == (Metric("m", "json", "r.jsonl", "m", select="max"),)


@pytest.mark.parametrize(
    ("written", "metric"),
    [
        (
            "{tensorboard: runs, tag: val/auc, select: max}",
            Metric("m", "tensorboard", "runs", "val/auc", select="max"),
        ),
        (
            "{wandb: wandb, key: acc, run: baseline}",
            Metric("m", "wandb", "wandb", "acc", where=(("run", "baseline"),)),
        ),
        (
            "{mlflow: mlruns, key: val/acc, select: mean of last 5}",
            Metric("m", "mlflow", "mlruns", "val/acc", select="mean of last 5"),
        ),
        ("{sacred: runs, key: acc}", Metric("m", "sacred", "runs", "acc")),
        ("{numpy: a.npy}", Metric("m", "numpy", "a.npy", "")),
        ("{numpy: a.npz, key: 'acc[-1]'}", Metric("m", "numpy", "a.npz", "acc[-1]")),
        ("{text: t.log, pattern: 'a (.)'}", Metric("m", "text", "t.log", "a (.)")),
        (
            "{notebook: a.ipynb, cell: results, pattern: '(a)(b)', group: 2}",
            Metric(
                "m", "notebook", "a.ipynb", "(a)(b)", where=(("cell", "results"), ("group", "2"))
            ),
        ),
        (
            "{json: 'a/*.jsonl', key: '$.a[-1]', where: {mode: val}}",
            Metric("m", "json", "a/*.jsonl", "$.a[-1]", where=(("mode", "val"),)),
        ),
    ],
)
def test_readers_of_every_kind(written: str, metric: Metric) -> None:
    """Each reader has the words that its users expect, and survives the manifest."""
    config = parse_config(with_experiment(f"metrics: {{m: {written}}}"))
    assert config.experiments[0].metrics == (metric,)
    assert Metric.from_json(metric.to_json()) == metric


@pytest.mark.parametrize(
    "metric",
    [
        Metric("m", "tensorboard", "runs", "val/acc"),
        Metric("m", "csv", "logs/*/metrics.csv", "val acc"),
        Metric("m", "numpy", "a.npy", ""),
        Metric("m", "stdout", "log.txt", "it's (.)"),
        Metric("m", "json", "r.json", "null"),
    ],
)
def test_a_metric_as_text(metric: Metric) -> None:
    """What `init` writes of a metric is read back as the same."""
    config = parse_config(with_experiment(f"metrics: {{m: {metric_text(metric)}}}"))
    assert config.experiments[0].metrics == (metric,)


def test_a_group_named_value_may_stand_among_others() -> None:
    """A regular expression with several groups says which one is the number."""
    config = parse_config(with_experiment(r"metrics: {m: {stdout: '(acc|auc) (?P<value>\d+)'}}"))
    assert config.experiments[0].metrics[0].key == r"(acc|auc) (?P<value>\d+)"

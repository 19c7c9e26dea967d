"""A small bundle's manifest, and records of its runs."""

from __future__ import annotations

import json
from pathlib import Path

from repropack.judge.model import Claim, Experiment, Metric, MetricRef, parse_tolerance

METRICS = (
    Metric("acc", "json", "r.json", "test.acc"),
    Metric("f1", "csv", "t.csv", "f1", where=(("class", "3"),)),
    Metric("loss", "stdout", "", r"loss: (\S+)"),
    Metric("nul", "csv", "nul.csv", "x"),
)
RUN = (
    """echo "loss: 0.5"; echo '{"test": {"acc": 0.97}}' > r.json; """
    """printf 'class,f1\\n3,0.9\\n' > t.csv; printf 'x\\n\\0001\\n' > nul.csv"""
)
EXPERIMENTS = (
    Experiment("svm", RUN, METRICS, seeds=(0, 1), timeout_s=7200.0),
    Experiment("one", RUN, METRICS, timeout_s=7199.5),
    Experiment("slow", "echo go; sleep 60", METRICS[:1], gpu="optional", network=True),
    Experiment("bad", "echo oops; exit 3", METRICS[:1]),
)


def ref(name: str) -> MetricRef:
    """A metric `exp.metric`."""
    experiment, metric = name.split(".")
    return MetricRef(experiment, metric)


CLAIMS = (
    Claim("acc", "value", ref("svm.acc"), "97.0", "percent", tolerance=parse_tolerance("0.5")),
    Claim("f1", "value", ref("svm.f1"), "0.95"),
    Claim("loss", "value", ref("one.loss"), "0.50", source="Table 1"),
    Claim("one", "value", ref("one.acc"), "97", "percent", tolerance=parse_tolerance("1%")),
    Claim("failed", "value", ref("bad.acc"), "0.5"),
)

FOUND = {"acc": {"text": "0.97"}, "f1": {"text": "0.9"}, "loss": {"text": "0.5"}}
RECORDS = "".join(
    json.dumps({"status": "ok", "exit_code": 0, "metrics": FOUND, "log": {}, **changes}) + "\n\n"
    for changes in (
        {"id": "svm-seed0", "experiment": "svm"},
        {"id": "svm-seed1", "experiment": "svm"},
        {"id": "one", "experiment": "one"},
        {"id": "bad", "experiment": "bad", "status": "failed", "log": {"path": "log.txt"}},
    )
)


def write_manifest(directory: Path) -> None:
    """Write `repropack.json` with these experiments and claims."""
    manifest = {
        "schema": "repropack.bundle/1",
        "name": "demo",
        "source": {"kind": "commit", "commit": "abc"},
        "experiments": [experiment.to_json() for experiment in EXPERIMENTS],
        "claims": [claim.to_json() for claim in CLAIMS],
        "wheels": ["ignored"],
    }
    (directory / "repropack.json").write_text(json.dumps(manifest))

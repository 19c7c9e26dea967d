"""Reading and writing what the judge works on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repropack.judge.model import (
    Claim,
    Experiment,
    ManifestError,
    Metric,
    MetricRef,
    RunSpec,
    Spread,
    Tolerance,
    failed_record,
    parse_metric_ref,
    parse_tolerance,
)
from repropack.judge.rule import judge_all
from tests.unit.judge.helpers import claim, experiment

FULL = Experiment(
    name="svm",
    run="python train.py --seed {seed}",
    metrics=(
        Metric("acc", "json", "r.json", "test.acc"),
        Metric("f1", "csv", "t.csv", "f1", where=(("class", "3"),), select="max"),
        Metric("loss", "stdout", "", r"loss: (\S+)", select="first"),
    ),
    seeds=(3, 1, 2),
    matrix=(("z", ("b", "a")), ("a", ("1",))),
    gpu="optional",
    network=True,
    timeout_s=1.5,
    env=(("A", "1"), ("B", "x y")),
    outputs=("plots/*.png",),
    deterministic=True,
)


def test_experiment_round_trip() -> None:
    """An experiment survives JSON, even when somebody sorts the keys."""
    text = json.dumps(FULL.to_json(), sort_keys=True)
    assert Experiment.from_json(json.loads(text)) == FULL


@pytest.mark.parametrize(
    "value",
    [
        claim("97.0", "1%", spread=Spread("ci95", 0.2, 5), scale="percent", source="Table 1"),
        claim("97.0", direction="higher"),
        Claim(id="g", kind="greater", compared=(MetricRef("a", "b", (("c", "d"),)),) * 2),
    ],
)
def test_claim_round_trip(value: Claim) -> None:
    """A claim survives JSON."""
    assert Claim.from_json(json.loads(json.dumps(value.to_json(), sort_keys=True))) == value


def test_unknown_keys_are_ignored() -> None:
    """A manifest of a newer minor version can still be read."""
    data = {**FULL.to_json(), "retries": 3}
    data["metrics"][0]["unit"] = "%"
    assert Experiment.from_json(data) == FULL


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": 3}, "x.name"),
        ({"name": None}, "x.name"),
        ({"run": "a\0b"}, "x.run"),
        ({"run": "\ud800"}, "x.run"),
        ({"seeds": [0, True]}, "x.seeds[1]"),
        ({"seeds": "012"}, "x.seeds"),
        ({"gpu": "yes"}, "x.gpu"),
        ({"network": 1}, "x.network"),
        ({"timeout_s": 0}, "x.timeout_s"),
        ({"timeout_s": 10**400}, "x.timeout_s"),
        ({"timeout_s": float("nan")}, "x.timeout_s"),
        ({"env": {"A": 1}}, "x.env.A"),
        ({"env": {"A=B": "1"}}, "x.env"),
        ({"matrix": {"a": ["1"]}}, "x.matrix"),
        ({"matrix": [{"name": "a", "values": [1]}]}, "x.matrix[0].values[0]"),
        ({"metrics": [{"name": "m", "reader": "xml", "key": "k"}]}, "x.metrics[0].reader"),
        ({"metrics": [{"name": "m", "reader": "stdout", "key": "("}]}, "x.metrics[0].key"),
    ],
)
def test_wrong_types_tell_their_path(changes: dict[str, Any], path: str) -> None:
    """A wrong type is a ManifestError that names where it stands."""
    with pytest.raises(ManifestError) as caught:
        Experiment.from_json({**FULL.to_json(), **changes}, "x")
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5", Tolerance("0.5", absolute=0.5)),
        (" 1% ", Tolerance("1%", relative=0.01)),
        ("0.1 %", Tolerance("0.1 %", relative=0.001)),
        ("0", Tolerance("0", absolute=0.0)),
        ("1e-3", Tolerance("1e-3", absolute=0.001)),
    ],
)
def test_tolerance(text: str, expected: Tolerance) -> None:
    """A number is absolute, a percentage relative."""
    assert parse_tolerance(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "%", "nan", "inf", "-1", "-1%", "1e999", "1e200", "0,5", "1_0", "5%%", "٣", "0.5pp"],
)
def test_tolerance_refused(text: str) -> None:
    """What is no finite number of at least zero is refused, with the text in the message."""
    with pytest.raises(ValueError, match="tolerance"):
        parse_tolerance(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("svm.accuracy", MetricRef("svm", "accuracy")),
        ("svm.test.acc", MetricRef("svm", "test.acc")),
        ("svm.accuracy{}", MetricRef("svm", "accuracy")),
        (" svm.acc { b = 2 , a=1=1 } ", MetricRef("svm", "acc", (("a", "1=1"), ("b", "2")))),
    ],
)
def test_metric_ref(text: str, expected: MetricRef) -> None:
    """Experiment, metric and cell; the cell is sorted."""
    assert parse_metric_ref(text) == expected


@pytest.mark.parametrize(
    "text", ["", "svm", ".acc", "svm.", "svm.acc{a}", "svm.acc{a=}", "svm.acc{a=1,a=2}", "a.b{c=1"]
)
def test_metric_ref_refused(text: str) -> None:
    """Anything else is an error that shows the text."""
    with pytest.raises(ManifestError):
        parse_metric_ref(text)


NAMES = st.text("abcXYZ_09", min_size=1, max_size=5)


@given(NAMES, NAMES, st.dictionaries(NAMES, NAMES, max_size=3))
def test_metric_ref_round_trip(exp: str, metric: str, cell: dict[str, str]) -> None:
    """What a reference prints is what it is read from."""
    ref = MetricRef(exp, metric, tuple(sorted(cell.items())))
    assert parse_metric_ref(str(ref)) == ref


def test_failed_record_is_judged() -> None:
    """The record of a run that an engine lost is a record: no evidence, with its reason."""
    spec = RunSpec("e", "e", command="true")
    lost = failed_record(spec, "interrupted", "the daemon went away", {"engine": "docker"})
    found = judge_all([experiment()], [claim("1")], [json.loads(json.dumps(lost))])
    assert found.exit_code == 6
    assert found.judgements[0].reasons == ("e: the daemon went away",)
    assert found.runs[0].log == ""

"""Histories: the series of a metric, thinned, over what its source counts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repropack import recorded
from repropack.judge import files
from repropack.judge.history import MOST, At, History, Recorder
from repropack.judge.model import Metric
from repropack.judge.readers import read_metric

FIXTURES = Path(__file__).parents[2] / "fixtures" / "metrics"
STEPS = [[0, 0.5], [1, 0.9], [2, 0.8]]


def recording(values: list[float], axis: str = "") -> History | None:
    """The history of a series; with an axis, each is ten further on it."""
    recorder = Recorder()
    for i, value in enumerate(values):
        recorder.add(value, At(axis, 10 * i, "") if axis else "")
    return recorder.history()


@given(st.lists(st.floats(allow_nan=True, width=32), max_size=4 * MOST))
def test_history_is_bounded_and_keeps_the_ends(values: list[float]) -> None:
    """Of any series the first, last, least and largest finite values are there, by rising x."""
    finite = [(10.0 * i, value) for i, value in enumerate(values) if math.isfinite(value)]
    found = recording(values, "epoch")
    assert (found is None) is (len(finite) < 2)
    if found is None:
        return
    assert found.axis == "epoch"
    assert set(found.points) <= set(finite) and len(found.points) <= MOST + 4
    ys = [y for _, y in finite]
    assert found.points[0] == finite[0] and found.points[-1] == finite[-1]
    kept = [y for _, y in found.points]
    assert (min(kept), max(kept)) == (min(ys), max(ys))
    assert all(a[0] < b[0] for a, b in zip(found.points, found.points[1:], strict=False))


def test_long_series_are_thinned_evenly() -> None:
    """A million values leave a few hundred, at even distances."""
    found = recording([math.sin(i / 1e5) for i in range(1_000_000)], "step")
    assert found is not None and MOST / 2 <= len(found.points) <= MOST + 4
    gaps = {b[0] - a[0] for a, b in zip(found.points[2:], found.points[3:-4], strict=False)}
    assert max(gaps) <= 10 * 1_000_000 / (MOST / 2)


def test_a_counter_that_starts_again_is_none() -> None:
    """Where the axis falls back, or hardly rises, points are counted instead."""
    for counter in ((0, 1, 2, 3, 4) * 2, (0,) * 5 + (1,) * 5):
        recorder = Recorder()
        for i, x in enumerate(counter):
            recorder.add(float(i), At("iter", x, ""))
        found = recorder.history()
        assert found is not None
        assert (found.axis, found.points[-1]) == ("match", (9.0, 9.0))


@pytest.mark.parametrize(
    ("reader", "path", "key", "options", "axis", "points"),
    [
        ("tensorboard", "tensorboard/x", "acc", {}, "step", STEPS),
        ("tensorboard", "tensorboard/torch/train", "new", {}, "step", STEPS),
        ("wandb", "wandb", "acc", {}, "step", STEPS),
        ("mlflow", "mlflow/mlruns", "val/acc", {"run": "baseline"}, "step", STEPS),
        ("mlflow", "mlflow/mlflow.db", "val/acc", {"run": "baseline"}, "step", STEPS),
        ("sacred", "sacred", "acc", {}, "step", STEPS),
        ("csv", "lightning/lightning_logs/*/metrics.csv", "val_acc", {}, "step",
         [[9, 0.5], [19, 0.9], [29, 0.8]]),
        ("json", "transformers/trainer_state.json", "$.log_history[*].eval_accuracy", {}, "step",
         [[1, 0.5], [2, 0.9], [3, 0.8], [3, 0.8]]),
        ("json", "mmengine/vis_data/scalars.json", "coco/bbox_mAP", {}, "step",
         [[1, 0.5], [2, 0.9], [3, 0.8]]),
        ("json", "mmdetection/*.log.json", "bbox_mAP", {"mode": "val"}, "epoch",
         [[1, 0.5], [2, 0.9], [3, 0.8]]),
        ("numpy", "numpy/many.npz", "acc", {}, "match", STEPS),
    ],
)  # fmt: skip
def test_histories_of_real_tools(
    reader: str, path: str, key: str, options: dict[str, str], axis: str, points: list[list[float]]
) -> None:
    """What a tool was given is there again, over the tool's own counter."""
    metric = Metric("m", reader, path, key, tuple(options.items()))
    found = read_metric(metric, str(FIXTURES), "").to_json()["history"]
    assert found["axis"] == axis
    assert [[x, pytest.approx(y)] for x, y in points] == found["points"]


def test_printed_histories(tmp_path: Path) -> None:
    """A named group that counts is the axis of what is printed; else matches are counted."""
    log = tmp_path / "log.txt"
    log.write_text("".join(f"epoch {10 * i} acc 0.{i}\n" for i in range(1, 4)))
    for pattern, axis, xs in (
        (r"epoch (?P<epoch>\d+) acc (?P<value>\S+)", "epoch", [10, 20, 30]),
        (r"acc (\S+)", "match", [0, 1, 2]),
    ):
        found = read_metric(Metric("m", "stdout", "", pattern), str(tmp_path), str(log)).to_json()
        assert found["history"] == {
            "axis": axis,
            "points": [[x, y] for x, y in zip(xs, (0.1, 0.2, 0.3), strict=True)],
        }


def test_csv_and_json_without_a_counter(tmp_path: Path) -> None:
    """Rows are counted where no column counts; a single value has no history."""
    (tmp_path / "t.csv").write_text("name,acc\na,0.5\nb,0.75\n")
    (tmp_path / "r.json").write_text('{"acc": 1, "all": [3, 4]}')
    found = read_metric(Metric("m", "csv", "t.csv", "acc"), str(tmp_path), "").to_json()
    assert found["history"] == {"axis": "match", "points": [[0, 0.5], [1, 0.75]]}
    assert (
        "history"
        not in read_metric(Metric("m", "json", "r.json", "acc"), str(tmp_path), "").to_json()
    )
    listed = read_metric(Metric("m", "json", "r.json", "all"), str(tmp_path), "").to_json()
    assert listed["history"]["points"] == [[0, 3], [1, 4]]


def test_record_is_read_as_curves() -> None:
    """A record's history is a curve of the report, and stands in the file a point a line."""
    history = recording([0.5, 0.25, 0.125], "epoch")
    assert history is not None
    record = {"metrics": {"m": {"value": 1.0, "history": history.to_json()}}}
    data = files.json_bytes(record)
    assert b"[10, 0.25]" in data
    (curve,) = recorded.curves(json.loads(data))
    assert (curve.axis, curve.points) == ("epoch", ((0.0, 0.5), (10.0, 0.25), (20.0, 0.125)))

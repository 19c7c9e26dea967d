"""Metric readers on files that the real tools wrote (tests/fixtures/metrics/write.py)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from repropack.judge import collect
from repropack.judge.model import Experiment, Metric
from repropack.judge.readers import Reading, read_metric

FIXTURES = Path(__file__).parents[2] / "fixtures" / "metrics"
LIGHTNING = "lightning/lightning_logs/*/metrics.csv"
TRAINER = "transformers/trainer_state.json"
NOTEBOOK = "jupyter/executed.ipynb"
MMDETECTION = "mmdetection/*.log.json"
LINES = "mmengine/vis_data/scalars.json"


def read(
    reader: str,
    path: str,
    key: str,
    select: str = "last",
    options: dict[str, str] | None = None,
    root: Path = FIXTURES,
) -> Reading:
    """Read one metric from the fixtures."""
    where = tuple(sorted((options or {}).items()))
    return read_metric(Metric("m", reader, path, key, where, select), str(root), "")


@pytest.mark.parametrize(
    ("reader", "path", "key", "options", "last", "highest"),
    [
        ("tensorboard", "tensorboard/torch/train", "acc", {}, "0.8", "0.9"),
        ("tensorboard", "tensorboard/torch", "acc", {"run": "val"}, "0.7", "0.8"),
        ("tensorboard", "tensorboard/torch", "only/train", {}, "0.8", "0.9"),
        ("tensorboard", "tensorboard/torch/train", "new", {}, "0.8", "0.9"),
        ("tensorboard", "tensorboard/torch/train", "double", {}, "0.8", "0.9"),
        ("tensorboard", "tensorboard/x", "acc", {}, "0.8", "0.9"),
        ("tensorboard", "tensorboard/*/train", "acc", {}, "0.8", "0.9"),
        ("wandb", "wandb", "acc", {}, "0.8", "0.9"),
        ("wandb", "wandb", "epoch", {}, "2", "2"),
        ("wandb", "wandb", "best", {"run": "baseline"}, "0.9", "0.9"),
        ("mlflow", "mlflow/mlruns", "val/acc", {"run": "baseline"}, "0.8", "0.9"),
        ("mlflow", "mlflow/mlruns", "final", {}, "0.8", "0.8"),
        ("mlflow", "mlflow/mlflow.db", "val/acc", {"run": "baseline"}, "0.8", "0.9"),
        ("mlflow", "mlflow/mlflow.db", "final", {}, "0.8", "0.8"),
        ("sacred", "sacred", "acc", {}, "0.8", "0.9"),
        ("sacred", "sacred", "best.acc", {}, "0.9", "0.9"),
        ("sacred", "sacred", "result", {}, "0.8", "0.8"),
        ("csv", LIGHTNING, "val_acc", {}, "0.8", "0.9"),
        ("csv", LIGHTNING, "val_acc", {"epoch": "1"}, "0.9", "0.9"),
        ("json", "hydra/outputs/*/*/results.json", "acc", {}, "0.8", "0.8"),
        ("json", TRAINER, "$.log_history[*].eval_accuracy", {}, "0.8", "0.9"),
        ("json", TRAINER, "$.log_history[?(@.epoch==2)].eval_accuracy", {}, "0.9", "0.9"),
        ("json", "transformers/all_results.json", "eval_accuracy", {}, "0.8", "0.8"),
        ("json", LINES, "coco/bbox_mAP", {}, "0.8", "0.9"),
        ("json", LINES, "lr", {"epoch": "2"}, "0.01", "0.01"),
        # The lines of mmcv 1.x's TextLoggerHook, which mmdetection 2 logs with.
        ("json", MMDETECTION, "bbox_mAP", {}, "0.8", "0.9"),
        ("json", MMDETECTION, "bbox_mAP", {"mode": "val", "epoch": "2"}, "0.9", "0.9"),
        ("json", MMDETECTION, "loss", {"mode": "train"}, "0.42468", "0.9608"),
        ("notebook", NOTEBOOK, r"acc: (\S+)", {}, "0.8", "0.9"),
        ("notebook", NOTEBOOK, r"acc: (\S+)", {"cell": "results"}, "0.8", "0.9"),
        ("notebook", NOTEBOOK, r"acc: (\S+)", {"cell": "1"}, "0.8", "0.9"),
        ("notebook", NOTEBOOK, "", {"cell": "-1"}, "0.8", "0.8"),
        ("notebook", NOTEBOOK, "", {"cell": "cell-2"}, "0.8", "0.8"),
        ("numpy", "numpy/scalar.npy", "", {}, "0.8", "0.8"),
        ("numpy", "numpy/single.npy", "", {}, "0.8", "0.9"),
        ("numpy", "numpy/single.npy", "[1]", {}, "0.9", "0.9"),
        ("numpy", "numpy/big-endian.npy", "", {}, "0.8", "0.9"),
        ("numpy", "numpy/count.npy", "", {}, "7", "7"),
        ("numpy", "numpy/fortran.npy", "[1, 0]", {}, "3.0", "3.0"),
        ("numpy", "numpy/fortran.npy", "[0, -1]", {}, "2.0", "2.0"),
        ("numpy", "numpy/many.npz", "acc", {}, "0.8", "0.9"),
        ("numpy", "numpy/many.npz", "acc[-2]", {}, "0.9", "0.9"),
        ("numpy", "numpy/many.npz", "loss", {}, "0.25", "0.25"),
    ],
)
def test_numbers_of_real_tools(
    reader: str, path: str, key: str, options: dict[str, str], last: str, highest: str
) -> None:
    """The last and the highest number are those that the tool was given."""
    found = [read(reader, path, key, select, options) for select in ("last", "max")]
    assert [reading.reason for reading in found] == ["", ""]
    assert [reading.text for reading in found] == [last, highest]


@pytest.mark.parametrize(
    ("reader", "path", "key", "options", "expected"),
    [
        ("tensorboard", "tensorboard/torch", "acc", {}, "in several runs (train, val): say which"),
        ("tensorboard", "tensorboard/torch", "acc", {"run": "test"}, "no run test with acc"),
        ("tensorboard", "tensorboard/x", "Acc", {}, "has no Acc (did you mean acc?)"),
        ("tensorboard", "tensorboard/none", "acc", {}, "was not written"),
        ("tensorboard", "numpy/many.npz", "acc", {}, "no TensorBoard event file"),
        ("tensorboard", "sacred", "acc", {}, "was not written"),
        ("wandb", "wandb", "val.los", {}, "has no val.los (did you mean val.loss?)"),
        ("mlflow", "mlflow/mlruns", "val/acc", {}, "in several runs"),
        ("mlflow", "mlflow/mlflow.db", "val/ac", {}, "did you mean val/acc?"),
        ("mlflow", "numpy/many.npz", "acc", {}, "neither a directory of MLflow nor"),
        ("sacred", "sacred", "acd", {}, "has no acd (did you mean acc?)"),
        ("numpy", "numpy/pickle.npy", "", {}, "a pickle), which are not opened"),
        ("numpy", "numpy/fortran.npy", "", {}, "an array of 2 x 3: say which number"),
        ("numpy", "numpy/fortran.npy", "[2, 0]", {}, "an array of 2 x 3, without [2, 0]"),
        ("numpy", "numpy/many.npz", "acd", {}, "has no array acd (did you mean acc?)"),
        ("numpy", "numpy/scalar.npy", "acc", {}, "is a single array without a name"),
        ("numpy", LINES, "", {}, "is no array of NumPy"),
        ("notebook", "jupyter/plain.ipynb", r"acc: (\S+)", {}, "was not executed"),
        ("notebook", "jupyter/failed.ipynb", r"acc: (\S+)", {}, "error in cell 0: ZeroDivision"),
        ("notebook", NOTEBOOK, r"acc: (\S+)", {"cell": "0"}, "has no code cell 0"),
        ("notebook", NOTEBOOK, r"acc: (\S+)", {"cell": "tag"}, "the tag or id tag"),
        ("notebook", NOTEBOOK, r"f1: (\S+)", {}, "has no such number"),
        ("notebook", LINES, r"f1: (\S+)", {}, "is not JSON"),
        ("json", TRAINER, "$.log_history[9].loss", {}, "has nothing at $.log_history[9].loss"),
        ("json", "transformers/*.json", "eval_accuracy", {}, "is several files of this run"),
        ("json", LINES, "lr", {"epoch": "7"}, "has nothing with epoch = 7"),
    ],
)
def test_what_is_wrong_is_told(
    reader: str, path: str, key: str, options: dict[str, str], expected: str
) -> None:
    """What cannot be read, or is not clear, gives a reason that names the file."""
    found = read(reader, path, key, options=options)
    assert found.value is None
    assert found.reason.startswith(path)
    assert expected in found.reason


@pytest.mark.parametrize(
    ("reader", "path", "key", "options"),
    [
        ("tensorboard", "tensorboard/x", "acc", {}),
        ("wandb", "wandb", "acc", {}),
        ("mlflow", "mlflow/mlflow.db", "val/acc", {"run": "baseline"}),
        ("numpy", "numpy/single.npy", "", {}),
        ("numpy", "numpy/many.npz", "acc", {}),
        ("notebook", NOTEBOOK, r"acc: (\S+)", {}),
        ("sacred", "sacred", "acc", {}),
    ],
)
def test_cut_and_damaged_files(
    tmp_path: Path, reader: str, path: str, key: str, options: dict[str, str]
) -> None:
    """However a file is cut or damaged, there is a number of it or a reason, never an exception."""
    shutil.copytree(FIXTURES / path.split("/")[0], tmp_path / path.split("/")[0])
    target = tmp_path / path
    if target.is_dir():
        target = max((f for f in target.rglob("*") if f.is_file()), key=lambda f: f.name)
        if reader == "sacred":
            target = target.with_name("metrics.json")
    whole = target.read_bytes()
    for size in range(0, len(whole), 1 + len(whole) // 60):
        target.write_bytes(whole[:size])
        cut = read(reader, path, key, root=tmp_path, options=options)
        assert cut.reason or cut.text in ("0.5", "0.9", "0.8"), size
        target.write_bytes(whole[:size] + b"\xff\xfe\x80" + whole[size + 3 :])
        damaged = read(reader, path, key, root=tmp_path, options=options)
        assert (damaged.value is None) is bool(damaged.reason)


def test_series_is_told() -> None:
    """Beside the number stands what else the series holds."""
    found = read("tensorboard", "tensorboard/x", "acc")
    assert found.where == "step 2 of run ."
    expected = {"count": 3, "first": "0.5", "last": "0.8", "min": "0.5", "max": "0.9"}
    assert found.to_json()["among"] == expected


def test_mean_of_the_last() -> None:
    """`mean of last 2` averages the last two; more than there are is a reason."""
    found = read("csv", LIGHTNING, "val_acc", "mean of last 2")
    assert found.value == pytest.approx(0.85)
    assert "3 numbers, not the 4" in read("csv", LIGHTNING, "val_acc", "mean of last 4").reason


def judged_after(tmp_path: Path, metric: Metric, source: str, command: str) -> Reading:
    """What a run of `command` has for the metric where the repository ships the fixture."""
    shutil.copytree(FIXTURES / source, tmp_path / source)
    exp = Experiment("e", command, metrics=(metric,))
    before = collect.snapshot(exp, str(tmp_path))
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    return collect.read_metrics(exp, str(tmp_path), "", "", before)[0]


def test_runs_that_were_there_before_do_not_count(tmp_path: Path) -> None:
    """Of a tracker's directory only the files that the run wrote are evidence."""
    metric = Metric("m", "tensorboard", "tensorboard", "acc")
    stale = judged_after(tmp_path / "a", metric, "tensorboard", "true")
    assert "is stale" in stale.reason
    command = "cp -r tensorboard/x tensorboard/new"
    fresh = judged_after(tmp_path / "b", metric, "tensorboard", command)
    assert (fresh.text, fresh.where) == ("0.8", "step 2 of run new")


def test_rows_that_were_there_before_do_not_count(tmp_path: Path) -> None:
    """Of a database that a run adds to, the runs of before are no evidence."""
    metric = Metric("m", "mlflow", "mlflow/mlflow.db", "val/acc")
    script = tmp_path / "later.py"
    script.write_text(
        "import sqlite3\n"
        "database = sqlite3.connect('mlflow/mlflow.db')\n"
        "later = 'UPDATE runs SET start_time = start_time + 1000000000000 WHERE name = ?'\n"
        "database.execute(later, ('other',))\n"
        "database.commit()\n"
    )
    found = judged_after(tmp_path, metric, "mlflow", f"{sys.executable} later.py")
    assert found.reason == ""
    assert found.value == pytest.approx(0.7)


def test_large_event_files_are_read_in_little_memory(tmp_path: Path) -> None:
    """Memory does not grow with an event file, and its last number is found."""
    (source,) = (FIXTURES / "tensorboard" / "x").iterdir()
    target = tmp_path / "runs" / source.name
    target.parent.mkdir()
    target.write_bytes(source.read_bytes() * 50_000)
    tracemalloc.start()
    found = read("tensorboard", "runs", "acc", root=tmp_path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.text, dict(found.among)["count"]) == ("0.8", 150_000)
    assert peak_bytes < target.stat().st_size // 2

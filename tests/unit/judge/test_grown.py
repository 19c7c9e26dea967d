"""Result files that were in the source before a run that adds to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.judge import collect
from repropack.judge.collect import older_notes
from repropack.judge.model import Experiment, Metric
from repropack.judge.readers import Reading

CSV = Metric("m", "csv", "r.csv", "acc", select="max")
LINES = Metric("m", "json", "r.jsonl", "acc", select="max")
TEXT = Metric("m", "text", "r.log", r"acc (\S+)", select="max")


def after(root: Path, metric: Metric, before: str, now: str) -> Reading:
    """What a run has for the metric that leaves `now` in the place of `before`."""
    exp = Experiment("e", "train", metrics=(metric,))
    path = root / metric.path
    path.parent.mkdir(exist_ok=True)
    path.write_text(before)
    known = collect.snapshot(exp, str(root))
    path.write_text(now)
    return collect.read_metrics(exp, str(root), "", "", known)[0]


@pytest.mark.parametrize(
    ("metric", "before", "added"),
    [
        (CSV, "epoch,acc\n1,0.99\n2,0.98\n", "1,0.5\n2,0.6\n"),
        (LINES, '{"acc": 0.99}\n{"acc": 0.98}\n{"acc": 0.9}\n', '{"acc": 0.5}\n{"acc": 0.6}\n'),
        (TEXT, "began\nacc 0.99\n\n", "acc 0.5\nacc 0.6\n"),
    ],
)
def test_lines_of_before_are_left_out(
    tmp_path: Path, metric: Metric, before: str, added: str
) -> None:
    """Of a file that a run adds to, only what it added is evidence, and a note says so."""
    found = after(tmp_path, metric, before, before + added)
    assert (found.text, found.reason, found.older) == ("0.6", "", 3)
    assert found.history is not None and [y for _, y in found.history.points] == [0.5, 0.6]
    assert older_notes([found, found]) == [
        f"{metric.path}: its first 3 lines were there before the run, and do not count"
    ]
    nothing = after(tmp_path, metric, before, before + "\n")
    assert nothing.text is None and nothing.reason


@pytest.mark.parametrize(
    ("metric", "before", "added", "text"),
    [
        (CSV, "acc\n0.99", "1\n0.4\n", "0.4"),
        (TEXT, "acc 0.9", "1\nacc 0.5\n", "0.5"),
    ],
)
def test_a_line_that_was_not_ended_is_of_before(
    tmp_path: Path, metric: Metric, before: str, added: str, text: str
) -> None:
    """What a run adds to an unfinished line is not all its own: the line does not count."""
    found = after(tmp_path, metric, before, before + added)
    assert (found.text, found.older) == (text, before.count("\n") + 1)


@pytest.mark.parametrize(
    ("now", "text"), [("epoch,acc\n1,0.5\n", "0.5"), ("epoch,acc\n1,0.99\n2,0.90\n", "0.99")]
)
def test_a_file_that_is_written_anew_counts_whole(tmp_path: Path, now: str, text: str) -> None:
    """A file that does not begin with what stood there before is the run's own."""
    found = after(tmp_path, CSV, "epoch,acc\n1,0.99\n2,0.98\n", now)
    assert (found.text, found.older) == (text, 0)


def test_a_tracker_that_is_added_to_is_refused(tmp_path: Path) -> None:
    """Where old and new values cannot be told apart by lines, there is no evidence."""
    run = "mlruns/1/" + "a" * 32
    metric = Metric("m", "mlflow", "mlruns", "acc", select="max")
    path = tmp_path / run / "metrics" / "acc"
    path.parent.mkdir(parents=True)
    path.write_text("1767225600000 0.99 0\n")
    exp = Experiment("e", "train", metrics=(metric,))
    known = collect.snapshot(exp, str(tmp_path))
    with path.open("a") as stream:
        stream.write("1767225600001 0.5 1\n")
    found = collect.read_metrics(exp, str(tmp_path), "", "", known)[0]
    assert "which added to it" in found.reason
    new = tmp_path / run.replace("a", "b") / "metrics" / "acc"
    new.parent.mkdir(parents=True)
    new.write_text("1767225600001 0.5 0\n")
    found = collect.read_metrics(exp, str(tmp_path), "", "", known)[0]
    assert (found.text, found.reason) == ("0.5", "")

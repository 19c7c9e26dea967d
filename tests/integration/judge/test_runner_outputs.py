"""What a run wrote and what lay there before: metrics and outputs of real commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.judge.model import Metric
from tests.integration.judge.one_run import WRITE, Run


@pytest.mark.parametrize("command", ["true", "cat r.json >/dev/null"])
def test_stale(tmp_path: Path, command: str) -> None:
    """A file that was there before and that the run did not write gives no number."""
    run = Run(tmp_path, command, outputs=("*.json",))
    (run.work / "r.json").write_text('{"acc": 0.99}')
    record = run.record()
    assert record["metrics"]["acc"]["value"] is None
    assert "is stale" in record["metrics"]["acc"]["reason"]
    assert [o["fresh"] for o in record["outputs"]] == [False]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("""echo '{"acc": 0.5}' > r.json""", id="other content"),
        pytest.param("sleep 0.02; cp r.json x; cp x r.json", id="same content, written again"),
        pytest.param(
            """touch -r r.json t; echo '{"acc": 0.1}' > r.json; touch -r t r.json""",
            id="same time, other content",
        ),
    ],
)
def test_fresh(tmp_path: Path, command: str) -> None:
    """A file that the run wrote counts, even with the old content or the old time."""
    run = Run(tmp_path, command)
    (run.work / "r.json").write_text('{"acc": 0.5}\n')
    assert run.record()["metrics"]["acc"]["reason"] == ""


def test_stale_by_another_spelling(tmp_path: Path) -> None:
    """A path with `..` cannot smuggle in an old file."""
    run = Run(tmp_path, "true", metrics=(Metric("acc", "json", "d/../r.json", "acc"),))
    (run.work / "d").mkdir()
    (run.work / "r.json").write_text('{"acc": 0.99}')
    assert run.record()["metrics"]["acc"]["value"] is None


def test_earlier_record_does_not_survive(tmp_path: Path) -> None:
    """Nothing of an earlier attempt stands in the directory of a run that starts."""
    run = Run(tmp_path, "exit 1", outputs=("*.png",))
    (run.out / "outputs").mkdir(parents=True)
    (run.out / "outputs" / "old.png").write_text("old")
    (run.out / "record.json").write_text("{}")
    assert run.record()["outputs"] == []
    assert not (run.out / "outputs" / "old.png").exists()


def test_outputs_stay_inside(tmp_path: Path) -> None:
    """Links, pipes and patterns that lead out of the working directory are not collected."""
    (tmp_path / "secret").write_text("s")
    command = "ln -s ../secret a.txt; ln -s /etc b; mkfifo c.txt; echo d > d.txt; ln -s d.txt e.txt"
    outputs = ("*.txt", "b/passwd", "../secret", "/etc/passwd", "b")
    record = Run(tmp_path, command, metrics=(), outputs=outputs).record()
    assert [output["path"] for output in record["outputs"]] == ["d.txt", "e.txt"]
    skipped = {skip["path"]: skip["reason"] for skip in record["skipped"]}
    outside = "is outside of the working directory"
    assert skipped == {
        "a.txt": outside,
        "b/passwd": outside,
        "../secret": outside,
        "/etc/passwd": outside,
        "b": outside,
        "c.txt": "is not a regular file",
    }


@pytest.mark.parametrize("pattern", ["p", "p/", "p/*", "p/**", "**", "**/*", "**/p", "./p/**/*"])
def test_outputs_of_a_directory(tmp_path: Path, pattern: str) -> None:
    """A directory stands for all files below it; hostile names are kept and can be told."""
    command = (
        "mkdir -p p/q; echo 1 > p/q/x; echo 2 > 'p/a b'; echo 3 > p/$(printf '\\377');"
        "ln -s . p/l; ln -s / p/r"
    )
    run = Run(tmp_path, command, metrics=(), outputs=(pattern,))
    record = run.record()
    assert [o["path"] for o in record["outputs"]] == ["p/a b", "p/q/x", "p/\\xff"]
    assert len(list((run.out / "outputs" / "p").iterdir())) == 3


def test_out_inside_of_the_working_directory(tmp_path: Path) -> None:
    """The record's own directory is never collected as an output."""
    run = Run(tmp_path, WRITE, outputs=("**/*",))
    run.out = run.work / "out"
    assert [o["path"] for o in run.record()["outputs"]] == ["r.json"]

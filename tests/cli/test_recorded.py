"""`repropack verify --recorded`: claims and the result files that a repository ships."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repropack.bundle.checksums import SUMS
from tests.cli.driver import inside
from tests.conftest import commit_all

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
CONFIG = """
experiments:
  svm:
    run: python train.py --seed {seed}
    seeds: [0, 1]
    metrics:
      accuracy: {json: "results/{seed}.json", key: accuracy}
      printed: {stdout: 'accuracy (\\S+)'}
claims:
  - {id: good, metric: svm.accuracy, value: "0.97", tolerance: 0.005}
  - {id: bad, metric: svm.accuracy, value: "0.99", tolerance: 0.005}
  - {id: printed, metric: svm.printed, value: "0.97"}
"""


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two result files of an earlier commit than its code."""
    for name, value in NO_ENGINE.items():
        monkeypatch.setenv(name, value)
    root = tmp_path / "shipped"
    (root / "results").mkdir(parents=True)
    for seed, accuracy in enumerate((0.9701, 0.9702)):
        (root / "results" / f"{seed}.json").write_text(json.dumps({"accuracy": accuracy}))
    (root / "train.py").write_text("print(1)\n")
    (root / "repropack.yaml").write_text(CONFIG)
    commit_all(root)
    (root / "train.py").write_text("print(2)\n")
    commit_all(root)
    return root


def test_files_are_compared_without_an_engine(shipped: Path) -> None:
    """A committed file that agrees says so in other words than a run, and exits with 0."""
    done = inside("verify", shipped, "--recorded", "--claim", "good")
    assert done.code == 0, done.said
    assert "file agrees: 1 of 1 claims, judged from shipped result files" in done.out
    assert "reproduced" not in done.out
    assert "older than the code: results/0.json, results/1.json" in " ".join(done.out.split())
    assert "changed since: train.py" in " ".join(done.out.split())
    (place,) = (shipped / ".repropack" / "recorded").iterdir()
    page = (place / "report.html").read_text("utf-8")
    assert "file agrees" in page and "nothing was run" in page
    assert ">reproduced<" not in page and "docker run" not in page
    assert "nothing was run" in (place / "report.md").read_text("utf-8")
    assert json.loads((place / "report.json").read_text())["evidence"] == "shipped files"
    again = inside("report", place)
    assert (again.code, again.out) == (done.code, done.out)


def test_each_verdict_has_its_code(shipped: Path) -> None:
    """A file that differs is exit code 1; what is only printed is no evidence, and 6."""
    assert inside("verify", shipped, "--recorded", "--claim", "bad").code == 1
    done = inside("verify", shipped, "--recorded", "--claim", "printed", "--json")
    found = json.loads(done.out)
    assert (done.code, found["verdict"]) == (6, "no evidence")
    assert "what a run prints is not shipped" in found["claims"][0]["reasons"][0]


def test_untracked_files_do_not_count(shipped: Path) -> None:
    """A file that nobody committed is no evidence, though it lies where the metric is read."""
    (shipped / "repropack.yaml").write_text(CONFIG.replace("results/{seed}", "new/{seed}"))
    (shipped / ".gitignore").write_text("new\n")
    commit_all(shipped)
    (shipped / "new").mkdir()
    (shipped / "new" / "0.json").write_text('{"accuracy": 0.97}')
    done = inside("verify", shipped, "--recorded", "--claim", "good")
    assert done.code == 6, done.said
    assert "what was not committed does not count" in " ".join(done.out.split())


def test_untracked_files_do_not_count_in_a_dirty_tree(shipped: Path) -> None:
    """--allow-dirty takes changes of tracked files, marked as such, and no untracked ones."""
    (shipped / "results" / "0.json").unlink()
    commit_all(shipped)
    (shipped / "results" / "0.json").write_text('{"accuracy": 0.97}')
    done = inside("verify", shipped, "--recorded", "--claim", "good", "--allow-dirty")
    assert done.code == 6, done.said
    assert "results/0.json is not among the files" in " ".join(done.out.split())
    assert "from a dirty tree" in done.out
    assert (shipped / "results" / "0.json").is_file()


def test_options_of_runs_are_refused(shipped: Path) -> None:
    """--recorded beside an option about runs is a usage error; nothing is written."""
    done = inside("verify", shipped, "--recorded", "--runs", "3", "--determinism")
    assert (done.code, done.out) == (2, "")
    assert "--runs and --determinism" in done.err
    assert not (shipped / ".repropack").exists()


def test_a_damaged_bundle_is_refused(tmp_path: Path) -> None:
    """A bundle is checked first: a changed file is exit code 7, whatever it holds."""
    for name, text in ((SUMS, f"{'0' * 64}  repropack.json\n"), ("repropack.json", "{}")):
        (tmp_path / name).write_text(text)
    (tmp_path / "reproduce.sh").write_text("")
    (tmp_path / "source").mkdir()
    assert inside("verify", tmp_path, "--recorded").code == 7

"""`reproduce.sh --recorded`: without an engine, on the result files that the bundle carries."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from tests.cli.driver import inside
from tests.conftest import commit_all
from tests.unit.bundle.made import make_bundle, reproduce, tool_directory

CONFIG = """
name: shipped
experiments:
  e: {run: python e.py, metrics: {m: {json: r.json, key: m}, p: {stdout: '(x)'}}}
claims:
  - {id: good, metric: e.m, value: "0.50"}
  - {id: bad, metric: e.m, value: "0.60"}
"""


def test_reviewer_without_an_engine(tmp_path: Path) -> None:
    """It tells what `verify --recorded` tells, with its exit codes, and needs python3 alone."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("print('x')\n")
    (project / "r.json").write_text('{"m": 0.5012}')
    commit_all(project)
    bundle = make_bundle(project, tmp_path / "bundle").directory
    path = tool_directory(tmp_path / "bin")
    done = reproduce(bundle, "--recorded", path=path)
    assert done.returncode == 4 and "there is no python3" in done.stderr
    assert not (bundle / "recorded").exists()
    (path / "python3").symlink_to(sys.executable)
    done = reproduce(bundle, "--recorded", "--claim", "good", path=path)
    assert done.returncode == 0, done.stderr
    assert "file agrees: 1 of 1 claims" in done.stdout and "reproduced" not in done.stdout
    saved = json.loads((bundle / "recorded" / "report.json").read_text())
    assert [each["id"] for each in saved["claims"]] == ["good"]
    shutil.rmtree(bundle / "recorded")
    done = reproduce(bundle, "--recorded", path=path)
    ours = inside("verify", bundle, "--recorded", "-o", tmp_path / "out")
    assert done.returncode == ours.code == 1, ours.said
    assert done.stdout.splitlines()[:4] == ours.out.splitlines()[:4]
    assert "a bundle has no history" in ours.out

"""`verify --quick` and `--cpu`, with the engine that needs no container."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.driver import inside, project, repropack
from tests.integration.test_many_runs import PYTHON

CONFIG = f"""
    name: hours
    environment: {{python: "{PYTHON}"}}
    experiments:
      long:
        run: python e.py 600
        gpu: optional
        metrics: {{x: {{stdout: 'x=(\\d+)'}}}}
        quick: {{run: python e.py 0}}
      wide:
        run: python e.py 0
        gpu: required
        network: true
        metrics: {{x: {{stdout: 'x=(\\d+)'}}}}
    claims:
      - {{id: small, metric: long.x, value: "0", quick: true}}
      - {{id: large, metric: long.x, value: "600", quick: {{value: "7"}}}}
      - {{id: wide, metric: wide.x, value: "0"}}
"""
SCRIPT = "import sys, time; time.sleep(int(sys.argv[1])); print('x=' + sys.argv[1])\n"
VENV = ("--engine", "venv")


def test_the_quick_set(tmp_path: Path) -> None:
    """Its runs alone are done, every report is labelled, and no author hands it in as results."""
    paper = project(tmp_path / "paper", {"repropack.yaml": CONFIG, "e.py": SCRIPT})
    out, bundle = tmp_path / "out", tmp_path / "bundle"
    done = repropack("verify", paper, *VENV, "--quick", "-o", out)
    assert done.code == 1, done.said
    assert "small" in done.out and "quick set passed" in done.out and "reproduced" not in done.out
    assert "quick set failed: 1 of 2 claims passed, 1 quick set failed" in done.out
    assert [path.name for path in (out / "runs").iterdir()] == ["long+quick"]
    page, text = ((out / f"report.{kind}").read_text("utf-8") for kind in ("html", "md"))
    assert "not the experiments of the paper" in page and "1 of the quick set" in page
    assert "**The author's quick set: not the experiments of the paper.**" in text
    assert json.loads((out / "report.json").read_text())["evidence"] == "quick runs"
    crate = json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]
    assert any("The quick set of hours" in str(each.get("description")) for each in crate)
    again = inside("report", out)
    assert (again.code, again.out) == (1, done.out)
    refused = inside("build", paper, *VENV, "-o", bundle, "--with-results", out)
    assert refused.code == 3 and "is of the quick set" in refused.err, refused.said

    assert inside("build", paper, *VENV, "-o", bundle).code == 0
    assert list(json.loads((bundle / "repropack.json").read_text())["quick"]) == [
        "experiments",
        "claims",
    ]
    asked = inside("verify", bundle, *VENV, "--quick")
    assert asked.code == 2 and "\n  gpu: long\n" in asked.err and "network" not in asked.err
    done = inside("verify", bundle, *VENV, "--quick", "--cpu", "--claim", "small")
    assert done.code == 0, done.said
    assert "quick set passed: 1 of 1 claims" in done.out
    assert "done without a GPU, as --cpu asks: long" in done.out
    (record,) = bundle.glob(".repropack/verifications/*/runs/long+quick/record.json")
    assert json.loads(record.read_text())["facts"]["cpu"] == "--cpu"


def test_what_is_refused(tmp_path: Path) -> None:
    """A claim that the set does not support, a project without one, a GPU that is required."""
    paper = project(tmp_path / "paper", {"repropack.yaml": CONFIG, "e.py": SCRIPT})
    plain = CONFIG.replace("quick: {run: python e.py 0}", "quick: false")
    plain = plain.replace("quick: true", "quick: false").replace(
        'quick: {value: "7"}', "quick: false"
    )
    other = project(tmp_path / "other", {"repropack.yaml": plain, "e.py": SCRIPT})
    for directory, options, code, told in (
        (paper, ("--quick", "--claim", "wide"), 2, "does not support the claim wide"),
        (paper, ("--cpu", "--claim", "wide"), 6, "these experiments require a GPU: wide"),
        (paper, ("--cpu",), 6, "hint: leave out --cpu"),
        (paper, ("--quick", "--recorded"), 2, "--recorded runs nothing, so --quick cannot be"),
        (other, ("--quick",), 2, "declare no quick set"),
    ):
        done = inside("verify", directory, *VENV, *options)
        assert done.code == code and told in done.err, done.said
        assert not (directory / ".repropack").exists()


def test_a_gpu_that_is_missing_is_told_before_anything_is_built(tmp_path: Path) -> None:
    """A project whose run needs a GPU that cannot be had is refused when it is planned."""
    paper = project(tmp_path / "paper", {"repropack.yaml": CONFIG, "e.py": SCRIPT})
    done = inside("verify", paper, *VENV, "--claim", "wide")
    assert done.code == 6 and "wide needs a GPU" in done.err and "hint: " in done.err, done.said
    assert not (paper / ".repropack").exists()
    assert inside("verify", paper, *VENV, "--claim", "small", "--quick").code == 0


def test_only_what_will_run_is_asked(tmp_path: Path) -> None:
    """--allow is asked for the experiments that the chosen claims need, and for no others."""
    paper = project(tmp_path / "paper", {"repropack.yaml": CONFIG, "e.py": SCRIPT})
    bundle = tmp_path / "bundle"
    assert inside("build", paper, *VENV, "-o", bundle).code == 0
    done = inside("verify", bundle, *VENV, "--claim", "small")
    assert done.code == 2 and "\n  gpu: long\n" in done.err and "wide" not in done.err, done.said
    done = inside("verify", bundle, *VENV, "--only", "wide")
    assert "\n  network: wide\n  gpu: wide\n" in done.err and "long" not in done.err, done.said

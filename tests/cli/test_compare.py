"""`repropack compare`: two verifications side by side."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.driver import inside
from tests.verifications import CLAIMS, ENVIRONMENT, records, sample, write


def author(directory: Path) -> Path:
    """The author's verification: other seeds, an older numpy, a GPU."""
    environment = {
        **ENVIRONMENT,
        "libraries": {**ENVIRONMENT["libraries"], "numpy": "1.26.3"},
        "GPU": {"in the machine": "NVIDIA A100"},
    }
    return write(directory, list(records(seed=7)), environment=environment)


def test_what_differs(tmp_path: Path) -> None:
    """Verdicts that differ are told with both sides, the environments by layer; the code is 1."""
    one, other = author(tmp_path / "a"), sample(tmp_path / "b")
    done = inside("compare", one, other)
    assert done.code == 1, done.said
    line = next(line for line in done.out.splitlines() if line.startswith("plain-accuracy"))
    assert "no evidence" in line and line.endswith("differs")
    assert "eca-accuracy" in done.out and "  attention=none, lr=0.1" in done.out
    assert "numpy" in done.out and "NVIDIA A100" in done.out
    assert "verdicts differ; environments differ in: libraries, GPU" in done.out.splitlines()[-1]


def test_the_same_twice(tmp_path: Path) -> None:
    """A verification agrees with itself, and the code is 0."""
    directory = sample(tmp_path)
    done = inside("compare", directory, directory)
    assert (done.code, done.err) == (0, ""), done.said
    assert "all 6 verdicts agree; environments differ in: nothing" in done.out


def test_compare_as_json(tmp_path: Path) -> None:
    """--json has every claim with both sides; what one side lacks is null."""
    one = write(tmp_path / "a", list(records()), claims=CLAIMS[:2])
    other = write(tmp_path / "b", list(records(seed=3)), claims=CLAIMS[1:3])
    done = inside("compare", one, other, "--json")
    found = json.loads(done.out)
    assert done.code == 1 and not found["same"]
    assert [(c["claim"], c["compared"]) for c in found["claims"]] == [
        ("eca-accuracy", "only in A"), ("plain-accuracy", "same"), ("plain-slow", "only in B"),
    ]  # fmt: skip
    assert found["claims"][0]["B"] is None and found["sides"]["B"]["directory"] == str(other)


def test_compare_as_page(tmp_path: Path) -> None:
    """-o writes one page; an existing file is replaced with --force alone."""
    one, other, out = author(tmp_path / "a"), sample(tmp_path / "b"), tmp_path / "both.html"
    assert inside("compare", one, other, "-o", out).code == 1
    text = out.read_text("utf-8")
    assert '<th scope="col">B</th>' in text and "NVIDIA A100" in text and "<script" not in text
    done = inside("compare", one, other, "-o", out)
    assert done.code == 2 and "--force" in done.err
    assert inside("compare", one, other, "-o", out, "--force").code == 1


def test_compare_with_nothing(tmp_path: Path) -> None:
    """What is no verification is a usage error."""
    done = inside("compare", sample(tmp_path / "a"), tmp_path)
    assert done.code == 2 and "is not a verification" in done.err

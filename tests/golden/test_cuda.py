"""The Dockerfile of an environment whose CUDA libraries come from an image of NVIDIA's.

`pytest tests/golden --update-golden` writes it again after a change that is meant.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.bundle import BaseRecord, Ingredients, render
from repropack.pipeline import decide
from repropack.plan import Plan
from repropack.progress import Silent
from repropack.project import look
from repropack.settings import Settings
from tests.conftest import ROOT, commit_all

GOLDEN = Path(__file__).parent / "cuda"
DIGEST = "nvidia/cuda@sha256:" + "c" * 64
CONFIG = """
name: needs-cuda
environment: {python: "3.11"}
experiments:
  e: {run: python e.py, gpu: required, metrics: {m: {stdout: 'm=(\\d+)'}}}
"""
LOCKS = {
    "runtime": "onnxruntime-gpu==1.20.0",
    "devel": "torch==2.1.2+cu118 deepspeed==0.14.0",
}


def plan_of(pins: str, directory: Path) -> Plan:
    """The plan of a project with these locked packages, in a repository with a fixed commit."""
    locked = (f"{pin} --hash=sha256:{'0' * 64}\n" for pin in pins.split())
    directory.mkdir()
    (directory / "requirements.txt").write_text("".join(locked))
    (directory / "repropack.yaml").write_text(CONFIG)
    (directory / "e.py").write_text("print('m=1')\n")
    commit_all(directory)
    settings = Settings(cache=directory.parent / "cache")
    return decide(look(directory, allow_dirty=False), settings=settings, reporter=Silent())


def ingredients_of(plan: Plan) -> Ingredients:
    """What such a plan is made of, with no wheels."""
    base = BaseRecord(reference="repropack/base:bookworm-py3.11", cuda=DIGEST)
    return Ingredients(target=plan.base.need.target, wheels=(), tools=(), base=base)


@pytest.mark.parametrize("name", LOCKS)
def test_dockerfile(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Libraries, or the toolkit with its compiler, are copied from the pinned image."""
    plan = plan_of(LOCKS[name], tmp_path / "project")
    text = render.dockerfile(plan, ingredients_of(plan))
    path = GOLDEN / f"Dockerfile.{name}"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), f"{path.relative_to(ROOT)} is out of date"
    assert f"CUDA={DIGEST}" in text
    assert "LD_LIBRARY_PATH" not in text.replace("not LD_LIBRARY_PATH", "")

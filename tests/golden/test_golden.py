"""For each example, the plan and the generated files are what they were when they were last read.

`pytest tests/golden --update-golden` (or `make docs`) writes them again after a change that is
meant. The wheels are those that a package index gave; a marked test compares them with it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repropack import workspace
from repropack.bundle import BaseRecord, Ingredients, page, render, split_dockerfile
from repropack.bundle.contents import dump, manifest, wheel_to_json
from repropack.debian.debs import Deb
from repropack.environment import Wheel, fetch, to_pylock, tools
from repropack.images import environment_tag
from repropack.pipeline import decide
from repropack.plan import Plan
from repropack.progress import Silent
from repropack.project import look
from repropack.settings import Settings
from repropack.verification import read, write_report
from tests.conftest import ROOT, example
from tests.verifications import sample

GOLDEN = Path(__file__).parent
DEBS = (Deb(name="bash", version="5.2.15-2", architecture="amd64", sha256="0" * 64),)
EXAMPLES = ("quickstart", "digits-svm", "resnet-attention")
LARGE = ("resnet-attention",)
"""Whose wheels are fetched in `make test-all` only: three gigabytes."""


def plan_of(name: str, directory: Path) -> Plan:
    """The plan of an example, in a repository of its own with a fixed commit."""
    project = example(name, directory)
    settings = Settings(cache=directory / "cache")
    return decide(look(project, allow_dirty=False), settings=settings, reporter=Silent())


def recorded(name: str, kind: str) -> tuple[Wheel, ...]:
    """The wheels that stand in the golden files."""
    path = GOLDEN / name / f"{kind}.json"
    return tuple(Wheel(**row) for row in json.loads(path.read_text("utf-8")))


def generated(plan: Plan, name: str) -> dict[str, str]:
    """The generated files of a plan."""
    ingredients = Ingredients(
        target=plan.base.need.target,
        wheels=recorded(name, "wheels"),
        tools=recorded(name, "tools"),
        base=BaseRecord(reference="repropack/base:bookworm-py3.11", debs=DEBS),
    )
    return {
        "repropack.json": dump(manifest(plan, ingredients)),
        "Dockerfile": render.dockerfile(plan, ingredients),
        "reproduce.sh": render.reproduce_sh(plan, ingredients),
        "README.md": page.readme(plan, ingredients),
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_generated_files(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The manifest with the plan, the Dockerfile, reproduce.sh and README are as recorded."""
    texts = generated(plan_of(name, tmp_path), name)
    for file, text in texts.items():
        path = GOLDEN / name / file
        if request.config.getoption("--update-golden"):
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8"), f"{path.relative_to(ROOT)} is out of date"


def environment_of(plan: Plan, wheels: tuple[Wheel, ...], base: str = "sha256:1") -> str:
    """The tag of a plan's environment on a base."""
    target, tools = plan.base.need.target, recorded("resnet-attention", "tools")
    record = BaseRecord(reference="repropack/base:bookworm-py3.11", debs=DEBS)
    ingredients = Ingredients(target=target, wheels=wheels, tools=tools, base=record)
    head, _ = split_dockerfile(render.dockerfile(plan, ingredients))
    lock = to_pylock(wheels, target, lock=plan.lock)
    return environment_tag(head, [lock.encode()], [base])


def test_examples_share_an_environment(tmp_path: Path) -> None:
    """The two examples with torch are two images on one environment, which is built once."""
    plans = [plan_of(name, tmp_path / name) for name in ("resnet-attention", "resnet-depth")]
    wheels = recorded("resnet-attention", "wheels")
    tag, other = (environment_of(plan, wheels) for plan in plans)
    assert tag == other
    assert plans[0].origin.id12 != plans[1].origin.id12
    assert tag != environment_of(plans[0], wheels, "sha256:2")
    assert tag != environment_of(plans[0], wheels[1:])


@pytest.mark.network
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in LARGE else ()) for name in EXAMPLES],
)
def test_recorded_wheels(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The recorded wheels are those that a package index gives for the example's lock."""
    plan = plan_of(name, tmp_path)
    cache, target = workspace.cache_directory(), plan.base.need.target
    wheels = fetch(plan.lock, target, cache=cache, progress=lambda line: None)
    own = tools(cache, target, lambda line: None) if wheels else ()
    for kind, found in (("wheels", wheels), ("tools", own)):
        if request.config.getoption("--update-golden"):
            path = GOLDEN / name / f"{kind}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(dump([wheel_to_json(wheel) for wheel in found]), "utf-8")
        assert recorded(name, kind) == found


def test_report(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The page, Markdown and text of a small verification are as recorded."""
    directory = sample(tmp_path)
    write_report(read(directory))
    for file in ("report.html", "report.md", "report.txt"):
        text = (directory / file).read_text("utf-8")
        path = GOLDEN / "report" / file
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8"), f"{path.relative_to(ROOT)} is out of date"

"""The generated files for a conda environment are what they were when they were last read.

The lock is conda-lock's, with a CUDA build of PyTorch and a package of pip's; nothing is fetched.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from repropack.bundle import BaseRecord, Ingredients, page, render
from repropack.bundle.contents import dump, manifest
from repropack.bundle.write import conda_texts
from repropack.conda import CondaFile, CondaPackage
from repropack.environment import Requirement, Wheel
from repropack.pipeline import decide
from repropack.plan import Plan
from repropack.progress import Silent
from repropack.project import look
from repropack.settings import Settings
from repropack.tables import pinned_tools
from tests.conftest import ROOT, commit_all
from tests.integration.script.test_hostile import shellcheck

GOLDEN = Path(__file__).parent / "conda"


def plan_of(directory: Path) -> Plan:
    """The plan of the project, in a repository of its own with a fixed commit."""
    project = directory / "conda"
    shutil.copytree(GOLDEN / "project", project)
    commit_all(project)
    settings = Settings(cache=directory / "cache")
    return decide(look(project, allow_dirty=False), settings=settings, reporter=Silent())


def as_file(package: CondaPackage) -> CondaFile:
    """The package as if it had been fetched."""
    hashes = dict(value.split(":") for value in package.hashes)
    return CondaFile(
        name=package.name,
        version=package.version,
        build=package.build,
        url=package.address,
        filename=package.filename,
        size_bytes=1_000_000,
        sha256=hashes["sha256"],
        md5=hashes["md5"],
    )


def as_wheel(item: Requirement) -> Wheel:
    """The wheel as if it had been fetched."""
    return Wheel(
        name=item.name,
        version=item.version,
        filename=f"{item.name}-{item.version}-py3-none-any.whl",
        size_bytes=1_000,
        sha256=item.hashes[0].removeprefix("sha256:"),
    )


def generated(plan: Plan) -> dict[str, str]:
    """The generated files of the plan."""
    assert plan.lock.conda is not None
    tools = tuple(
        Wheel(
            name=tool.name,
            version=tool.version,
            filename=tool.filename,
            size_bytes=tool.size_bytes,
            sha256=tool.sha256,
        )
        for tool in pinned_tools()
    )
    ingredients = Ingredients(
        target=plan.target,
        wheels=tuple(map(as_wheel, plan.lock.requirements)),
        conda=tuple(map(as_file, plan.lock.conda.packages)),
        tools=tools,
        base=BaseRecord(reference="repropack/base:bookworm-py3.11"),
    )
    texts = {
        "repropack.json": dump(manifest(plan, ingredients)),
        "Dockerfile": render.dockerfile(plan, ingredients),
        "reproduce.sh": render.reproduce_sh(plan, ingredients),
        "README.md": page.readme(plan, ingredients),
        **conda_texts(ingredients),
    }
    return {name: text for name, text in texts.items() if not name.startswith("tools/")}


def test_generated_files(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Manifest, Dockerfile, reproduce.sh, README, both locks and what is fetched, as recorded."""
    for file, text in generated(plan_of(tmp_path)).items():
        path = GOLDEN / file
        if request.config.getoption("--update-golden"):
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8"), f"{path.relative_to(ROOT)} is out of date"


def test_conda_build_strings_say_which_cuda(tmp_path: Path) -> None:
    """A conda lock is CUDA evidence: the build string of PyTorch decides, with its place."""
    plan = plan_of(tmp_path)
    assert plan.cuda.cuda.value == "11.3"
    assert "pytorch=1.12.1=py3.8_cuda11.3_cudnn8.3.2_0 in conda-lock.yml" in plan.cuda.cuda.because
    assert (plan.python, plan.base.need.python) == ("3.8", "3.11")


def test_its_script_passes_shellcheck() -> None:
    """Not a remark about the script of a conda bundle."""
    shellcheck(GOLDEN / "reproduce.sh")

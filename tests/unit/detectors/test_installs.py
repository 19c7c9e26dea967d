"""READMEs → what they install, where no manifest says it."""

from __future__ import annotations

import json

import pytest

from repropack.detectors import Reading
from repropack.detectors.imports import undeclared
from repropack.findings import Finding, Where
from repropack.inspection import inspect
from tests.unit.detectors.tree import Tree


def told(text: str, **files: str) -> list[str]:
    """What is found in a README."""
    return [f.value for f in undeclared(Reading(Tree({"README.md": text, **files})), ())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```\npip install torch six==1.16.0\n```", ["six==1.16.0", "torch"]),
        ("$ python3 -m pip install 'numpy<2,>=1.20' \"a[b]\"", ["a[b]", "numpy<2,>=1.20"]),
        ("Run `pip3 install -U scikit-learn` first.", ["scikit-learn"]),
        ("!pip install -q timm\n", ["timm"]),
        ("sudo pip install a && python train.py", ["a"]),
        ("pip install a \\\n    b", ["a", "b"]),
        ("pip install -i https://index.example/simple -f x.html a", ["a"]),
        ("pip install -r requirements.txt", []),
        ("pip install -e .", []),
        ("pip install .", []),
        ("pip install git+https://git.example/a/b.git", []),
        ("pip install --upgrade pip setuptools", []),
        ("pip install pdm poetry", []),
        ("pip install 'unclosed", []),
        ("pip install a==x", []),
        ("first pip install everything, then run", []),
        ("pip install a\npip install a==1", ["a"]),
    ],
)
def test_requirements_in_a_readme(text: str, expected: list[str]) -> None:
    """Names with their versions; options, files, addresses and tools are none."""
    assert told(text) == expected


def test_what_is_declared_or_the_projects_own_is_not_told() -> None:
    """A manifest counts before a README, and a project does not need itself."""
    text = "pip install mypaper opencv-python timm"
    files = {"mypaper/__init__.py": "", "requirements.txt": "opencv-python-headless\n"}
    manifest = Finding(
        kind="dependencies.requirements",
        value="requirements.txt",
        because="",
        where=Where(path="requirements.txt"),
    )
    reading = Reading(Tree({"README.md": text, **files}))
    (finding,) = undeclared(reading, (manifest,))
    assert (finding.value, str(finding.where)) == ("timm", "README.md:1")
    assert "no manifest declares it" in finding.because


def test_a_project_that_its_setup_py_names_does_not_need_itself() -> None:
    """The README says how others install it."""
    assert told("pip install pykan", **{"setup.py": "setuptools.setup(\n    name='pykan')"}) == []
    assert (
        told("pip install my-paper", **{"pyproject.toml": "[tool.poetry]\nname='My_Paper'"}) == []
    )


def test_what_a_notebook_installs_is_told() -> None:
    """Cells for a hosted notebook say what it needs; a line that is a comment does not."""
    cell = {"cell_type": "code", "source": ["!pip install -q timm==0.9\n", "# pip install six\n"]}
    (finding,) = undeclared(Reading(Tree({"a.ipynb": json.dumps({"cells": [cell]})})), ())
    assert (finding.value, str(finding.where)) == ("timm==0.9", "a.ipynb")
    assert "list timm in requirements.txt" in finding.because


def test_what_is_told_can_be_inferred_with_its_version() -> None:
    """A README's version counts before the import's bare name."""
    tree = Tree(
        {"README.md": "x\n\n    pip install six==1.16.0 tqdm\n", "a.py": "import six, yaml\n"}
    )
    found = inspect(tree, None)
    assert [(c.value, c.because) for c in found.undeclared] == [
        ("six==1.16.0", "`pip install six==1.16.0` in README.md:3"),
        ("tqdm", "`pip install tqdm` in README.md:3"),
        ("PyYAML", "`import yaml` in a.py:1"),
    ]


@pytest.mark.parametrize(
    ("files", "because"),
    [
        ({"README.md": "# X\n", "data.csv": "1\n"}, "and there is no Python code"),
        ({"a.py": "import os\n"}, "the standard library only"),
        ({"a.py": "import six\n"}, "but the code imports six"),
        ({"a.py": "x = 1\n", "README.md": "pip install six\n"}, "but a README installs six"),
    ],
)
def test_why_there_is_no_environment(files: dict[str, str], because: str) -> None:
    """No code at all is something else than code that needs nothing."""
    assert because in inspect(Tree(files), None).environment.because

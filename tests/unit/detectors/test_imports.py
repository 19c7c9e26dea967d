"""Code and manifests → imports that nothing declares."""

from __future__ import annotations

import json

import pytest

from repropack.detectors import Reading, dependencies
from repropack.detectors.imports import missing
from repropack.findings import Severity
from tests.unit.detectors.tree import Tree


def undeclared(files: dict[str, str], python: str = "3.11") -> list[str]:
    """Names that are imported and not declared."""
    reading = Reading(Tree(files))
    return [f.value for f in missing(reading, dependencies.detect(reading), python)]


@pytest.mark.parametrize(
    ("code", "manifests", "expected"),
    [
        ("import numpy", {}, ["numpy"]),
        ("import numpy", {"requirements.txt": "numpy>1"}, []),
        ("import numpy", {"requirements.txt": "-r more.txt", "more.txt": "numpy"}, []),
        (
            "import sklearn, PIL, cv2",
            {"requirements.txt": "scikit-learn\nPillow\nopencv-python"},
            [],
        ),
        ("import sklearn", {"requirements.txt": "sklearn"}, []),
        ("import yaml, torch", {"requirements.txt": "torch"}, ["yaml"]),
        ("try:\n    import wandb\nexcept ImportError:\n    pass", {}, []),
        ("import six", {"poetry.lock": "[[package]]\nname = 'six'\nversion = '1'"}, []),
        ("import six", {"Pipfile": "[packages]\nsix = '*'"}, []),
        ("import six", {"pyproject.toml": "[project]\ndependencies = ['Six>1']"}, []),
        ("import six", {"setup.py": "setup(install_requires=['six'])"}, []),
        ("import six", {"setup.py": "setup(install_requires=open('r.txt'))", "r.txt": "six"}, []),
        ("import six", {"environment.yml": "dependencies:\n  - six=1.16\n"}, []),
        (
            "import json, os, helper, models.x\nfrom . import y",
            {"src/helper.py": "", "models/x.py": ""},
            [],
        ),
    ],
)
def test_imports_that_nothing_declares(
    code: str, manifests: dict[str, str], expected: list[str]
) -> None:
    """Python's own and the project's modules do not count, nor guarded imports."""
    assert undeclared({"train.py": f"{code}\nprint(1)\n", **manifests}) == expected


@pytest.mark.parametrize(
    ("module", "python", "expected"),
    [
        ("distutils", "3.11", []),
        ("distutils", "3.12", ["distutils"]),
        ("tomllib", "3.10", ["tomllib"]),
        ("zoneinfo", "3.8", ["zoneinfo"]),
        ("telnetlib", "3.14", ["telnetlib"]),
    ],
)
def test_the_standard_library_is_that_of_the_target(
    module: str, python: str, expected: list[str]
) -> None:
    """Modules come and go with Python's versions."""
    assert undeclared({"a.py": f"import {module}\nprint(1)"}, python) == expected


def test_the_finding_names_the_distribution() -> None:
    """Import and distribution may have different names."""
    reading = Reading(Tree({"a.py": "\nimport cv2\nprint(1)"}))
    (finding,) = missing(reading, (), "3.11")
    assert (finding.value, str(finding.where), finding.severity) == (
        *("cv2", "a.py:2"),
        Severity.WARNING,
    )
    assert "list opencv-python-headless in requirements.txt" in finding.because


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            [("code", ["import numpy as np, os\n", "from sklearn.x import y"])],
            ["numpy", "sklearn"],
        ),
        ([("markdown", ["import numpy"])], []),
        ([("code", "%matplotlib inline\n!pip install six\n  import six\nimportant = 1")], []),
    ],
)
def test_notebooks_import_too(
    cells: list[tuple[str, list[str] | str]], expected: list[str]
) -> None:
    """A repository of notebooks alone has its packages in their cells."""
    found = [{"cell_type": kind, "source": source} for kind, source in cells]
    assert undeclared({"a.ipynb": json.dumps({"cells": found})}) == expected


@pytest.mark.parametrize("text", ["", "[]", "{", '{"cells": 3}', '{"cells": [3]}'])
def test_what_is_no_notebook_imports_nothing(text: str) -> None:
    """Whatever a file of this name holds."""
    assert undeclared({"a.ipynb": text}) == []

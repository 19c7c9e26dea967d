"""Code and manifests → imports that nothing declares."""

from __future__ import annotations

import json

import pytest

from repropack.detectors import Reading, dependencies
from repropack.detectors.imports import missing
from repropack.detectors.notebooks import MAX_NOTEBOOKS
from repropack.detectors.reading import MAX_PARSED_BYTES
from repropack.findings import Severity
from repropack.inspection import inspect
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
        (
            "from google.cloud import storage",
            {"Pipfile": "[packages]\ngoogle-cloud-storage = '*'"},
            [],
        ),
        ("import google.auth, google.cloud.x", {}, ["google.auth", "google.cloud.x"]),
        (
            "import fast",
            {"ext/setup.py": "setup(ext_modules=[CUDAExtension('fast', ['a.cu'])])"},
            [],
        ),
        ("import paper", {"setup.py": "setup(\n    name='paper')"}, []),
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
    ("files", "what"),
    [
        ({}, "list six in requirements.txt, or plan with --infer"),
        ({"requirements.txt": "a\n"}, "list six in requirements.txt, or plan with --infer"),
        ({"setup.py": "setup(install_requires=['a'])"}, "list six in setup.py, or plan with"),
        (
            {"pdm.lock": "", "pyproject.toml": "[project]\ndependencies = ['a']"},
            "list six in pyproject.toml and lock again",
        ),
        (
            {"requirements.txt": f"a==1 --hash=sha256:{'0' * 64}", "requirements.in": "a"},
            "list six in requirements.in and lock again",
        ),
        ({"poetry.lock": ""}, "lock six in poetry.lock too"),
    ],
)
def test_the_finding_says_where_to_list_it(files: dict[str, str], what: str) -> None:
    """In the manifest that counts; of a lock, in what it was made from."""
    reading = Reading(Tree({"a.py": "import six\nprint(1)", **files}))
    (finding,) = missing(reading, dependencies.detect(reading), "3.11")
    assert what in finding.because


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("from apex import amp", "the index has something else under this name"),
        ("from google.colab import drive", "only Google Colab has it"),
    ],
)
def test_what_no_index_has_is_told_and_never_inferred(code: str, what: str) -> None:
    """A package of the same name is another project's."""
    found = inspect(Tree({"a.py": f"{code}\nimport six\n"}), None)
    (finding,) = [f for f in found.findings if f.value in ("apex", "google.colab")]
    assert what in finding.because
    assert [choice.value for choice in found.undeclared] == ["six"]


def test_code_beyond_the_limit_of_parsing_is_read_for_its_imports() -> None:
    """What is not parsed may still need packages."""
    filler = "x = 1\n" * (MAX_PARSED_BYTES // 6)
    late = f"import six as s, yaml  # both\nfrom torch import (\n    nn)\nimport the data\n{filler}"
    reading = Reading(Tree({"train.py": "print(1)\n", "late.py": late}))
    found = missing(reading, (), "3.11")
    assert [str(f.where) for f in found] == ["late.py:1", "late.py:2", "late.py:1"]
    assert [f.value for f in found] == ["six", "torch", "yaml"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            [("code", ["import numpy as np, os\n", "from sklearn.x import y"])],
            ["numpy", "sklearn"],
        ),
        ([("markdown", ["import numpy"])], []),
        (
            [("code", "from google.colab import drive\nimport x.b as c, d")],
            ["d", "google.colab", "x"],
        ),
        ([("code", "%matplotlib inline\n!pip install six\n  import six\nimportant = 1")], []),
    ],
)
def test_notebooks_import_too(
    cells: list[tuple[str, list[str] | str]], expected: list[str]
) -> None:
    """A repository of notebooks alone has its packages in their cells."""
    found = [{"cell_type": kind, "source": source} for kind, source in cells]
    assert undeclared({"a.ipynb": json.dumps({"cells": found})}) == expected


def test_notebooks_count_wherever_they_are() -> None:
    """But for copies that an editor keeps, and beyond the limits, which is told."""
    text = json.dumps({"cells": [{"cell_type": "code", "source": "import six"}]})
    assert undeclared({"lectures/one/a.ipynb": text}) == ["six"]
    assert undeclared({".ipynb_checkpoints/a.ipynb": text}) == []
    reading = Reading(Tree({f"{n}.ipynb": text for n in range(MAX_NOTEBOOKS + 2)}))
    (finding,) = reading.findings()
    assert (finding.kind, finding.value) == ("code.limit", "2 notebooks were not looked into")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"cells": 3}', '{"cells": [3]}'])
def test_what_is_no_notebook_imports_nothing(text: str) -> None:
    """Whatever a file of this name holds."""
    assert undeclared({"a.ipynb": text}) == []

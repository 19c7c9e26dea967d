"""Files → which Python they ask for."""

from __future__ import annotations

import pytest

from repropack.detectors import Reading, python
from tests.unit.detectors.tree import Tree


@pytest.mark.parametrize(
    ("path", "text", "kind", "value", "line"),
    [
        (".python-version", "3.11.4\n", "python.pin", "3.11.4", 1),
        (".python-version", "# ours\n3.9\n", "python.pin", "3.9", 2),
        (".python-version", "cpython-3.12.1-linux\n", "python.pin", "3.12.1", 1),
        (".python-version", "# ours\ncpython@3.10\n", "python.pin", "3.10", 2),
        ("runtime.txt", "python-3.10.13\n", "python.pin", "3.10.13", 1),
        ("binder/runtime.txt", "python-3.8\n", "python.pin", "3.8", 1),
        (".tool-versions", "nodejs 20\npython 3.10.4 3.9\n", "python.pin", "3.10.4", 2),
        (
            "Pipfile.lock",
            '{"_meta": {\n "requires": {\n  "python_version": "3.11"}}}',
            "python.pin",
            "3.11",
            3,
        ),
        (
            "pdm.lock",
            "[[metadata.targets]]\nrequires_python='>=3.9'",
            "python.requires",
            ">=3.9",
            2,
        ),
        (
            "train.py",
            "import x\n# /// script\n# requires-python = '>=3.12'\n# ///\n",
            "python.requires",
            ">=3.12",
            3,
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "~2.7 || ^3.6"\n',
            "python.requires",
            ">=3.6,<4.0",
            None,
        ),
        ("Pipfile", '[requires]\npython_version = "3.8"\n', "python.pin", "3.8", 2),
        ("environment.yml", "dependencies:\n  - python=3.7.16\n", "python.pin", "3.7.16", 2),
        ("environment.yml", "dependencies:\n  - python>=3.7\n", "python.requires", ">=3.7", 2),
        ("setup.cfg", "[options]\npython_requires = >=3.8\n", "python.requires", ">=3.8", 2),
        ("setup.py", "setup(\n python_requires='>=3.7')\n", "python.requires", ">=3.7", 2),
        (
            "pyproject.toml",
            '[project]\nname = "x"\nrequires-python = ">=3.9,<3.12"\n',
            "python.requires",
            ">=3.9,<3.12",
            3,
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "^3.9"\n',
            "python.requires",
            ">=3.9,<4.0",
            None,
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "~3.9"\n',
            "python.requires",
            "==3.9.*",
            None,
        ),
        ("requirements.txt", "a==1\npython==3.6.12\n", "python.pin", "3.6.12", 2),
        ("requirements.txt", "# by pip-compile with Python 3.8\na==1\n", "python.pin", "3.8", 1),
        (
            "requirements.txt",
            "#\n#    uv pip compile r.in --python-version 3.10\na==1\n",
            "python.pin",
            "3.10",
            2,
        ),
        ("pylock.toml", 'requires-python = ">=3.11"\n', "python.requires", ">=3.11", 1),
        ("uv.lock", 'version = 1\nrequires-python = ">=3.12"\n', "python.requires", ">=3.12", 2),
    ],
)
def test_each_file_that_says_which_python(
    path: str, text: str, kind: str, value: str, line: int | None
) -> None:
    """A version or a range is found with its file and line."""
    (finding,) = python.detect(Reading(Tree({path: text})))
    assert (finding.kind, finding.value) == (kind, value)
    assert finding.where is not None
    assert (finding.where.path, finding.where.line) == (path, line)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".python-version", "pypy3.9-7.3\n"),
        (".python-version", "miniconda3-latest\n"),
        ("pyproject.toml", "[tool.ruff]\nline-length = 3\n"),
        ("pyproject.toml", "project = 3\n"),
        ("environment.yml", "dependencies:\n  - ipython=3.7\n"),
        ("README.md", "python 3.9\n"),
        ("requirements.txt", "a==1  # with Python 3.9\n"),
    ],
)
def test_files_that_say_nothing(path: str, text: str) -> None:
    """Other Pythons and other keys are not taken for a version."""
    assert python.detect(Reading(Tree({path: text}))) == ()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".python-version", "2.7.18\n"),
        ("runtime.txt", "python-2.7.15\n"),
        ("environment.yml", "dependencies:\n  - python=2.7\n"),
    ],
)
def test_python_2_stands_in_the_way(path: str, text: str) -> None:
    """It is told with its place, and not where a Python 3 is pinned too."""
    (old,) = python.detect(Reading(Tree({path: text})))
    assert (old.kind, old.severity.value) == (python.OLD, "problem")
    both = python.detect(Reading(Tree({path: text, ".tool-versions": "python 3.9"})))
    assert [found.kind for found in both] == [python.PIN]


def test_several_versions_in_one_file_are_told() -> None:
    """pyenv's first version counts, and a finding names the others."""
    pin, several = python.detect(Reading(Tree({".python-version": "3.10.4\n3.9.1\n"})))
    assert (pin.value, several.kind) == ("3.10.4", "python.several")
    assert "3.10.4, 3.9.1; the first counts" in several.because

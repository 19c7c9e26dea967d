"""Files → what says what to install, and whether it can be built from."""

from __future__ import annotations

import pytest

from repropack.detectors import Reading, dependencies
from tests.unit.detectors.tree import Tree

HASHED = "a==1 \\\n    --hash=sha256:00\n"
PROJECT = "[project]\nname = 'x'\ndependencies = ['numpy']\n"
HEADER = "# /// script\n# dependencies = ['a']\n# ///\n"
POETRY_ASKS = "[tool.poetry.dependencies]\npython = '^3.9'\na = '*'\n"
POETRY = "[tool.poetry]\nname = 'x'\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"requirements.txt": "a"}, ["requirements requirements.txt info"]),
        ({"requirements-dev.txt": "a", "dev-requirements.txt": "a"}, []),
        ({"docs/requirements.txt": "a"}, []),
        (
            {"requirements.txt": "a", "requirements-lock.txt": HASHED, "pylock.toml": ""},
            [
                "pylock pylock.toml info",
                "hashed requirements-lock.txt info",
                "requirements requirements.txt info",
            ],
        ),
        (
            {"requirements-gpu.txt": "a", "requirements.txt": "a"},
            ["requirements requirements.txt info", "requirements requirements-gpu.txt info"],
        ),
        ({"pyproject.toml": PROJECT}, ["pyproject pyproject.toml info"]),
        ({"pyproject.toml": "[tool.ruff]\n"}, []),
        ({"pyproject.toml": "[project]\ndependencies = []\n"}, []),
        ({"poetry.lock": "", "pyproject.toml": POETRY}, ["poetry poetry.lock info"]),
        ({"pyproject.toml": POETRY}, []),
        ({"pyproject.toml": POETRY_ASKS}, ["pyproject pyproject.toml info"]),
        ({"pyproject.toml": "[dependency-groups]\nrun = ['a']"}, ["pyproject pyproject.toml info"]),
        ({"pyproject.toml": "[dependency-groups]\ndev = ['a']"}, []),
        (
            {"pyproject.toml": "[tool.flit.metadata]\nrequires=['a']"},
            ["pyproject pyproject.toml info"],
        ),
        ({"Pipfile": "[packages]\na = '*'"}, ["pipfile Pipfile info"]),
        ({"Pipfile": "[packages]\n"}, []),
        ({"a.py": HEADER}, ["script a.py info"]),
        ({"a.py": HEADER, "requirements.txt": "a"}, ["requirements requirements.txt info"]),
        (
            {
                "requirements/dev.txt": "a",
                "requirements/gpu.txt": "a",
                "requirements/base.txt": "a",
            },
            ["requirements requirements/base.txt info", "requirements requirements/gpu.txt info"],
        ),
        (
            {
                "wandb/run-1-a/files/requirements.txt": "",
                "wandb/run-2-b/files/requirements.txt": "",
            },
            ["wandb wandb/run-2-b/files/requirements.txt info"],
        ),
        (
            {"binder/requirements.txt": "a", "requirements.txt": "b", "poetry.lock": ""},
            ["requirements binder/requirements.txt info"],
        ),
        ({".binder/apt.txt": "a", "requirements.txt": "b"}, ["requirements requirements.txt info"]),
        (
            {"pyproject.toml": PROJECT, "uv.lock": ""},
            ["uv uv.lock info", "pyproject pyproject.toml info"],
        ),
        (
            {"requirements.txt": "a", "environment.yml": ""},
            ["requirements requirements.txt info", "conda environment.yml info"],
        ),
        ({"environment.yml": ""}, ["conda environment.yml info"]),
        ({"environment.yml": "dependencies: [{pip: [a]}]"}, ["conda_pip environment.yml info"]),
        (
            {
                "requirements.txt": "a",
                "environment.yml": "dependencies: [a, {pip: [-r requirements.txt]}]",
            },
            ["conda environment.yml info"],
        ),
        ({"spec-file.txt": "@EXPLICIT\n"}, ["conda_explicit spec-file.txt info"]),
        (
            {"requirements.txt": "# $ conda create --name\na=1=0\n"},
            ["conda_list requirements.txt info"],
        ),
        (
            {"conda-lock.yml": "", "pixi.lock": ""},
            ["conda_lock conda-lock.yml info", "pixi_lock pixi.lock info"],
        ),
        ({"docker-compose.yml": "dependencies: [a]"}, []),
        ({"setup.py": "setup(install_requires=['a'])"}, ["setup_py setup.py info"]),
        ({"setup.py": "setup(name='a')"}, []),
        ({"setup.cfg": "[options]\ninstall_requires =\n  a\n"}, ["setup_cfg setup.cfg info"]),
    ],
)
def test_manifests(files: dict[str, str | None], expected: list[str]) -> None:
    """Best evidence first; a format that cannot be read is a problem only where nothing else is."""
    found = dependencies.detect(Reading(Tree(files)))
    said = [f"{f.kind.removeprefix('dependencies.')} {f.value} {f.severity.value}" for f in found]
    assert said == expected

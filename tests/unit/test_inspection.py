"""Findings → what the project is: which of several facts counts."""

from __future__ import annotations

import pytest

from repropack.config import Config, parse_config
from repropack.findings import Finding, Severity
from repropack.formats import Format
from repropack.inspection import inspect
from tests.unit.detectors.tree import Tree

HASHED = "a==1 \\\n    --hash=sha256:00\n"
PROJECT = "[project]\nname = 'x'\ndependencies = ['numpy']\n"


@pytest.mark.parametrize(
    ("files", "path", "format"),
    [
        (
            {"pylock.toml": "", "requirements.txt": HASHED, "pyproject.toml": PROJECT},
            "pylock.toml",
            Format.PYLOCK,
        ),
        (
            {"requirements.txt": "a", "requirements.lock": HASHED, "pyproject.toml": PROJECT},
            "requirements.lock",
            Format.HASHED,
        ),
        (
            {"requirements.txt": "a", "pyproject.toml": PROJECT},
            "requirements.txt",
            Format.REQUIREMENTS,
        ),
        ({"pyproject.toml": PROJECT, "uv.lock": ""}, "uv.lock", Format.UV),
        ({"a.py": "print(1)"}, None, Format.NONE),
        ({"pixi.lock": ""}, "pixi.lock", Format.PIXI_LOCK),
        (
            {"environment.yml": "dependencies: [a]"},
            "environment.yml",
            Format.CONDA,
        ),
    ],
)
def test_the_best_manifest_counts(files: dict[str, str], path: str | None, format: Format) -> None:
    """A lock before hashed requirements before requirements before a project's dependencies."""
    environment = inspect(Tree(files), None).environment
    assert (environment.path, environment.format) == (path, format)


def test_the_manifests_that_were_passed_over_are_named() -> None:
    """The reason says what it was preferred to."""
    files = {"pylock.toml": "", "requirements.txt": "a", "a.py": "import b\nprint(1)"}
    found = inspect(Tree(files), None)
    assert (
        found.environment.because
        == "pylock.toml (a lock with hashes), preferred to requirements.txt"
    )


def test_no_manifest_but_imports_is_said() -> None:
    """Code that imports packages is not called "standard library only"."""
    environment = inspect(Tree({"a.py": "import numpy\nprint(1)"}), None).environment
    assert environment.because == "no file says what to install, but the code imports numpy"


@pytest.mark.parametrize(
    ("files", "stops"),
    [
        ({"environment.yml": "dependencies:\n- vs2015_runtime=14.16\n"}, True),
        ({"environment.yml": "dependencies:\n- appnope\n", "requirements.txt": "a"}, False),
    ],
)
def test_another_systems_conda_file_stops_only_what_uses_it(
    files: dict[str, str], stops: bool
) -> None:
    """A Windows export is a problem where it makes the environment, and a remark elsewhere."""
    found = inspect(Tree(files), None)
    assert bool(found.problems) is stops
    (foreign,) = [each for each in found.findings if each.kind == "conda.foreign"]
    assert str(foreign.where) == "environment.yml:2"
    assert foreign.severity is (Severity.PROBLEM if stops else Severity.INFO)


@pytest.mark.parametrize(
    ("files", "lock", "path", "format", "problem"),
    [
        (
            {"pylock.toml": "", "env/pinned.txt": "a"},
            "env/pinned.txt",
            "env/pinned.txt",
            Format.REQUIREMENTS,
            "",
        ),
        (
            {"poetry.lock": "", "r.txt": HASHED},
            "r.txt",
            "r.txt",
            Format.HASHED,
            "",
        ),
        ({"pylock.toml": ""}, "absent.txt", None, Format.NONE, "is not in the source"),
        ({"conda-lock.yml": ""}, "conda-lock.yml", "conda-lock.yml", Format.CONDA_LOCK, ""),
        ({"a.json": ""}, "a.json", None, Format.NONE, "it is no pylock.toml"),
    ],
)
def test_the_authors_lock_counts(
    files: dict[str, str], lock: str, path: str | None, format: Format, problem: str
) -> None:
    """`environment.lock` wins, and a file that cannot be used is a problem, not passed over."""
    found = inspect(Tree(files), parse_config(f"environment: {{lock: {lock}}}"))
    assert (found.environment.path, found.environment.format) == (path, format)
    said = [finding.because for finding in found.problems]
    assert any(problem in text for text in said) if problem else not said


@pytest.mark.parametrize(
    ("files", "python", "because"),
    [
        ({}, None, ""),
        ({".python-version": "3.12.1\n"}, "3.12.1", "pinned in .python-version:1"),
        (
            {".python-version": "3.12\n", "runtime.txt": "python-3.9.1"},
            "3.12",
            "pinned in .python-version:1",
        ),
        (
            {"pyproject.toml": "[project]\nrequires-python = '>=3.8'"},
            "3.11",
            "`>=3.8` in pyproject",
        ),
        ({"pyproject.toml": "[project]\nrequires-python = '>=3.12'"}, "3.13", "Debian trixie has"),
        ({"setup.cfg": "python_requires = >=3.6,<3.10"}, "3.9", "Debian bullseye has it"),
        ({"setup.cfg": "python_requires = >=3.7,<3.9"}, "3.7", "it is the lowest"),
        ({"setup.cfg": "python_requires = ==3.10.*"}, "3.10", "it is the lowest"),
        ({"setup.cfg": "python_requires = ==3.10.4"}, "3.10", "it is the lowest"),
        ({"setup.cfg": "python_requires = >3.11.2"}, "3.11", "Debian bookworm has it"),
        ({"setup.cfg": "python_requires = <3"}, None, ""),
    ],
)
def test_which_python(files: dict[str, str], python: str | None, because: str) -> None:
    """A pin counts before a range; in a range, a version that a base has counts before others."""
    choice = inspect(Tree(files), None).python
    assert (choice.value if choice else None) == python
    assert choice is None or because in choice.because


def test_the_authors_python_counts_and_contradictions_are_told() -> None:
    """`environment.python` wins; a range that excludes it is a warning."""
    tree = Tree({".python-version": "3.12\n", "setup.cfg": "python_requires = >=3.10"})
    found = inspect(tree, parse_config("environment: {python: 3.9}"))
    assert found.python is not None
    assert found.python.value == "3.9"
    (warning,) = [f for f in found.findings if f.kind == "python.conflict"]
    assert (warning.severity, str(warning.where)) == (Severity.WARNING, "setup.cfg:1")


@pytest.mark.parametrize(
    ("code", "gpu", "because"),
    [
        ("print(1)", "none", "no code that uses a GPU was found"),
        ("import torch\nprint(torch.rand(1))", "none", "no code that uses a GPU was found"),
        ("import torch\nmodel.cuda()", "required", ".cuda() in a.py:2"),
        ("import torch\nd = 'cuda' if torch.cuda.is_available() else 'cpu'", "optional", "a.py:2"),
        ("if args.gpu:\n    model.cuda()", "optional", "a.py:2"),
        ("import jax\nprint(jax.numpy.ones(1))", "optional", "jax in a.py:1"),
    ],
)
def test_which_gpu(code: str, gpu: str, because: str) -> None:
    """Required only where CUDA is used without asking; the reason names the line."""
    choice = inspect(Tree({"a.py": code}), None).gpu
    assert choice.value == gpu
    assert because in choice.because


def test_the_gpu_is_filled_in_only_where_the_author_says_nothing() -> None:
    """An experiment that says `gpu: none` keeps it, whatever the code looks like."""
    text = "experiments: {said: {run: x, gpu: none}, unsaid: {run: x}}"
    found = inspect(Tree({"a.py": "model.cuda()"}), parse_config(text))
    assert [(e.name, e.gpu) for e in found.experiments] == [
        ("said", "none"),
        ("unsaid", "required"),
    ]


@pytest.mark.parametrize(
    ("tree", "config", "name"),
    [
        (Tree({}), "name: Mine", "Mine"),
        (Tree({"pyproject.toml": PROJECT}), "{a: 1}", "x"),
        (Tree({}, remote="https://host.example/who/My_Paper.git"), "", "my_paper"),
        (Tree({}, remote="git@host.example:paper.git"), "", "paper"),
        (Tree({}, remote="https://host.example/who/mono.git", subdirectory="a/b c"), "", "b-c"),
        (Tree({}, root="/home/someone/Übung 3"), "", "ubung-3"),
        (Tree({}, root="/"), "", "experiment"),
    ],
)
def test_the_name_is_the_same_in_every_clone(tree: Tree, config: str, name: str) -> None:
    """Config, project, subdirectory and remote come before the directory's own name."""
    given = parse_config(config) if config.startswith("name") else None
    assert inspect(tree, given).name == name


def test_all_findings_are_there_in_order() -> None:
    """The source's findings come first, then the config's, then the detectors'."""
    tree = Tree({"requirements.txt": "a", "a.py": None})
    tree.findings = (Finding(kind="source.dirty", value="x", because="y"),)
    config = parse_config("experiments: {a: {run: x, seeds: [1]}}")
    kinds = [finding.kind for finding in inspect(tree, config).findings]
    assert kinds == ["source.dirty", "config.seeds", "dependencies.requirements", "file.unreadable"]


def test_inspection_is_a_function_of_its_arguments() -> None:
    """Two inspections of one source are equal."""
    tree = Tree({"requirements.txt": "a", "train.py": "print('accuracy:', x)"})
    assert inspect(tree, Config()).findings == inspect(tree, Config()).findings


STALE = {
    "poetry.lock": "[[package]]\nname = 'a'\nversion = '1'\n[metadata]\ncontent-hash = '0'\n",
    "pyproject.toml": "[tool.poetry.dependencies]\na = '^1'\n",
}
CONTRADICTING = {
    "poetry.lock": "[[package]]\nname = 'a'\nversion = '1'\n",
    "requirements.txt": "a==2 --hash=sha256:00\n",
}


@pytest.mark.parametrize(
    ("files", "config", "kind", "severity"),
    [
        (STALE, "", "dependencies.stale", Severity.PROBLEM),
        (STALE, "poetry.lock", "dependencies.stale", Severity.WARNING),
        ({**STALE, "pylock.toml": ""}, "", "dependencies.stale", Severity.WARNING),
        (CONTRADICTING, "", "dependencies.disagreement", Severity.PROBLEM),
        (CONTRADICTING, "requirements.txt", "dependencies.disagreement", Severity.WARNING),
        ({**CONTRADICTING, "pylock.toml": ""}, "", "dependencies.disagreement", Severity.WARNING),
    ],
)
def test_a_doubtful_lock_stops_a_build_until_the_author_decides(
    files: dict[str, str], config: str, kind: str, severity: Severity
) -> None:
    """Stale and contradicting locks are problems where they count and nobody has chosen."""
    chosen = parse_config(f"environment: {{lock: {config}}}") if config else None
    found = inspect(Tree(files), chosen)
    assert [f.severity for f in found.findings if f.kind == kind] == [severity]


def test_system_packages_and_undeclared_imports_are_told() -> None:
    """`apt` and `undeclared` are choices with their reasons, for the plan and for `--infer`."""
    files = {"apt.txt": "libgl1\n", "requirements.txt": "six", "a.py": "import cv2\nprint(1)"}
    found = inspect(Tree(files), None)
    assert [(c.value, c.because) for c in found.apt] == [("libgl1", "apt.txt:1 asks for it")]
    assert [(c.value, c.because) for c in found.undeclared] == [
        ("opencv-python-headless", "`import cv2` in a.py:1")
    ]


def test_the_standard_library_is_that_of_the_chosen_python() -> None:
    """distutils left Python in 3.12, where it needs setuptools."""
    files = {".python-version": "3.12", "a.py": "import distutils\nprint(1)"}
    assert [c.value for c in inspect(Tree(files), None).undeclared] == ["setuptools"]
    assert inspect(Tree({**files, ".python-version": "3.11"}), None).undeclared == ()

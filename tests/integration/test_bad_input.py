"""What users get wrong, as tables: a clear error, a hint, the right code, nothing half-written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.driver import (
    bundles,
    inside,
    project,
    repropack,
    traces,
)
from tests.conftest import git
from tests.integration.bad_input import refused, simple
from tests.unit.environment.wheelhouse import make_wheel

# The repository -------------------------------------------------------------------------------


def absent(directory: Path) -> Path:
    """A directory that does not exist."""
    return directory / "absent"


def a_file(directory: Path) -> Path:
    """A file where a directory is expected."""
    path = directory / "file"
    path.write_text("x")
    return path


def empty(directory: Path) -> Path:
    """A directory with nothing in it."""
    path = directory / "empty"
    path.mkdir()
    return path


def empty_repository(directory: Path) -> Path:
    """`git init`, and nothing else."""
    path = empty(directory)
    git(path, "init", "-q")
    return path


def unconfigured(directory: Path) -> Path:
    """A repository without repropack.yaml."""
    return project(directory / "p", {"main.py": "print(1)\n"})


def changed(directory: Path) -> Path:
    """A tracked file that was changed after the commit."""
    path = simple(directory / "p", **{"a.py": "1\n"})
    (path / "a.py").write_text("2\n")
    return path


def untracked(directory: Path) -> Path:
    """A file that git does not know."""
    path = simple(directory / "p")
    (path / "new; rm -rf x.py").write_text("2\n")
    return path


def unmerged(directory: Path) -> Path:
    """A merge that stopped at a conflict."""
    path = simple(directory / "p", **{"a.py": "1\n"})
    git(path, "checkout", "-q", "-b", "other")
    for branch, text in (("other", "2\n"), ("main", "3\n")):
        git(path, "checkout", "-q", branch)
        (path / "a.py").write_text(text)
        git(path, "commit", "-q", "-am", text)
    with pytest.raises(Exception, match="merge"):
        git(path, "merge", "-q", "other")
    return path


REPOSITORIES: dict[Callable[[Path], Path], tuple[str, ...]] = {
    absent: ("does not exist", "hint: give the directory of a project"),
    a_file: ("is a file, not a directory", "hint: give the directory that it lies in"),
    empty: ("has no files to pack", "hint: "),
    empty_repository: ("has no files to pack", "hint: "),
    unconfigured: ("has no repropack.yaml", "hint: `repropack init "),
    changed: ("1 changed, 0 untracked", "a.py", "git commit -am", "--allow-dirty"),
    untracked: ("0 changed, 1 untracked", "new; rm -rf x.py", "git add", "--allow-dirty"),
    unmerged: ("conflicts that are not resolved", "a.py", "hint: git status"),
}


@pytest.mark.parametrize("make", REPOSITORIES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("command", ["build", "verify"])
def test_repositories_that_cannot_be_packed(
    make: Callable[[Path], Path], command: str, tmp_path: Path
) -> None:
    """Exit code 3, what to do, and nothing written."""
    directory = make(tmp_path)
    refused(inside(command, directory), 3, *REPOSITORIES[make])
    assert not (directory / ".repropack").exists()


def test_no_git(tmp_path: Path) -> None:
    """Without git on PATH: exit code 3, and how to get it."""
    (tmp_path / "bin").mkdir()
    directory = simple(tmp_path / "p")
    for command in ("init", "inspect", "plan", "verify"):
        done = repropack(command, directory, "--json", env={"PATH": str(tmp_path / "bin")})
        if command != "init":  # which says first that there is a repropack.yaml
            refused(done, 3, "git", "hint: ", "install git")


# repropack.yaml -------------------------------------------------------------------------------

MISSPELT = """\
nmae: x
experiments:
  svm:
    rnu: python train.py
    metric: {acc: {jsn: results.json}}
    timeout: soon
    gpu: maybe
claims:
  - {id: a, metrik: svm.acc, value: "97.0", tolerence: 0.5}
  - {id: a, metric: svn.acc, value: "97%"}
"""


def test_all_problems_of_the_config_at_once(tmp_path: Path) -> None:
    """Every misspelt key is told with its path, its line and a suggestion: exit code 3."""
    done = inside("verify", simple(tmp_path / "p", MISSPELT))
    refused(
        done,
        3,
        "did you mean 'name'?",
        "experiments.svm: unknown key 'rnu'; did you mean 'run'? (line 4)",
        "experiments.svm: unknown key 'metric'; did you mean 'metrics'? (line 5)",
        "experiments.svm.timeout",
        "experiments.svm.gpu",
        "claims[0]: unknown key 'metrik'; did you mean 'metric'?",
        "claims[0]: unknown key 'tolerence'; did you mean 'tolerance'?",
        "claims[1]",
        "another claim has the id 'a'",
        "hint: correct repropack.yaml, then: repropack inspect",
    )


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", ("repropack.yaml is empty",)),
        ("- a\n- b\n", ("must hold keys",)),
        ("experiments: {a: [\n", ("line ",)),
        ("name: x\n", ("declares no experiment", "hint: add one")),
        ("name: x\nexperiments: {a: {run: ls}}\n", ("claims nothing", "hint: add the paper's")),
        ("a: &a [x, x]\nb: &b [*a, *a]\n", ("repropack.yaml",)),
        ("experiments: {a: {run: 'x\0y'}}\n", ("repropack.yaml",)),
    ],
    ids=["empty", "list", "syntax", "no-experiment", "no-claim", "aliases", "null-byte"],
)
def test_configs_that_say_nothing(config: str, words: tuple[str, ...], tmp_path: Path) -> None:
    """Exit code 3 and what to write."""
    directory = simple(tmp_path / "p", config)
    refused(inside("verify", directory), 3, *words)
    assert not (directory / ".repropack").exists()


def test_unknown_claim(tmp_path: Path) -> None:
    """`--claim` with a name that is not there: exit code 2 and the nearest one."""
    done = inside("verify", "--claim", "onne", simple(tmp_path / "p"))
    refused(done, 2, "there is no claim onne", "hint: did you mean one?")


# Requirements ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Wheels that are all that pip and uv know of."""

    links: Path
    env: dict[str, str | None]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """One wheel, `sound`, and a cache that is empty."""
    links = tmp_path / "links"
    make_wheel(links, "sound", "1.0")
    env: dict[str, str | None] = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(links),
        "PIP_INDEX_URL": None,
        "PIP_EXTRA_INDEX_URL": None,
        "REPROPACK_CACHE": str(tmp_path / "cache"),
    }
    return Index(links=links, env=env)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("requirements", "code", "words"),
    [
        (
            "sound==1.0 --hash=sha256:" + "0" * 64,
            7,
            ("sound==1.0 differs", "obtained sha256:"),
        ),
        ("absent-from-every-index==1.0 --hash=sha256:" + "0" * 64, 3, ("absent-from-every-index",)),
        ("sound==2.0 --hash=sha256:" + "0" * 64, 3, ("sound", "2.0")),
        ("sound>=2.0", 3, ("sound",)),
        ("absent-from-every-index", 3, ("absent-from-every-index",)),
        ("sound=1.0", 3, ("requirements.txt", "sound=1.0")),
        ("sound==1.0 --hash=sha256:12", 3, ("requirements.txt",)),
    ],
    ids=["hash", "absent", "version", "range", "unpinned", "syntax", "short-hash"],
)
def test_requirements_that_cannot_be_met(
    requirements: str, code: int, words: tuple[str, ...], index: Index, tmp_path: Path
) -> None:
    """A lock that matches no wheel is 7, what no index has is 3; no bundle is written."""
    directory = simple(tmp_path / "locked", **{"requirements.txt": requirements + "\n"})
    refused(repropack("verify", directory, env=index.env), code, *words)
    assert bundles(directory) == []
    assert traces(directory) == []


def test_modules_of_the_project_are_not_run(index: Index, tmp_path: Path) -> None:
    """A project may have files called like modules of Python or pip: nothing here imports them."""
    touch = f"open({str(tmp_path / 'PWNED')!r}, 'w')\n"
    names = ("pip", "traceback", "logging", "yaml", "click", "random", "typing", "sitecustomize")
    files = {"requirements.txt": "sound>=1.0\n", **{f"{name}.py": touch for name in names}}
    done = repropack("plan", cwd=simple(tmp_path / "modules", **files), env=index.env)
    assert done.code == 0, done.said
    assert "1 locked package" in done.out
    assert not (tmp_path / "PWNED").exists()

"""What users get wrong, as tables: a clear error, a hint, the right code, nothing half-written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.driver import (
    Done,
    bundles,
    containers,
    inside,
    project,
    remove_images,
    repropack,
    traces,
)
from tests.conftest import git
from tests.unit.environment.wheelhouse import make_wheel

CONFIG = """\
name: NAME
experiments:
  a:
    run: echo x=1
    metrics: {x: {stdout: 'x=(.*)'}}
claims:
  - {id: one, metric: a.x, value: "1"}
"""


def refused(done: Done, code: int, *words: str) -> None:
    """The command ended with this code; stdout is empty, stderr says each of the words."""
    assert done.code == code, done.said
    assert done.out == "", done.said
    assert "error: " in done.err, done.said
    assert "Traceback" not in done.err
    missing = [word for word in words if word not in done.err]
    assert not missing, f"{missing} not in\n{done.said}"


def simple(directory: Path, config: str = CONFIG, **files: str) -> Path:
    """A project of a repropack.yaml and other files."""
    config = config.replace("NAME", directory.name.lower())
    return project(directory, {"repropack.yaml": config, **files})


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


# Outputs and bundles --------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["build", "verify"])
@pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])
@pytest.mark.engine
def test_output_that_exists(command: str, force: tuple[str, ...], tmp_path: Path) -> None:
    """What exists is not replaced: exit code 2. --force replaces only what repropack wrote."""
    directory, out = simple(tmp_path / "exists"), tmp_path / "precious"
    out.mkdir()
    (out / "thesis.tex").write_text("all of it")
    for target in (out, out / "thesis.tex", directory):
        refused(repropack(command, directory, "-o", target, *force), 2, str(target), "-o")
    assert (out / "thesis.tex").read_text() == "all of it"
    assert (directory / ".git").is_dir()
    assert traces(tmp_path) == []


@pytest.mark.engine
def test_output_is_replaced_when_asked(tmp_path: Path) -> None:
    """A bundle and a verification replace what an earlier command wrote, with --force."""
    directory = simple(tmp_path / "replaced")
    for command, out in (("build", tmp_path / "bundle"), ("verify", tmp_path / "results")):
        assert repropack(command, directory, "-o", out).code == 0
        refused(repropack(command, directory, "-o", out), 2, "exists already", "--force")
        again = repropack(command, directory, "-o", out, "--force")
        assert again.code == 0, again.said
    assert traces(tmp_path) == []


@pytest.mark.engine
def test_output_in_the_project(tmp_path: Path) -> None:
    """An output among the project's files is told of: git would see it as a change."""
    directory = simple(tmp_path / "inside", **{".gitignore": "ignored\n"})
    quiet = repropack("build", directory, "-o", directory / "ignored")
    told = repropack("build", directory, "-o", directory / "artifact")
    assert (quiet.code, told.code) == (0, 0), quiet.said + told.said
    assert "lies in the project" not in quiet.err
    assert f"note: {directory / 'artifact'} lies in the project: add it to .gitignore" in told.err


@pytest.mark.engine
def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    """An output below a file cannot be: an error, and nothing is left."""
    directory = simple(tmp_path / "below")
    (tmp_path / "file").write_text("x")
    out = tmp_path / "file" / "bundle"
    refused(repropack("build", directory, "-o", out), 5, f"cannot write {out}")
    refused(repropack("verify", directory, "-o", out), 2, f"cannot write {out}")
    assert traces(tmp_path) == []


@pytest.fixture(scope="module")
def sound_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that verifies."""
    directory = tmp_path_factory.mktemp("bundles")
    out = directory / "sound"
    done = repropack("build", simple(directory / "tampered", **{"a.py": "1\n"}), "-o", out)
    assert done.code == 0, done.said
    return out


def flip(path: Path) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "damage", "word"),
    [
        ("source/a.py", flip, "changed: source/a.py"),
        ("judge.pyz", flip, "changed: judge.pyz"),
        ("repropack.json", flip, "changed: repropack.json"),
        ("Dockerfile", flip, "changed: Dockerfile"),
        ("reproduce.sh", flip, "changed: reproduce.sh"),
        ("SHA256SUMS", flip, ""),
        ("LINKS", flip, "LINKS"),
        ("pylock.toml", Path.unlink, "missing: pylock.toml"),
        ("repropack.json", Path.unlink, "missing: repropack.json"),
        ("SHA256SUMS", Path.unlink, "SHA256SUMS"),
        ("source/extra.py", Path.touch, "added: source/extra.py"),
    ],
)
def test_bundle_that_was_changed(
    name: str, damage: Callable[[Path], None], word: str, sound_bundle: Path, tmp_path: Path
) -> None:
    """One bit that differs, a file too many or too few: exit code 7, and which one it is."""
    bundle = tmp_path / "bundle"
    shutil.copytree(sound_bundle, bundle, symlinks=True)
    if name == "LINKS":
        (bundle / name).write_text("source/a -> b\n")
    else:
        damage(bundle / name)
    refused(repropack("verify", bundle), 7, word)
    assert not (bundle / ".repropack").exists()


@pytest.mark.engine
def test_bundle_that_was_not_changed(sound_bundle: Path, tmp_path: Path) -> None:
    """A copy of a bundle verifies."""
    bundle = tmp_path / "a copy; with a name $(id)"
    shutil.copytree(sound_bundle, bundle, symlinks=True)
    done = repropack("verify", bundle)
    assert done.code == 0, done.said
    assert containers("tampered") == []
    remove_images("tampered")


# A dirty tree that is wanted ------------------------------------------------------------------


@pytest.mark.engine
def test_allow_dirty(tmp_path: Path) -> None:
    """--allow-dirty packs the changes as a patch, and every verdict says so."""
    directory = simple(tmp_path / "dirty")
    config = directory / "repropack.yaml"
    config.write_text(config.read_text().replace("echo x=1", "echo x=1.0"))
    done = repropack("verify", "--allow-dirty", directory)
    assert done.code == 0, done.said
    row = next(line for line in done.out.splitlines() if line.startswith("one "))
    assert row.endswith("reproduced, dirty")
    assert "dirty" in done.out.strip().splitlines()[-1]
    (bundle,) = bundles(directory)
    assert b"+    run: echo x=1.0" in (bundle / "source.patch").read_bytes()
    report = next(directory.glob(".repropack/verifications/*/report.md")).read_text()
    assert "dirty" in report

"""Packages by their place in manifests that are not locked: commits, metadata, stubs."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repropack.environment import AsOf, Kind, Lock, Target, resolve
from repropack.environment.gitcommits import commit_of
from repropack.environment.metadata import read_metadata
from repropack.environment.model import Origin
from repropack.errors import InvalidError
from repropack.findings import Where
from repropack.source import open_source
from tests.conftest import GIT_IDENTITY, commit_all, git
from tests.unit.environment.wheelhouse import make_wheel

HERE = Where(path="requirements.txt", line=1)
TARGET = Target(python="3.11")
NOW = AsOf(time=None, because="the test says so")


def dated(directory: Path, year: int) -> str:
    """A commit of the first day of a year."""
    date = f"{year}-01-01T00:00:00Z"
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    (directory / "year").write_text(str(year))
    git(directory, "add", "-A")
    subprocess.run(
        ["git", "commit", "-q", "-m", str(year)],
        cwd=directory,
        env={**os.environ, **GIT_IDENTITY, **dates},
        check=True,
    )
    return git(directory, "rev-parse", "HEAD")


def remote(directory: Path) -> tuple[Path, str, str]:
    """A repository with a commit of 2022, tagged, and one of 2024."""
    directory.mkdir()
    git(directory, "init", "-q", "-b", "main")
    (directory / "setup.py").write_text("setup(name='far', install_requires=['numpy'])\n")
    old = dated(directory, 2022)
    git(directory, "tag", "v1.5")
    return directory, old, dated(directory, 2024)


@pytest.mark.parametrize(
    ("ref", "year", "new", "kind"),
    [
        ("main", 2023, False, "environment.git-unpinned"),
        ("main", 2025, True, "environment.git-unpinned"),
        ("", 2023, False, "environment.git-unpinned"),
        ("", None, True, "environment.git-unpinned"),
        ("v1.5", 2025, False, "environment.git"),
    ],
)
def test_a_branch_is_taken_as_of_the_date(
    ref: str, year: int | None, new: bool, kind: str, tmp_path: Path
) -> None:
    """What nobody pinned is what it was when the author committed, and is told."""
    directory, first, second = remote(tmp_path / "far")
    origin = Origin(kind=Kind.GIT, url=f"file://{directory}", ref=ref)
    as_of = None if year is None else datetime(year, 6, 1, tzinfo=UTC)
    for _ in range(2):  # the second time from the cache
        settled, finding = commit_of(origin, HERE, as_of, tmp_path / "cache", print)
        assert settled.commit == (second if new else first)
        assert finding.kind == kind and finding.where == HERE
        if directory.exists():
            directory.rename(tmp_path / "away")


@pytest.mark.parametrize(("ref", "year"), [("nobody", 2025), ("main", 2020), ("abcdef1", 2025)])
def test_what_was_not_there_is_refused(ref: str, year: int, tmp_path: Path) -> None:
    """A name that the repository lacks, or lacked then, is an error with its place."""
    origin = Origin(kind=Kind.GIT, url=f"file://{remote(tmp_path / 'far')[0]}", ref=ref)
    with pytest.raises(InvalidError) as raised:
        commit_of(origin, HERE, datetime(year, 1, 1, tzinfo=UTC), tmp_path / "cache", print)
    assert raised.value.what.startswith("requirements.txt:1: ") and raised.value.hint


def test_a_repository_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """git's own words, with the place and the command that says more."""
    origin = Origin(kind=Kind.GIT, url=f"file://{tmp_path}/nothing", ref="main")
    with pytest.raises(InvalidError) as raised:
        commit_of(origin, HERE, None, tmp_path / "cache", print)
    assert raised.value.hint and "git ls-remote" in raised.value.hint


def project(directory: Path, **files: str) -> Path:
    """A project of these files, committed; `_` in a name is its dot, `__` a slash."""
    for name, text in files.items():
        path = directory / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    commit_all(directory)
    return directory


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"pyproject_toml": "[project]\nname='a'\nversion='1'\ndependencies=['b']\n"
                "[project.optional-dependencies]\nx=['c']"},
            ("a", "1", ["b"], [("x", ("c",))]),
        ),
        (
            {"pyproject_toml": "[tool.poetry]\nname='a'\nversion='1'\n"
                "[tool.poetry.dependencies]\npython='^3.9'\nb='*'"},
            ("a", "1", ["b"], []),
        ),
        (
            {"setup_cfg": "[metadata]\nname=a\nversion=attr: a.v\n[options]\n"
                "install_requires=\n  b\n[options.extras_require]\nx=\n  c\n"},
            ("a", "", ["b"], [("x", ("c",))]),
        ),
        (
            {"pyproject_toml": "[build-system]\nrequires=['setuptools']", "setup_py":
                "N='a'\nsetup(name=N, version='1', install_requires=['b'], "
                "extras_require={'x': ['c']})"},
            ("a", "1", ["b"], [("x", ("c",))]),
        ),
        ({"setup_py": "setup(name='a', version=read())"}, ("a", "", [], [])),
    ],
)  # fmt: skip
def test_metadata_are_read_and_nothing_is_executed(
    files: dict[str, str], expected: tuple[object, ...], tmp_path: Path
) -> None:
    """Name, version, requirements and extras of a package, wherever they stand."""
    said = read_metadata(open_source(project(tmp_path / "p", **files)), ".", "r.txt:1: .")
    found = (said.name, said.version, [line.text for line in said.lines], list(said.extras))
    assert found == expected


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of wheels that is all that the machine has."""
    directory = tmp_path / "links"
    for name in ("numpy", "extra"):
        make_wheel(directory, name, "1.0")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return directory


def test_a_manifest_with_places_is_resolved(links: Path, tmp_path: Path) -> None:
    """What a package of the project and one of a repository need is resolved with the rest."""
    far, _, newest = remote(tmp_path / "far")
    root = project(
        tmp_path / "p",
        requirements_txt=f"-e .[x]\nfar @ git+file://{far}@main\n",
        pyproject_toml="[project]\nname='own'\nversion='0.3'\n"
        "[project.optional-dependencies]\nx=['extra', 'far']",
    )
    lock = resolve(
        open_source(root), "requirements.txt", target=TARGET, as_of=NOW, cache=tmp_path / "cache"
    )
    assert rows(lock) == [
        ("extra==1.0", "", ""),
        (f"far==1.6.dev1+g{newest[:7]}", f"file://{far}", newest),
        ("numpy==1.0", "", ""),
        ("own==0.3", "", ""),
    ]
    assert [item.name for item in lock.unbuilt] == ["far", "own"]
    assert "environment.git-unpinned" in {finding.kind for finding in lock.findings}


def rows(lock: Lock) -> list[tuple[str, str, str]]:
    """Each package with the repository that it is of."""
    found = []
    for item in sorted(lock.requirements, key=lambda each: each.name):
        origin = item.origin
        found.append((str(item), origin.url if origin else "", origin.commit if origin else ""))
    return found

"""Submodules and repositories inside of projects."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from repropack.errors import SourceError
from repropack.source import Source, SourceKind, Submodule, open_source

from .conftest import Repo, git, write


def paths(source: Source) -> list[str]:
    """The paths of a source's files."""
    return [entry.path for entry in source.files()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a submodule in a directory of its own that has a submodule itself."""
    root = tmp_path_factory.mktemp("made")
    library, middle, project = (Repo(root / name) for name in ("library", "middle", "project"))
    library.commit({"lib.py": "1\n", "z/deep.py": "2\n"})
    middle.commit({"middle.py": "1\n"})
    middle.git("submodule", "--quiet", "add", str(library.path), "inner lib")
    middle.commit()
    project.commit({"proj/a.py": "1\n", "zz.py": "1\n"})
    project.git("submodule", "--quiet", "add", "--name", "m", str(middle.path), "proj/vendor/m")
    project.git("submodule", "--quiet", "update", "--init", "--recursive")
    modules = (project.path / ".gitmodules").read_text()
    url = "https://me:secret@example.org/middle.git"
    project.commit({".gitmodules": modules.replace(str(middle.path), url)})
    return root


@pytest.fixture
def nested(made: Path, tmp_path: Path) -> Repo:
    """A copy of that project, to be changed."""
    shutil.copytree(made, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Repo(tmp_path / "project")


def test_submodules_are_part_of_the_source(nested: Repo, tmp_path: Path) -> None:
    """Files of submodules, nested ones too, come from their recorded commits."""
    source = open_source(nested.path)
    assert paths(source) == [
        ".gitmodules",
        "proj/a.py",
        "proj/vendor/m/.gitmodules",
        "proj/vendor/m/inner lib/lib.py",
        "proj/vendor/m/inner lib/z/deep.py",
        "proj/vendor/m/middle.py",
        "zz.py",
    ]
    assert source.read_text("proj/vendor/m/inner lib/z/deep.py") == "2\n"
    outer = git(tmp_path / "middle", "rev-parse", "HEAD")
    assert source.submodules == (
        Submodule(path="proj/vendor/m", commit=outer, url="https://example.org/middle.git"),
        Submodule(
            path="proj/vendor/m/inner lib",
            commit=git(tmp_path / "library", "rev-parse", "HEAD"),
            url="",
        ),
    )
    source.export(tmp_path / "out", mtime_s=0)
    assert (tmp_path / "out/proj/vendor/m/inner lib/lib.py").read_text() == "1\n"
    assert not list((tmp_path / "out").rglob(".git"))


def test_submodule_of_a_subdirectory(nested: Repo) -> None:
    """A project in a subdirectory finds its submodules' addresses at the repository's root."""
    source = open_source(nested.path / "proj")
    assert source.submodules[0].path == "vendor/m"
    assert source.submodules[0].url == "https://example.org/middle.git"
    assert source.read_text("vendor/m/middle.py") == "1\n"


def test_submodule_that_is_not_initialised(nested: Repo, tmp_path: Path) -> None:
    """A clone without its submodules is refused with the command that brings them."""
    git(tmp_path, "clone", "--quiet", str(nested.path), "clone")
    with pytest.raises(SourceError, match="submodule proj/vendor/m is not there") as raised:
        open_source(tmp_path / "clone")
    assert raised.value.exit_code == 3
    assert "submodule update --init --recursive" in (raised.value.hint or "")


def test_submodule_at_another_commit(nested: Repo, tmp_path: Path) -> None:
    """A submodule that was moved on is dirt; allowed, its own new commit is packed."""
    module = nested.path / "proj/vendor/m"
    write(module, "middle.py", "new\n")
    git(module, "commit", "--quiet", "--all", "--message", "on")
    with pytest.raises(SourceError, match="1 changed, 0 untracked"):
        open_source(nested.path)
    source = open_source(nested.path, allow_dirty=True)
    assert source.kind is SourceKind.DIRTY
    assert source.read_text("proj/vendor/m/middle.py") == "new\n"
    assert source.read_text("zz.py") == "1\n"
    assert b"Subproject commit" in source.patch


@pytest.mark.parametrize(("file", "elsewhere"), [("middle.py", False), ("untracked.py", True)])
def test_dirt_inside_a_submodule(nested: Repo, file: str, elsewhere: bool) -> None:
    """Changes inside a submodule are never left out silently: they have to be committed there."""
    write(nested.path / "proj/vendor/m", file, "changed\n")
    if elsewhere:
        nested.write("new.py")
    with pytest.raises(SourceError, match="changes that are not committed"):
        open_source(nested.path)
    with pytest.raises(SourceError, match="submodule proj/vendor/m has changes") as raised:
        open_source(nested.path, allow_dirty=True)
    assert f"git -C {nested.path}/proj/vendor/m add -A" in (raised.value.hint or "")


def test_repository_inside_without_a_commit(tmp_path: Path) -> None:
    """A repository inside that has no commit cannot be packed, and the hint says what to do."""
    write(tmp_path / "project", "a.py")
    Repo(tmp_path / "project" / "inner").write("b.py")
    with pytest.raises(SourceError, match="inner/' does not have a commit") as raised:
        open_source(tmp_path / "project")
    assert ".gitignore" in (raised.value.hint or "")


@pytest.mark.parametrize("around", [None, "dirty"])
def test_repository_inside_that_is_no_submodule(
    tmp_path: Path, around: str | None, state_of: Callable[[Path], object]
) -> None:
    """A clone that lies in the project is packed at its commit, and refused while it is dirty."""
    project = tmp_path / "project"
    if around:
        Repo(project).commit({"a.py": "1\n"})
    write(project, "a.py", "1\n")
    inner = Repo(project / "third party")
    commit = inner.commit({"lib.py": "1\n"})
    before = state_of(project)
    source = open_source(project, allow_dirty=True)
    assert state_of(project) == before
    assert source.submodules == (Submodule(path="third party", commit=commit, url=""),)
    assert source.read_text("third party/lib.py") == "1\n"
    assert source.read_text("a.py") == "1\n"
    inner.write("lib.py", "2\n")
    with pytest.raises(SourceError, match="submodule third party has changes"):
        open_source(project, allow_dirty=True)

"""Opening a repository: its commit, and what differs from it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from repropack.errors import SourceError
from repropack.source import SourceKind, open_source
from tests.unit.source.opened import kinds

from .conftest import COMMIT_TIME_S, Repo, git

State = Callable[[Path], dict[str, tuple[int, int, bytes]]]


def test_clean_repository_is_its_commit(repo: Repo) -> None:
    """A clean repository is its commit, with branch, tags, remote and time."""
    commit = repo.commit({"train.py": "print(1)\n"})
    repo.git("tag", "v1")
    repo.git("tag", "--annotate", "paper", "--message", "as submitted")
    repo.git("remote", "add", "origin", "https://me:secret@example.org/o/r.git")
    source = open_source(repo.path)
    assert source.kind is SourceKind.COMMIT
    assert (source.commit, source.id12) == (commit, commit[:12])
    assert source.tree == repo.git("rev-parse", "HEAD^{tree}")
    assert (source.branch, source.tags) == ("main", ("paper", "v1"))
    assert source.remote == "https://example.org/o/r.git"
    assert source.commit_time_s == COMMIT_TIME_S
    assert (source.dirty, source.untracked, source.patch) == ((), (), b"")
    assert (source.subdirectory, source.shallow, source.findings) == ("", False, ())


def test_dirty_tree_is_refused(repo: Repo) -> None:
    """Changed and untracked files are refused with exit code 3, named, and with what to type."""
    repo.commit({"a.py": "1\n"})
    repo.write("a.py", "2\n")
    for number in range(12):
        repo.write(f"new{number:02}.py")
    with pytest.raises(SourceError) as raised:
        open_source(repo.path)
    assert raised.value.exit_code == 3
    assert "(1 changed, 12 untracked)" in raised.value.what
    assert "  a.py\n" in raised.value.what
    assert "new08.py\n  … and 3 more" in raised.value.what
    assert raised.value.hint is not None
    assert "git commit" in raised.value.hint
    assert "--allow-dirty" in raised.value.hint


def test_dirty_tree_is_carried_when_allowed(repo: Repo, tmp_path: Path) -> None:
    """With allow_dirty, the packed files are the commit's with the patch, binary files too."""
    commit = repo.commit({"a.py": "1\n", "gone.py": "x\n", "b.bin": b"\0\1", ".gitignore": "*.o"})
    repo.write("a.py", "2\n")
    repo.write("b.bin", bytes(range(256)))
    repo.write("sub/new.py")
    repo.write("ignored.o")
    (repo.path / "gone.py").unlink()
    source = open_source(repo.path, allow_dirty=True)
    assert source.kind is SourceKind.DIRTY
    assert source.id12 == f"{commit[:12]}-dirty-{source.tree[:8]}"
    assert source.dirty == ("a.py", "b.bin", "gone.py")
    assert source.untracked == ("sub/new.py",)
    assert kinds(source) == ["source.dirty"]
    paths = [entry.path for entry in source.files()]
    assert paths == [".gitignore", "a.py", "b.bin", "sub/new.py"]
    source.export(tmp_path / "dirty", mtime_s=0)
    git(repo.path, "worktree", "add", "--quiet", "--detach", str(tmp_path / "patched"), commit)
    (tmp_path / "it.patch").write_bytes(source.patch)
    git(tmp_path / "patched", "apply", str(tmp_path / "it.patch"))
    for path in paths:
        assert (tmp_path / "dirty" / path).read_bytes() == source.read_bytes(path)
        assert (tmp_path / "patched" / path).read_bytes() == source.read_bytes(path)
    assert not (tmp_path / "patched" / "gone.py").exists()


def test_staged_and_worktree_changes_count_alike(repo: Repo) -> None:
    """The dirty tree is that of the files on disk, whatever of it is staged."""
    repo.commit({"a.py": "1\n"})
    repo.write("a.py", "2\n")
    unstaged = open_source(repo.path, allow_dirty=True)
    repo.git("add", "a.py")
    assert open_source(repo.path, allow_dirty=True).tree == unstaged.tree
    repo.write("a.py", "3\n")
    assert open_source(repo.path, allow_dirty=True).read_text("a.py") == "3\n"


@pytest.mark.parametrize("committed", [True, False])
def test_nothing_is_written_to_the_repository(repo: Repo, state_of: State, committed: bool) -> None:
    """Opening, reading and exporting leave a repository, dirty or not, exactly as it was."""
    if committed:
        repo.commit({"a.py": "1\n", "b.py": "1\n"})
    repo.write("a.py", "2\n")
    repo.write("new.py")
    os.utime(repo.path / "a.py")
    before = state_of(repo.path)
    source = open_source(repo.path, allow_dirty=True)
    assert source.read_text("new.py") == "x\n"
    assert state_of(repo.path) == before


def test_temporary_directories_are_removed(repo: Repo, tmp_path: Path) -> None:
    """What a dirty source needs lives as long as the source and not longer."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    repo.commit()
    repo.write("new.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(scratch))
        source = open_source(repo.path, allow_dirty=True)
    assert len(list(scratch.iterdir())) == 1
    assert source.read_text("new.py") == "x\n"
    del source
    assert list(scratch.iterdir()) == []


def test_rewritten_within_the_same_second_is_noticed(repo: Repo) -> None:
    """A change of the same size right after the commit is seen although times hardly differ."""
    repo.commit({"a.py": "1\n"})
    repo.write("a.py", "2\n")
    repo.write("other.py")
    assert open_source(repo.path, allow_dirty=True).read_text("a.py") == "2\n"


def test_conflicts_are_refused_even_when_dirty_is_allowed(repo: Repo) -> None:
    """A file with unresolved conflicts is never packed."""
    repo.commit({"a.py": "1\n"})
    repo.git("checkout", "--quiet", "-b", "other")
    repo.commit({"a.py": "2\n"})
    repo.git("checkout", "--quiet", "main")
    repo.commit({"a.py": "3\n"})
    with pytest.raises(Exception, match="merge"):
        repo.git("merge", "other")
    with pytest.raises(SourceError, match=r"conflicts that are not resolved:\n  a\.py"):
        open_source(repo.path, allow_dirty=True)

"""Opening a source whatever the caller's variables and settings, and what is refused."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from repropack.errors import SourceError
from repropack.source import SourceKind, open_source
from repropack.source import git as git_module

from .conftest import Repo, write


def test_variables_of_the_caller_do_not_redirect(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIT_DIR and the like, as set inside a git hook, do not lead to another repository."""
    other = Repo(tmp_path / "other")
    other.commit({"other.py": "1\n"})
    repo.commit({"a.py": "1\n"})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git" / "index"))
    monkeypatch.setenv("GIT_TRACE", "1")
    assert [entry.path for entry in open_source(repo.path).files()] == ["a.py"]


def test_configuration_of_the_user_does_not_hide_files(repo: Repo) -> None:
    """Settings for people's eyes (status, diff, log) change nothing."""
    repo.commit({"a.py": "1\n"})
    for setting in (
        "status.showUntrackedFiles=no",
        "status.branch=false",
        "status.renames=copies",
        "diff.noprefix=true",
        "diff.external=false",
        "color.ui=always",
        "log.showSignature=true",
        "core.quotepath=on",
    ):
        repo.git("config", *setting.split("="))
    repo.write("ü.py", "1\n")
    with pytest.raises(SourceError, match="0 changed, 1 untracked"):
        open_source(repo.path)
    assert b"+++ b/\xc3\xbc.py" in open_source(repo.path, allow_dirty=True).patch


def test_replaced_objects_do_not_count(repo: Repo) -> None:
    """`git replace` cannot put other content under a commit's id."""
    repo.commit({"a.py": "1\n"})
    old = repo.git("rev-parse", "HEAD:a.py")
    repo.write("b.py", "2\n")
    new = repo.git("hash-object", "-w", "b.py")
    (repo.path / "b.py").unlink()
    repo.git("replace", old, new)
    assert open_source(repo.path).read_text("a.py") == "1\n"


def test_working_directory_never_enters(repo: Repo, tmp_path: Path) -> None:
    """`.repropack` never enters nor counts as dirt, without a .gitignore and even if committed."""
    repo.commit({"a.py": "1\n"})
    repo.write(".repropack/cache/x")
    repo.write("sub/.repropack/y")
    assert open_source(repo.path).kind is SourceKind.COMMIT
    repo.write("b.py")
    assert len(open_source(repo.path, allow_dirty=True).files()) == 2
    repo.commit()
    repo.write(".repropack/cache/x", "changed\n")
    assert [entry.path for entry in open_source(repo.path).files()] == ["a.py", "b.py"]
    write(tmp_path / "plain", "a.py")
    before = open_source(tmp_path / "plain").tree
    write(tmp_path / "plain", ".repropack/x")
    assert open_source(tmp_path / "plain").tree == before


def test_nothing_to_pack(tmp_path: Path, repo: Repo) -> None:
    """An empty directory, an empty commit, and one whose files are all ignored are refused."""
    (tmp_path / "empty").mkdir()
    write(tmp_path / "ignored", ".gitignore", "*\n")
    repo.commit()
    for root in (tmp_path / "empty", tmp_path / "ignored", repo.path):
        with pytest.raises(SourceError, match="no files to pack"):
            open_source(root)


def test_missing_directory_and_file(tmp_path: Path) -> None:
    """A path that is no directory is told apart from a bad repository."""
    write(tmp_path, "train.py")
    with pytest.raises(SourceError, match="does not exist"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="is a file"):
        open_source(tmp_path / "train.py")


def test_bare_repository(tmp_path: Path) -> None:
    """A bare repository is refused with what to do."""
    bare = Repo(tmp_path / "bare.git", "--bare")
    with pytest.raises(SourceError, match="bare repository") as raised:
        open_source(bare.path)
    assert raised.value.hint is not None
    assert "git clone" in raised.value.hint


def test_git_is_not_installed(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git, the error says how to install it."""
    monkeypatch.setenv("PATH", str(repo.path))
    with pytest.raises(SourceError, match="git is not installed") as raised:
        open_source(repo.path)
    assert raised.value.hint is not None
    assert "install git" in raised.value.hint


def test_repository_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git distrusts the owner, the hint is the exact command that trusts it."""
    repo = Repo(tmp_path / "it's mine")
    repo.commit({"a.py": "1\n"})
    # Git's own switch for its tests: it believes that somebody else owns the repository.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    kept = f"{git_module.KEPT_VARIABLES.pattern}|GIT_TEST_.*"
    monkeypatch.setattr(git_module, "KEPT_VARIABLES", re.compile(kept))
    with pytest.raises(SourceError, match="another user") as raised:
        open_source(repo.path)
    hint = raised.value.hint
    assert hint is not None
    assert hint.startswith("git config --global --add safe.directory ")
    subprocess.run(["sh", "-c", hint], check=True)
    assert open_source(repo.path).kind is SourceKind.COMMIT


def test_damaged_repository(repo: Repo) -> None:
    """A missing object is an error with a hint, not a crash."""
    repo.commit({"a.py": "1\n"})
    blob = repo.git("rev-parse", "HEAD:a.py")
    source = open_source(repo.path)
    shutil.rmtree(repo.path / ".git" / "objects" / blob[:2])
    with pytest.raises(SourceError, match="cannot read the object"):
        source.read_bytes("a.py")
    with pytest.raises(SourceError):
        open_source(repo.path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_unreadable_file_is_said(tmp_path: Path) -> None:
    """A file that may not be read stops a snapshot with its name."""
    write(tmp_path / "plain", "secret.py").chmod(0)
    with pytest.raises(SourceError, match=r"secret\.py"):
        open_source(tmp_path / "plain")

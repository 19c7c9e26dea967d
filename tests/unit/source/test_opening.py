"""Which state of a project is opened as what, and what is refused."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from repropack.errors import SourceError
from repropack.source import Source, SourceKind, open_source
from repropack.source import git as git_module

from .conftest import COMMIT_TIME_S, Repo, git, write

State = Callable[[Path], dict[str, tuple[int, int, bytes]]]


def kinds(source: Source) -> list[str]:
    """The kinds of a source's findings."""
    return [finding.kind for finding in source.findings]


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


def test_not_a_repository_is_a_snapshot(tmp_path: Path) -> None:
    """A directory without a repository is a content-addressed snapshot, with a warning."""
    one, two = tmp_path / "one", tmp_path / "two"
    for root in (one, two):
        write(root, "train.py", b"a\r\nb\n")
        write(root, ".gitignore", "*.log\n/data/\n")
        write(root, ".gitattributes", "* text=auto\n")
        write(root, "run.log")
        write(root, "data/big.bin")
    source = open_source(one)
    assert source.kind is SourceKind.SNAPSHOT
    assert source.id12 == f"snapshot-{source.tree[:12]}"
    assert source.tree == open_source(two).tree
    assert kinds(source) == ["source.not-a-repository"]
    assert [entry.path for entry in source.files()] == [".gitattributes", ".gitignore", "train.py"]
    assert source.read_bytes("train.py") == b"a\r\nb\n"
    assert (source.commit, source.branch, source.remote, source.patch) == (None, None, None, b"")
    write(two, "train.py", "other\n")
    assert open_source(two).tree != source.tree


def test_no_commit_yet_is_a_snapshot(repo: Repo) -> None:
    """A repository before its first commit is a snapshot of what a commit would hold."""
    repo.write("a.py")
    repo.write("skipped.txt")
    repo.write(".git/info/exclude", "skipped.txt\n")
    source = open_source(repo.path)
    assert source.kind is SourceKind.SNAPSHOT
    assert kinds(source) == ["source.no-commit"]
    assert [entry.path for entry in source.files()] == ["a.py"]
    assert (source.dirty, source.untracked) == ((), ())


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("rule", ["/inner/", "*", "inner/*"])
def test_inside_a_repository_that_ignores_it(repo: Repo, rule: str, committed: bool) -> None:
    """A project that the repository around it ignores is a snapshot, not an empty commit."""
    repo.write(".gitignore", f"{rule}\n!.gitignore\n")
    if committed:
        repo.commit()
    write(repo.path / "inner", "a.py")
    source = open_source(repo.path / "inner")
    assert source.kind is SourceKind.SNAPSHOT
    assert [entry.path for entry in source.files()] == ["a.py"]
    assert "ignores it" in source.findings[0].because


def test_subdirectory_of_a_repository(repo: Repo, tmp_path: Path) -> None:
    """A project in a subdirectory is that directory alone, and dirt elsewhere does not matter."""
    repo.commit({"README": "x", "examples/a b/train.py": "1\n", "examples/a b/lib/x.py": "1\n"})
    repo.write("elsewhere.py")
    project = repo.path / "examples" / "a b"
    source = open_source(project)
    assert (source.kind, source.subdirectory) == (SourceKind.COMMIT, "examples/a b")
    assert source.root == project
    assert source.tree == repo.git("rev-parse", "HEAD:examples/a b")
    assert [entry.path for entry in source.files()] == ["lib/x.py", "train.py"]
    write(project, "train.py", "2\n")
    write(project, "new.py", "2\n")
    changed = open_source(project, allow_dirty=True)
    assert (changed.dirty, changed.untracked) == (("train.py",), ("new.py",))
    assert [entry.path for entry in changed.files()] == ["lib/x.py", "new.py", "train.py"]
    source.export(tmp_path / "out", mtime_s=0)
    (tmp_path / "it.patch").write_bytes(changed.patch)
    git(tmp_path / "out", "apply", str(tmp_path / "it.patch"))
    assert (tmp_path / "out" / "train.py").read_text() == "2\n"


def test_new_subdirectory_is_all_dirt(repo: Repo) -> None:
    """A directory that the repository does not know yet is refused, and carried when allowed."""
    repo.commit({"README": "x"})
    write(repo.path / "new", "a.py")
    with pytest.raises(SourceError, match="0 changed, 1 untracked"):
        open_source(repo.path / "new")
    source = open_source(repo.path / "new", allow_dirty=True)
    assert [entry.path for entry in source.files()] == ["a.py"]
    assert b"+++ b/a.py" in source.patch


@pytest.mark.parametrize("name", ["with space", "Übung-日本", 'it\'s "quoted"', "-dash", "a:b\nc"])
@pytest.mark.parametrize("dirty", [False, True])
def test_any_name_of_the_directory(tmp_path: Path, name: str, dirty: bool) -> None:
    """Spaces, non-ASCII letters, quotes, colons and line ends in the path do no harm."""
    repo = Repo(tmp_path / name)
    repo.commit({"p [x]/a.py": "1\n"})
    if dirty:
        repo.write("p [x]/ü.py")
    for root in (repo.path, repo.path / "p [x]"):
        source = open_source(root, allow_dirty=True)
        assert len(source.files()) == 1 + dirty
        assert source.read_text(source.files()[0].path) == "1\n"


def test_linked_worktree(repo: Repo, tmp_path: Path) -> None:
    """A linked worktree is read at its own commit, and carried when dirty."""
    commit = repo.commit({"a.py": "1\n"})
    repo.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    repo.commit({"a.py": "2\n"})
    source = open_source(tmp_path / "linked")
    assert (source.commit, source.branch) == (commit, "side")
    assert source.read_text("a.py") == "1\n"
    write(tmp_path / "linked", "new.py")
    assert open_source(tmp_path / "linked", allow_dirty=True).read_text("new.py") == "x\n"
    repo.path.rename(tmp_path / "moved")
    with pytest.raises(SourceError, match="not a git repository: "):
        open_source(tmp_path / "linked")


def test_shallow_clone(repo: Repo, tmp_path: Path) -> None:
    """A shallow clone is enough, and says that it is one."""
    repo.commit({"a.py": "1\n"})
    commit = repo.commit({"a.py": "2\n"})
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repo.path}", "clone")
    source = open_source(tmp_path / "clone")
    assert (source.commit, source.shallow) == (commit, True)
    assert source.remote is None


def test_detached_head(repo: Repo) -> None:
    """A detached head has a commit and no branch."""
    commit = repo.commit({"a.py": "1\n"})
    repo.commit({"a.py": "2\n"})
    repo.git("checkout", "--quiet", commit)
    source = open_source(repo.path)
    assert (source.commit, source.branch) == (commit, None)


def test_sha256_repository(tmp_path: Path) -> None:
    """A repository with SHA-256 object names works, dirty too."""
    repo = Repo(tmp_path / "project", "--object-format=sha256")
    repo.commit({"a.py": "1\n"})
    source = open_source(repo.path)
    assert len(source.tree) == 64
    assert source.read_text("a.py") == "1\n"
    repo.write("a.py", "2\n")
    assert open_source(repo.path, allow_dirty=True).read_text("a.py") == "2\n"


def test_remote_that_the_branch_follows(repo: Repo) -> None:
    """The remote is the one that the branch follows, else origin, else the only one."""
    repo.commit({"a.py": "1\n"})
    assert open_source(repo.path).remote is None
    repo.git("remote", "add", "lab", "git@example.org:lab/x.git")
    assert open_source(repo.path).remote == "git@example.org:lab/x.git"
    repo.git("remote", "add", "origin", "https://example.org/me/x")
    assert open_source(repo.path).remote == "https://example.org/me/x"
    repo.git("config", "branch.main.remote", "lab")
    assert open_source(repo.path).remote == "git@example.org:lab/x.git"


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

"""Opening what is no plain repository: snapshots, subdirectories, worktrees, clones."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.errors import SourceError
from repropack.source import SourceKind, open_source
from tests.unit.source.opened import kinds

from .conftest import Repo, git, write


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

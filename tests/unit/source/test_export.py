"""Writing a source out."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from repropack.errors import BuildError, SourceError
from repropack.source import open_source
from repropack.source.git import Git
from repropack.source.tree import TreeReader

from .conftest import Repo, write

State = Callable[[Path], dict[str, tuple[int, int, bytes]]]


def test_export_is_exact(repo: Repo, tmp_path: Path, state_of: State) -> None:
    """Bytes, modes 644/755, links and one time for everything, whatever umask and disk say."""
    repo.write("a/b/run.sh", "#!/bin/sh\r\n").chmod(0o700)
    repo.write("a/data.bin", bytes(range(256)) * 9000).chmod(0o600)
    repo.write("ignored.log")
    repo.write(".gitignore", "*.log\n")
    (repo.path / "link").symlink_to("a/b")
    repo.commit()
    old = os.umask(0o077)
    try:
        open_source(repo.path).export(tmp_path / "new" / "out", mtime_s=1_700_000_000)
    finally:
        os.umask(old)
    time_ns = 1_700_000_000 * 10**9
    assert state_of(tmp_path / "new" / "out") == {
        ".gitignore": (stat.S_IFREG | 0o644, time_ns, b"*.log\n"),
        "a": (stat.S_IFDIR | 0o755, time_ns, b""),
        "a/b": (stat.S_IFDIR | 0o755, time_ns, b""),
        "a/b/run.sh": (stat.S_IFREG | 0o755, time_ns, b"#!/bin/sh\r\n"),
        "a/data.bin": (stat.S_IFREG | 0o644, time_ns, bytes(range(256)) * 9000),
        "link": (stat.S_IFLNK | 0o777, time_ns, b"a/b"),
    }
    assert (tmp_path / "new" / "out").stat().st_mtime_ns == time_ns
    assert stat.S_IMODE((tmp_path / "new" / "out").stat().st_mode) == 0o755


def test_export_of_a_clone_is_the_same(repo: Repo, tmp_path: Path, state_of: State) -> None:
    """One commit is exported identically from two checkouts with different settings."""
    repo.commit({"a.txt": "1\n2\n", ".gitattributes": "* text=auto\n", "d/e": "x"})
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "--quiet", "-c", "core.autocrlf=true", repo.path, clone], check=True
    )
    assert (clone / "a.txt").read_bytes() == b"1\r\n2\r\n"
    open_source(repo.path).export(tmp_path / "one", mtime_s=5)
    open_source(clone).export(tmp_path / "two", mtime_s=5)
    assert state_of(tmp_path / "one") == state_of(tmp_path / "two")


def test_export_refuses_what_is_there(repo: Repo, tmp_path: Path) -> None:
    """A directory with anything in it is not written to, and a file in the way is an error."""
    repo.commit({"a.py": "1\n"})
    source = open_source(repo.path)
    write(tmp_path / "full", "theirs")
    with pytest.raises(BuildError, match="is not empty"):
        source.export(tmp_path / "full", mtime_s=0)
    assert [each.name for each in (tmp_path / "full").iterdir()] == ["theirs"]
    with pytest.raises(BuildError, match="cannot be written"):
        source.export(tmp_path / "full" / "theirs" / "out", mtime_s=0)


def read_crafted(repo: Repo, *lines: str) -> None:
    """Read a tree, given as lines for `git mktree`, that git itself would never write."""
    done = subprocess.run(
        ["git", "mktree"],
        input="".join(f"{line}\n" for line in lines).encode(),
        cwd=repo.path,
        check=True,
        capture_output=True,
    )
    tree = done.stdout.decode().strip()
    reader = TreeReader(root=repo.path, check_submodules=False)
    reader.read(Git(cwd=repo.path), top=tree, tree=tree, subdirectory="")


@pytest.mark.parametrize("name", ["..", ".git", ".GIT"])
def test_tree_that_leaves_its_directory(repo: Repo, name: str) -> None:
    """A crafted tree with `..` or `.git` in its names is refused before anything is written."""
    repo.commit({"a.py": "1\n"})
    with pytest.raises(SourceError, match="cannot be written out safely"):
        read_crafted(repo, f"040000 tree {repo.git('rev-parse', 'HEAD^{tree}')}\t{name}")


def test_tree_with_a_file_below_a_link(repo: Repo) -> None:
    """A crafted tree with a link and a directory of one name is refused: it would write outside."""
    repo.commit({"a.py": "/tmp"})
    link = f"120000 blob {repo.git('rev-parse', 'HEAD:a.py')}\tx"
    folder = f"040000 tree {repo.git('rev-parse', 'HEAD^{tree}')}\tx"
    with pytest.raises(SourceError, match="x cannot be written out safely"):
        read_crafted(repo, link, folder)

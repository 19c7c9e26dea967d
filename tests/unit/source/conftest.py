"""Real repositories in temporary directories, made with git itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

IDENTITY = {
    "GIT_AUTHOR_NAME": "An Author",
    "GIT_AUTHOR_EMAIL": "author@example.org",
    "GIT_AUTHOR_DATE": "2024-03-01T12:00:00+0100",
    "GIT_COMMITTER_NAME": "An Author",
    "GIT_COMMITTER_EMAIL": "author@example.org",
    "GIT_COMMITTER_DATE": "2024-03-01T12:00:00+0100",
    "GIT_CONFIG_GLOBAL": os.devnull,
}
COMMIT_TIME_S = 1709290800


class Repo:
    """A repository at `path`."""

    def __init__(self, path: Path, *init: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--template=", "--initial-branch=main", *init)

    def git(self, *args: str | bytes) -> str:
        """Run git here; return what it prints, without the last line end."""
        return git(self.path, *args)

    def write(self, path: str, content: str | bytes = "x\n") -> Path:
        """Write one file."""
        return write(self.path, path, content)

    def commit(self, files: Mapping[str, str | bytes] | None = None) -> str:
        """Commit everything; return the commit's id."""
        for path, content in (files or {}).items():
            self.write(path, content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a commit")
        return self.git("rev-parse", "HEAD")


def git(directory: Path, *args: str | bytes) -> str:
    """Run git in `directory` as somebody with a name."""
    command = ["git", "-c", "protocol.file.allow=always", *args]
    done = subprocess.run(
        command, cwd=directory, env={**os.environ, **IDENTITY}, check=True, capture_output=True
    )
    return done.stdout.decode().rstrip("\n")


def write(root: Path, path: str, content: str | bytes = "x\n") -> Path:
    """Write one file below `root`, with the directories above it."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.fixture(autouse=True)
def bare_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of whoever runs the tests counts."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository without commits."""
    return Repo(tmp_path / "project")


@pytest.fixture
def state_of() -> Callable[[Path], dict[str, tuple[int, int, bytes]]]:
    """A function: everything below a directory, by mode, time and content.

    Times of git's objects are left out: git sets them to "still in use" where it meets them again.
    """

    def state(root: Path) -> dict[str, tuple[int, int, bytes]]:
        found = {}
        for file in sorted(root.rglob("*")):
            facts = file.lstat()
            if file.is_symlink():
                content = os.fsencode(file.readlink())
            else:
                content = file.read_bytes() if file.is_file() else b""
            path = str(file.relative_to(root))
            time_ns = 0 if path.startswith(".git/objects/") else facts.st_mtime_ns
            found[path] = (facts.st_mode, time_ns, content)
        return found

    return state

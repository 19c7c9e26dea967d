"""What every test may rely on: no engine and no network unless it is marked for them."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes is the machine's business: a busy one would fail any of them.
settings.register_profile("repropack", deadline=None)
settings.load_profile("repropack")

ROOT = Path(__file__).resolve().parent.parent
GIT_IDENTITY = {
    "GIT_AUTHOR_NAME": "A. Author",
    "GIT_AUTHOR_EMAIL": "author@index.example",
    "GIT_COMMITTER_NAME": "A. Author",
    "GIT_COMMITTER_EMAIL": "author@index.example",
    "GIT_AUTHOR_DATE": "2025-06-15T12:00:00+00:00",
    "GIT_COMMITTER_DATE": "2025-06-15T12:00:00+00:00",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes the golden files again."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files again")


def pytest_configure() -> None:
    """Programs that tests start can be interrupted, even where the tests themselves cannot.

    A shell that starts them in the background has them ignore SIGINT, `nohup` has them ignore
    SIGHUP, and so would every child.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)  # caught here, and so the default in children


def pytest_collection_finish() -> None:
    """What was imported stays: collecting garbage need not look through it after every test."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def guard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unmarked test that touches an engine or the network fails."""
    marked = {mark.name for mark in request.node.iter_markers()}
    if "engine" not in marked:
        monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    if marked & {"engine", "network"}:
        return
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_UNIX and "docker" not in str(address):
            connect(self, address)
            return
        raise AssertionError(f"an unmarked test connects to {address!r}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def git(directory: Path, *arguments: str) -> str:
    """Run git in a directory as a fixed author at a fixed time; gives what it prints."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=directory,
        env={**os.environ, **GIT_IDENTITY},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def commit_all(directory: Path, message: str = "first") -> str:
    """Make a repository of a directory, or add a commit to it; gives the commit."""
    if not (directory / ".git").exists():
        git(directory, "init", "-q", "-b", "main")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "--allow-empty", "-m", message)
    return git(directory, "rev-parse", "HEAD")


def example(name: str, directory: Path) -> Path:
    """A copy of an example as a repository of its own with one commit."""
    project = directory / name
    shutil.copytree(ROOT / "examples" / name, project, ignore=shutil.ignore_patterns(".repropack"))
    commit_all(project)
    return project


@pytest.fixture
def quickstart(tmp_path: Path) -> Path:
    """The smallest example, as a repository."""
    return example("quickstart", tmp_path)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """The digits example, as a repository."""
    return example("digits-svm", tmp_path)

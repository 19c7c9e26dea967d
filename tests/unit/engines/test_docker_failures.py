"""What the docker engine makes of a daemon that is absent, dies, or refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from repropack.engines import BuildRecipe, Image, RunOrder
from repropack.engines.container import container_name
from repropack.engines.docker import DockerEngine
from repropack.errors import BuildError, NoEngineError, RunError, UsageError
from tests.unit.engines.daemon import Daemon, serve

Answers = dict[tuple[str, str], tuple[int, Any]]
IMAGE = Image(tag="x:1", id="sha256:" + "a" * 64, size_bytes=1)
CREATED: Answers = {("POST", "/containers/create"): (201, {"Id": "abc", "Warnings": []})}
REMOVED: Answers = {("DELETE", ""): (204, None)}


@contextmanager
def engine(
    monkeypatch: pytest.MonkeyPatch, answers: dict[tuple[str, str], tuple[int, Any]]
) -> Iterator[tuple[DockerEngine, Daemon]]:
    """An engine whose daemon gives these answers and hangs up on every other question."""
    with serve(answers) as (url, daemon):
        monkeypatch.setenv("DOCKER_HOST", url)
        one = DockerEngine(builder="legacy")
        yield one, daemon
        one.client.close()


def order(directory: Path, *, gpu: bool = False) -> RunOrder:
    """A run that nothing comes of."""
    return RunOrder(image=IMAGE, run_id="r", name="n", directory=directory / "out", gpu=gpu)


def recipe(directory: Path) -> BuildRecipe:
    """A build that nothing comes of."""
    (directory / "context").mkdir()
    (directory / "context" / "Dockerfile").write_text("FROM scratch\n")
    return BuildRecipe(context=directory / "context", tag="x:1", log=directory / "log")


def test_no_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a daemon there is no engine, and the hint says how to start it."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/engine.sock")
    with pytest.raises(NoEngineError, match="does not answer") as caught:
        DockerEngine().check()
    assert caught.value.exit_code == 4
    assert caught.value.hint and "systemctl start docker" in caught.value.hint


def test_build_when_the_daemon_dies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A daemon that hangs up during a build is a build error with a hint and a log."""
    with engine(monkeypatch, {}) as (one, _), pytest.raises(BuildError) as caught:
        one.build(recipe(tmp_path), print)
    assert "stopped answering" in caught.value.what
    assert caught.value.hint and caught.value.log == tmp_path / "log"


def test_build_that_stops_in_the_middle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A build whose output ends without an image is not taken for a finished one."""
    answers = {("POST", "/build"): (200, {"stream": "Step 1/2 : FROM scratch\n"})}
    with (
        engine(monkeypatch, answers) as (one, _),
        pytest.raises(BuildError, match="cut off"),
    ):
        one.build(recipe(tmp_path), print)


def test_build_on_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A builder that runs out of disk is told in plain words."""
    answers = {("POST", "/build"): (200, {"error": "write /x: no space left on device"})}
    with engine(monkeypatch, answers) as (one, _), pytest.raises(BuildError) as caught:
        one.build(recipe(tmp_path), print)
    assert "the disk is full" in caught.value.what
    assert caught.value.hint and "prune" in caught.value.hint


def test_run_when_the_daemon_dies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A daemon that hangs up before a run is a run error that names the container to remove."""
    with engine(monkeypatch, {}) as (one, _), pytest.raises(RunError) as caught:
        one.run(order(tmp_path), print)
    assert "stopped answering" in caught.value.what
    assert "docker rm --force --volumes n-r-" in caught.value.what
    assert caught.value.hint and "systemctl start docker" in caught.value.hint


def test_failed_start_removes_the_container(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A container that could not be started is removed, and the daemon's words are explained."""
    message = 'could not select device driver "" with capabilities: [[gpu]]'
    answers: Answers = {**CREATED, **REMOVED}
    answers[("POST", "/start")] = (500, {"message": message})
    answers[("POST", "/attach")] = (200, {})
    answers[("GET", "/json")] = (200, {"Config": {"Tty": False}})
    with engine(monkeypatch, answers) as (one, daemon), pytest.raises(RunError) as caught:
        one.run(order(tmp_path, gpu=True), print)
    assert "NVIDIA container toolkit is missing" in caught.value.what
    assert caught.value.hint and "nvidia-ctk runtime configure" in caught.value.hint
    assert any(asked.startswith("DELETE /v1.41/containers/n-r-") for asked in daemon.asked)
    assert list(tmp_path.iterdir()) == []


def test_missing_dockerfile(tmp_path: Path) -> None:
    """A context without its Dockerfile is refused before the daemon is asked."""
    with pytest.raises(BuildError, match="Dockerfile does not exist"):
        DockerEngine().build(BuildRecipe(context=tmp_path, tag="x:1", log=tmp_path / "l"), print)


def test_unknown_builder() -> None:
    """A misspelt builder is a usage error."""
    with pytest.raises(UsageError, match="bulidkit"):
        DockerEngine(builder="bulidkit")


@pytest.mark.parametrize("run_id", ["svm-attention=eca-seed0", "-é;rm", "a" * 300, "…", ""])
def test_container_names(run_id: str, tmp_path: Path) -> None:
    """Every run's container has a name that Docker takes, and no two have the same."""
    wanted = RunOrder(image=IMAGE, run_id=run_id, name="rp", directory=tmp_path)
    names = {container_name(f"{wanted.name}-{wanted.run_id}") for _ in range(3)}
    assert len(names) == 3
    for name in names:
        assert name[0].isalnum() and len(name) < 128
        assert all(character.isalnum() or character in "_.-" for character in name)
        assert name.isascii()

"""What is made of a podman command that says something else than it should, or nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repropack.engines.podman import PodmanEngine
from repropack.errors import NoEngineError, TemporaryError
from tests.integration.engine_bundle import Cli, ignore, podman


def command(directory: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> PodmanEngine:
    """An engine whose podman is this script."""
    program = directory / "podman"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    return PodmanEngine()


@pytest.mark.parametrize("said", ["not JSON", "", "[]", "{}", "[1]", '[{"Id": '])
def test_image_that_is_not_described(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no description of an image is an engine that does not answer, told in words."""
    engine = command(tmp_path, monkeypatch, f"printf '%s' '{said}'")
    with pytest.raises(NoEngineError, match="image inspect"):
        engine.image("x:1")


def test_facts_that_are_no_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`podman info` that is not JSON is an engine that does not answer, with a hint."""
    engine = command(tmp_path, monkeypatch, "echo Segmentation fault")
    with pytest.raises(NoEngineError, match="JSON") as caught:
        engine.check()
    assert caught.value.hint and "podman info" in caught.value.hint


def test_registry_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What podman says last of a pull that fails is told."""
    script = "echo Trying to pull x:1...\necho 'Error: initializing source: denied'\nexit 125"
    engine = command(tmp_path, monkeypatch, script)
    with pytest.raises(TemporaryError, match="denied"):
        engine.pull("x:1", ignore)


def test_slow_download_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a registry has answered, a pull may be silent for longer."""
    monkeypatch.setattr("repropack.engines.podman_pull._ANSWER_TIMEOUT_S", 0.5)
    pulled = "echo Trying to pull x:1...; echo Getting image source signatures; sleep 1.5"
    described = '[{"Id": "a", "RepoDigests": ["index.example/x@sha256:1"]}]'
    script = f"case $1 in pull) {pulled} ;; *) echo '{described}' ;; esac"
    engine = command(tmp_path, monkeypatch, script)
    assert engine.pull("x:1", ignore).tag == "index.example/x@sha256:1"


@pytest.fixture
def real() -> Iterator[Cli]:
    """Podman itself."""
    yield from podman()


@pytest.mark.engine
def test_silent_registry_is_noticed_soon(real: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that takes the connection and never answers is given up."""
    monkeypatch.setattr("repropack.engines.podman_pull._ANSWER_TIMEOUT_S", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reference = f"127.0.0.1:{silent.getsockname()[1]}/python:3.11-slim-bookworm"
        began = time.monotonic()
        with pytest.raises(TemporaryError, match="no registry answers"):
            real.engine().pull(reference, ignore)
        assert time.monotonic() - began < 10

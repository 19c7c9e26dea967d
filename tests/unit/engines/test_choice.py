"""Which engine, which docker command, which GPU: answered from this machine's programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from repropack.engines import choose
from repropack.engines.diagnosis import explain
from repropack.engines.docker_cli import DockerCli, buildkit_version, find_cli
from repropack.engines.gpu import find_gpus
from repropack.errors import NoEngineError, UsageError


def program(directory: Path, name: str, body: str) -> str:
    """A shell script of that name."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_no_engine_lists_what_was_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any engine the error names what was tried, and the hint all that can be typed."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/engine.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoEngineError, match=r"Tried docker .* and podman") as caught:
        choose(None)
    assert caught.value.hint and "--engine venv" in caught.value.hint


def test_docker_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that was asked for by name is not replaced by another."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/engine.sock")
    with pytest.raises(NoEngineError, match="Docker at unix:///nonexistent"):
        choose("docker")


def test_venv_only_by_name() -> None:
    """The engine without a container is there for who names it."""
    assert choose("venv").name == "venv"


def test_no_podman(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A podman that is asked for and is not there is told with what to use instead."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoEngineError, match="no podman on PATH") as caught:
        choose("podman")
    assert caught.value.hint and "--engine docker" in caught.value.hint


def test_builder_of_another_engine() -> None:
    """Docker's builders are not Podman's, and the other way round."""
    with pytest.raises(UsageError, match="podman has no builder 'legacy'"):
        choose("podman", builder="legacy")
    with pytest.raises(UsageError, match="docker has no builder 'buildah'"):
        choose("docker", builder="buildah")


def test_unknown_engine() -> None:
    """A misspelt engine is a usage error that lists the right names."""
    with pytest.raises(UsageError, match="dokcer") as caught:
        choose("dokcer")
    assert caught.value.hint == "one of docker, podman, apptainer, charliecloud, venv"


def test_cli_with_buildx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A docker command with the plugin builds through it, in the context's own builder."""
    plugin = tmp_path / "config" / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    body = 'case $1 in buildx) echo v0.12;; context) echo work;; *) echo "version 27.0.1,";; esac'
    cli = find_cli(program(tmp_path, "docker", body))
    assert cli is not None
    assert cli.build_command()[1:] == ["buildx", "build", "--load", "--builder", "work"]


@pytest.mark.parametrize(("version", "can"), [("20.10.24+dfsg1", True), ("28.2.2", False)])
def test_cli_without_buildx(version: str, can: bool, tmp_path: Path) -> None:
    """Without the plugin only a client before 23 can use BuildKit."""
    body = f'case $1 in --version) echo "Docker version {version}, build 1";; *) exit 1;; esac'
    cli = find_cli(program(tmp_path, "docker", body))
    assert (cli is not None) == can
    if cli is not None:
        assert cli.build_command()[1:] == ["build"]


def test_cli_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command talks to the same daemon as the SDK, whatever builder the user has chosen."""
    monkeypatch.setenv("BUILDX_BUILDER", "mine")
    body = 'case $1 in --version) echo "Docker version 20.10.1";; *) exit 1;; esac'
    cli = find_cli(program(tmp_path, "docker", body), (("DOCKER_HOST", "unix:///r"),))
    assert cli is not None
    found = cli.environment()
    assert (found["DOCKER_BUILDKIT"], found["DOCKER_HOST"]) == ("1", "unix:///r")
    assert "BUILDX_BUILDER" not in found


def test_gpus_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the driver's library does not answer, nvidia-smi names the GPUs."""
    monkeypatch.setattr("repropack.engines.gpu._from_nvml", lambda: None)
    program(tmp_path, "nvidia-smi", "printf '0, GPU-1, NVIDIA H200, 580.65.06, 143771, 9.0\\n'")
    monkeypatch.setenv("PATH", str(tmp_path))
    (gpu,) = find_gpus()
    assert (gpu.name, gpu.compute_capability) == ("NVIDIA H200", "9.0")


def test_gpus_with_a_broken_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An nvidia-smi that fails means no GPU, not an error."""
    monkeypatch.setattr("repropack.engines.gpu._from_nvml", lambda: None)
    program(tmp_path, "nvidia-smi", "echo 'NVIDIA-SMI has failed'; exit 9")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_gpus() == ()


@pytest.mark.parametrize(
    ("message", "what", "hint"),
    [
        ('could not select device driver "" with capabilities: [[gpu]]', "toolkit", "nvidia-ctk"),
        ('could not select device driver "cdi" with capabilities: []', "CDI", "daemon.json"),
        ("unresolvable CDI devices nvidia.com/gpu=all", "CDI", "cdi generate"),
        ("nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1",
         "no NVIDIA driver", "driver"),
        ("nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8", "older",
         "update"),
        ("unknown or invalid runtime name: nvidia", "nvidia runtime", "nvidia-ctk"),
        ("write /var/lib/docker/x: no space left on device", "disk is full", "prune"),
        ("Cannot connect to the Docker daemon at unix:///x", "not answer", "systemctl"),
    ],
)  # fmt: skip
def test_known_messages(message: str, what: str, hint: str) -> None:
    """What users meet is explained, with what to do about it."""
    known = explain(f"Error response from daemon: {message}")
    assert what in known.what and hint in known.hint


@pytest.mark.parametrize(
    ("message", "what", "hint"),
    [
        ("unable to connect to Podman socket: Get: dial tcp: connect: connection refused",
         "the Podman service does not answer", "CONTAINER_HOST"),
        ("pinging container registry: connect: connection refused", "container registry", ""),
        ("write /var/lib/containers/x: no space left on device", "disk is full", "podman system"),
        ("unresolvable CDI devices nvidia.com/gpu=all", "CDI", "cdi generate"),
    ],
)  # fmt: skip
def test_known_messages_of_podman(message: str, what: str, hint: str) -> None:
    """What Podman says is not taken for a fault of Docker's."""
    known = explain(message, engine="podman")
    assert what in known.what and hint in known.hint
    assert "docker" not in f"{known.what}{known.hint}".lower()


def test_unknown_message() -> None:
    """A message that is not known is passed on as it is."""
    assert explain(" strange \n").what == "strange"


@pytest.mark.parametrize(
    ("told", "version", "fixes"),
    [
        ("Nodes:\nName: a\nBuildKit version: v0.13.2\nPlatforms: x", "v0.13.2", True),
        ("Buildkit:  v0.12.5\n", "v0.12.5", False),
        ("BuildKit version: 0.20.0-rc1", "0.20.0-rc1", True),
        ("BuildKit version: v1.0.0", "v1.0.0", True),
        ("BuildKit version: v0.0.0+unknown", "", False),
        ("Status: running\nNote: BuildKit version: v9.9.9 is new", "", False),
        ("", "", False),
    ],
)
def test_times_are_fixed_where_the_builder_is_new_enough(
    told: str, version: str, fixes: bool
) -> None:
    """By the version that buildx tells; an older or silent builder is called as before."""
    assert buildkit_version(told) == version
    cli = DockerCli(program="docker", buildx=True, buildkit=version)
    assert cli.fixes_times is fixes
    assert cli.load_command() is None and "--load" in cli.build_command(exact=True)
    cli = replace(cli, keeps_archives=True)
    assert (cli.load_command() is not None) is fixes
    assert ("--load" in cli.build_command(exact=True)) is not fixes
    assert "--load" in cli.build_command()
    assert [name for name, _ in cli.time_args()] == (["SOURCE_DATE_EPOCH"] if fixes else [])


@pytest.mark.parametrize(
    ("engine", "fixes"), [("26.1.5+dfsg1", True), ("28.0.0", True), ("25.0.5", False), ("", False)]
)
def test_a_buildkit_without_a_version_is_as_old_as_its_engine(engine: str, fixes: bool) -> None:
    """Distributions build it so."""
    cli = DockerCli(program="docker", buildx=True, engine=engine)
    assert cli.fixes_times is fixes
    assert not DockerCli(program="docker", buildx=False, engine=engine).fixes_times
    older = DockerCli(program="docker", buildx=True, buildkit="v0.12.5", engine=engine)
    assert not older.fixes_times

"""Killed at any moment, a full disk, two at once: nothing half-done stays, and the next call works.

See also `test_bad_machine`: a daemon that stops during a build and a run, and full disks by place;
`test_container_runs` and `test_reviewer`: runs that are killed because memory ran out.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from repropack.marks import is_orphan
from tests.cli.driver import containers, docker, remove_images
from tests.integration.faults import (
    Ground,
    assert_nothing_is_half,
    duration_s,
    ended,
    left_over,
)

SOCKET = "/var/run/docker.sock"


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """A project whose engine is the one without containers."""
    return Ground(directory=tmp_path, name="faults", engine="venv").make()


@pytest.fixture
def docked(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """The same with Docker, under a name that no other test has."""
    name = f"faults-{request.node.name.partition('[')[0].removeprefix('test_').replace('_', '-')}"
    yield Ground(directory=tmp_path, name=name[:40], engine="docker", python="3.11").make()
    remove_images(name[:40])


def commands(ground: Ground) -> list[tuple[str, ...]]:
    """What is killed: a build, bundles for somebody else, a verification, the same anew, and of
    what somebody sent. Archives are one file and parts of one, in turn.
    """
    out, image = str(ground.directory / "out" / "bundle"), ground.engine == "docker"
    handed_in = ("build", "-o", out, "--force", *(["--with-image"] if image else []))
    archive, part = str(ground.archive), "20MB" if image else "0.4MB"
    return [
        ("build",),
        (*handed_in, "--archive", archive, "--part-size", part),
        ("verify",),
        (*handed_in, "--archive", archive),
        ("verify", archive),
        ("verify", "--rebuild"),
    ]


def kill_at_random(ground: Ground, points: int, seed: int) -> None:
    """Kill commands at so many random points; each time, the next call succeeds.

    A command that ended before it was to be killed is no point: the machine is faster than it was.
    """
    chance, killed = random.Random(seed), 0
    took_s = {command: duration_s(ground, command) for command in commands(ground)}
    for number in range(4 * points):
        command = commands(ground)[number % len(took_s)]
        killed += ground.kill_during(command, chance.uniform(0.0, took_s[command]))
        assert_nothing_is_half(ground)
        took_s[command] = duration_s(ground, command)
        assert_nothing_is_half(ground)
        if killed == points:
            break
    assert killed == points
    assert left_over(ground) == []


def test_killed_at_any_moment(ground: Ground) -> None:
    """`kill -9` at random points leaves nothing half-written, and the next call succeeds."""
    kill_at_random(ground, 8, seed=1)


@pytest.mark.slow
@pytest.mark.engine
def test_killed_at_a_hundred_moments(docked: Ground) -> None:
    """The same with Docker: no container and no image of a killed process is left, either."""
    kill_at_random(docked, 100, seed=2)
    assert containers(docked.name) == []
    kinds = ("repropack/shell:", "repropack/again:", "repropack/in-use:")
    names = docker("images", "--format", "{{.Repository}}:{{.Tag}}")
    # Those of a process that lives are of another test.
    assert [name for name in names if name.startswith(kinds) and is_orphan(name)] == []


def both(ground: Ground, command: tuple[str, ...], apart_s: float) -> None:
    """Two of a command at once, both of which succeed."""
    first = ground.start(*command)
    time.sleep(apart_s)
    second = ground.start(*command)
    for process in (first, second):
        done = ended(process)
        assert done.code == 0, done.said
    assert_nothing_is_half(ground)
    assert left_over(ground) == []


@pytest.mark.parametrize("command", ["build", "verify"])
def test_two_at_once(command: str, ground: Ground) -> None:
    """Two builds, or two verifications, of one project at once both succeed."""
    for apart_s in (0.0, 0.3):
        both(ground, (command,), apart_s)
    found = list(ground.project.glob(".repropack/verifications/*/report.json"))
    assert len(found) == (4 if command == "verify" else 0)


@pytest.mark.engine
@pytest.mark.parametrize("command", ["build", "verify"])
def test_two_at_once_with_docker(command: str, docked: Ground) -> None:
    """The same with Docker, where both make one environment and one image."""
    both(docked, (command, "--rebuild") if command == "verify" else (command,), 0.2)
    assert containers(docked.name) == []


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of its own, of 64 MB until somebody changes that."""
    directory.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(directory)]
    done = subprocess.run(words, capture_output=True)
    if done.returncode:
        assert os.environ.get("CI") != "true", done.stderr
        pytest.skip("this user may not mount a small disk")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def resize(disk: Path, size_kib: int) -> None:
    """Make the disk larger or smaller."""
    words = ["mount", "-o", f"remount,size={size_kib}k", str(disk)]
    subprocess.run(words, check=True)


def used_kib(disk: Path) -> int:
    """What lies on it."""
    state = os.statvfs(disk)
    return (state.f_blocks - state.f_bfree) * state.f_frsize // 1024


@pytest.mark.parametrize("command", [("build",), ("verify", "--rebuild")], ids=["build", "verify"])
def test_disk_that_is_full_at_any_byte(command: tuple[str, ...], tmp_path: Path) -> None:
    """With room for less and less of it, a command says that the disk is full; then it works."""
    with small_disk(tmp_path / "disk") as disk:
        ground = Ground(directory=disk, name="full", engine="venv").make()
        before = used_kib(disk)
        duration_s(ground, command)
        needed = used_kib(disk) - before
        again = Ground(directory=disk / "again", name="full", engine="venv")
        again.directory.mkdir()
        again.make()
        base = used_kib(disk)
        failed = 0
        for share in (0.05, 0.3, 0.6, 0.9):
            resize(disk, max(base + int(needed * share), used_kib(disk)))
            done = again.call(*command)
            if done.code == 0:
                break  # what an earlier call has kept was enough
            failed += 1
            assert done.code in (5, 6), done.said
            assert "no space left on device" in done.err.lower(), done.said
            assert "error: " in done.err and "hint: " in done.err, done.said
            assert_nothing_is_half(again)
        assert failed >= 2
        resize(disk, 65536)
        done = again.call(*command)
        assert done.code == 0, done.said
        assert_nothing_is_half(again)


class Proxy:
    """A socket in front of the daemon's own, which goes away when it is told to."""

    def __init__(self, path: str) -> None:
        self.host = f"unix://{path}"
        self.path = Path(path)
        self.pairs: list[socket.socket] = []
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(path)
        self.listening.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Connect each client to the daemon."""
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            engine.connect(SOCKET)
            self.pairs += [client, engine]
            for one, other in ((client, engine), (engine, client)):
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    def copy(self, source: socket.socket, target: socket.socket) -> None:
        """One direction of a connection."""
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def stop(self) -> None:
        """Hang up, and be gone."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for each in self.pairs:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A way to the daemon that can be cut."""
    with tempfile.TemporaryDirectory(prefix="rp-") as directory:
        made = Proxy(f"{directory}/docker.sock")
        yield made
        made.stop()


@pytest.mark.engine
@pytest.mark.parametrize(
    "share",
    [pytest.param(0.2, marks=pytest.mark.slow), 0.5, pytest.param(0.8, marks=pytest.mark.slow)],
)
def test_engine_that_goes_away(share: float, docked: Ground, proxy: Proxy) -> None:
    """Cut off from its engine, a verification ends with a reason; the next one cleans up."""
    took_s = duration_s(docked, ("verify", "--rebuild"))
    docked.env["DOCKER_HOST"] = proxy.host
    process = docked.start("verify", "--rebuild")
    time.sleep(took_s * share)
    proxy.stop()
    done = ended(process)
    assert done.code in (4, 5, 6), done.said
    assert "hint: " in done.err or "lost" in done.out, done.said
    assert_nothing_is_half(docked)
    del docked.env["DOCKER_HOST"]
    done = docked.call("verify", "--json")
    assert done.code == 0 and json.loads(done.out)["verdict"] == "reproduced", done.said
    assert containers(docked.name) == []
    assert left_over(docked) == []

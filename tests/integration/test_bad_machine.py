"""A machine that fails half-way: the daemon stops, the disk is full."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.driver import (
    REPROPACK,
    Done,
    bundles,
    containers,
    environment,
    inside,
    project,
    remove_images,
    repropack,
    traces,
)
from tests.integration.daemons import Daemon, running, wait_for
from tests.unit.environment.wheelhouse import make_wheel

pytestmark = pytest.mark.engine
BASE = "repropack/base:bookworm-py3.11"
CONFIG = """\
name: NAME
experiments: {a: {run: RUN, outputs: [large.bin], metrics: {x: {stdout: 'x=(.*)'}}}}
claims: [{id: one, metric: a.x, value: "1"}]
"""


def simple(
    directory: Path, name: str, run: str = "echo x=1", large_bytes: int = 0, needs: str = ""
) -> Path:
    """A project with one experiment, a file that cannot be compressed, and requirements."""
    files: dict[str, str | bytes] = {
        "repropack.yaml": CONFIG.replace("NAME", name).replace("RUN", run),
        "noise.bin": os.urandom(large_bytes),
        "requirements.txt": needs,
    }
    return project(directory, files)


# The daemon -----------------------------------------------------------------------------------


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A second daemon that has the base."""
    with running() as started:
        started.load(BASE)
        yield started


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The usual daemon has the base."""
    directory = simple(tmp_path_factory.mktemp("base"), "provides-base")
    done = repropack("build", directory, timeout_s=600)
    assert done.code == 0, done.said
    remove_images("provides-base")


def start(directory: Path, daemon: Daemon) -> subprocess.Popen[str]:
    """`repropack verify` with this daemon."""
    return subprocess.Popen(
        [*REPROPACK, "verify", str(directory)],
        env=environment({"DOCKER_HOST": daemon.host}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Done:
    """The end of a command that may not hang."""
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err, err
    return Done(code=process.returncode, out=out, err=err)


def test_daemon_stops_during_a_run(daemon: Daemon, tmp_path: Path) -> None:
    """Exit code 6; the record says that the container was lost; the next command says 4."""
    directory = simple(tmp_path, "stops", "echo x=1; sleep 300")
    process = start(directory, daemon)
    wait_for(lambda: "repropack-stops-a" in daemon.ask("ps", "--format", "{{.Names}}"))
    time.sleep(0.5)
    daemon.stop()
    done = finish(process)
    assert done.code == 6, done.said
    assert "reproduced" not in done.out.replace("0 of 1 claims reproduced", "")
    for record in directory.glob(".repropack/verifications/*/runs/a/record.json"):
        assert json.loads(record.read_bytes())["status"] in {"lost", "interrupted"}
    assert traces(directory) == []
    again = repropack("verify", "--engine", "docker", directory, env={"DOCKER_HOST": daemon.host})
    assert again.code == 4, again.said


def test_daemon_stops_during_a_build(daemon: Daemon, tmp_path: Path) -> None:
    """Exit code 5 with a hint; the bundle is whole, and nothing half-written lies beside it."""
    directory = simple(tmp_path, "stops", large_bytes=48 << 20)
    process = start(directory, daemon)
    wait_for(lambda: list(directory.glob(".repropack/bundles/.context.*")))
    daemon.stop(signal.SIGKILL)
    done = finish(process)
    assert done.code == 5, done.said
    assert "error: " in done.err and "hint: " in done.err
    assert traces(directory) == []
    (bundle,) = bundles(directory)
    assert inside("inspect", bundle).code == 0


# The disk -------------------------------------------------------------------------------------


@contextmanager
def small_disk(directory: Path, size_kib: int) -> Iterator[Path]:
    """A file system of this size."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    directory.mkdir()
    options = f"size={size_kib}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def full(done: Done, code: int) -> None:
    """The command says that the disk is full, and what to do."""
    assert done.code == code, done.said
    assert "error: " in done.err and "hint: " in done.err, done.said
    assert "no space left on" in done.err.lower(), done.said
    assert "Traceback" not in done.err


def test_full_disk_while_the_bundle_is_written(tmp_path: Path) -> None:
    """Exit code 5, and no bundle: neither half of one nor a temporary one."""
    with small_disk(tmp_path / "disk", 1000) as disk:
        directory = simple(tmp_path / "p", "full", large_bytes=2 << 20)
        full(repropack("build", directory, "-o", disk / "bundle"), 5)
        assert list(disk.iterdir()) == []


def test_full_disk_while_wheels_are_fetched(tmp_path: Path) -> None:
    """A cache without room: exit code 5, and no wheel that is cut off."""
    links = tmp_path / "links"
    make_wheel(links, "big", "1.0", content="x = '" + "y" * (3 << 20) + "'\n")
    env: dict[str, str | None] = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(links),
    }
    with small_disk(tmp_path / "disk", 1000) as disk:
        env["REPROPACK_CACHE"] = str(disk)
        directory = simple(tmp_path / "p", "full", needs="big==1.0\n")
        full(repropack("build", directory, env=env), 5)
        assert list(disk.rglob("*.whl")) == []
        assert bundles(directory) == []


def test_full_disk_while_results_come_back(tmp_path: Path) -> None:
    """Exit code 6, no container, and no half of a run's directory."""
    run = "echo x=1; head -c 9000000 /dev/zero > large.bin"
    directory = simple(tmp_path / "p", "full-results", run)
    with small_disk(tmp_path / "disk", 4000) as disk:
        full(repropack("verify", directory, "-o", disk / "results"), 6)
        assert list((disk / "results" / "runs").iterdir()) == []
    assert containers("full-results") == []
    remove_images("full-results")


def test_full_disk_without_a_byte(tmp_path: Path) -> None:
    """Where not even a directory fits, every command says so."""
    directory = simple(tmp_path / "p", "full-disk")
    with small_disk(tmp_path / "disk", 64) as disk:
        with pytest.raises(OSError, match="No space left"):
            (disk / "filling").write_bytes(b"x" * (1 << 20))
        for number in range(1000):
            try:
                (disk / f"more{number}").mkdir()
            except OSError:
                break
        full(repropack("build", directory, "-o", disk / "bundle"), 5)
        done = repropack("build", directory, env={"REPROPACK_CACHE": str(disk / "cache")})
        full(done, 5)
    remove_images("full-disk")

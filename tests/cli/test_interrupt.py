"""Ctrl-C, SIGTERM and a closed terminal: everything is stopped, and the record says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.driver import (
    REPROPACK,
    containers,
    environment,
    project,
    remove_images,
    repropack,
    traces,
)

pytestmark = pytest.mark.engine
LIMIT_S = 30.0


def sleeper(directory: Path, name: str) -> Path:
    """A project whose first run says hello and then sleeps; the second must never begin."""
    config = f"""
        name: {name}
        experiments:
          first:
            run: echo hello; sleep 300
            metrics: {{x: {{stdout: 'x=(.*)'}}}}
          second:
            run: echo x=1
            metrics: {{x: {{stdout: 'x=(.*)'}}}}
        claims: [{{id: a, metric: first.x, value: "1"}}, {{id: b, metric: second.x, value: "1"}}]
    """
    return project(directory / name, {"repropack.yaml": config})


def wait_for(what: Callable[[], object]) -> None:
    """Until something is true; fails when it never is."""
    end_s = time.monotonic() + LIMIT_S
    while not what():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[Path], subprocess.Popen[bytes]]]:
    """Start `repropack verify` as the leader of a group of its own, as a shell does."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(directory: Path) -> subprocess.Popen[bytes]:
        processes.append(
            subprocess.Popen(
                [*REPROPACK, "verify", str(directory)],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def to_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """As a terminal does it: git and the other children get the signal too."""
    os.killpg(process.pid, number)


def to_process(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """As `kill` and batch systems do it."""
    process.send_signal(number)


@pytest.mark.parametrize(
    ("send", "number"),
    [(to_group, signal.SIGINT), (to_process, signal.SIGTERM), (to_process, signal.SIGHUP)],
    ids=["ctrl-c", "sigterm", "sighup"],
)
def test_interrupted_run(
    send: Callable[[subprocess.Popen[bytes], signal.Signals], None],
    number: signal.Signals,
    started: Callable[[Path], subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    """Exit code 130, no container, a record that says interrupted, no verdict, no further run."""
    name = f"interrupted-{number.name.lower()}"
    directory = sleeper(tmp_path, name)
    process = started(directory)
    wait_for(lambda: containers(name, "status=running"))
    time.sleep(1.0)  # until the experiment, not only its container, has begun
    send(process, number)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, err.decode()
    assert out == b""
    assert b"stopped while first was running" in err
    assert b"Traceback" not in err
    assert containers(name) == []
    (record,) = directory.glob(".repropack/verifications/*/runs/*/record.json")
    assert record.parent.name == "first"
    assert json.loads(record.read_bytes())["status"] == "interrupted"
    assert str(record) in err.decode()
    assert list(directory.glob(".repropack/verifications/*/report*")) == []
    assert traces(directory) == []


def test_impatient_interruption(
    started: Callable[[Path], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Ctrl-C again and again still ends with 130 and without a container."""
    directory = sleeper(tmp_path, "impatient")
    process = started(directory)
    wait_for(lambda: containers("impatient"))
    for _ in range(6):
        to_group(process, signal.SIGINT)
        time.sleep(0.15)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, err.decode()
    assert containers("impatient") == []
    assert b"Traceback" not in err


def test_interrupted_build(
    started: Callable[[Path], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Ctrl-C during a build leaves nothing half-written, and the next command does it all."""
    config = """
        name: interrupted-build
        experiments: {a: {run: echo x=1, metrics: {x: {stdout: 'x=(.*)'}}}}
        claims: [{id: a, metric: a.x, value: "1"}]
    """
    files: dict[str, str | bytes] = {"repropack.yaml": config, "large.bin": os.urandom(24 << 20)}
    directory = project(tmp_path / "p", files)
    process = started(directory)
    wait_for(lambda: list(directory.glob(".repropack/bundles/.context.*")))
    to_group(process, signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, err.decode()
    assert (out, traces(directory)) == (b"", [])
    assert err.decode().strip().splitlines()[-1] == "interrupted"
    assert containers("interrupted-build") == []
    assert repropack("verify", directory).code == 0
    remove_images("interrupted-build")

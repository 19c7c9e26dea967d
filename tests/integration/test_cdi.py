"""GPUs by CDI with Podman: what is asked for, with a description that names a harmless device.

There is no GPU behind it: a second /dev/zero stands in for its device, a variable tells which name
was asked for, and a program in the place of nvidia-smi says that there are two.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from repropack.engines.cdi import described
from tests.conftest import commit_all
from tests.integration.engine_bundle import Cli, podman
from tests.integration.reviewer_probe import repropack

pytestmark = pytest.mark.engine

NAME = "cdi-probe"
DIRECTORY = Path("/var/run/cdi")
DEVICE = Path("/dev/repropack-test-gpu")
CONFIG = f"""
name: {NAME}
experiments:
  e:
    run: python e.py
    seeds: [0, 1]
    gpu: optional
    metrics: {{v: {{stdout: 'v=(\\d+)'}}}}
claims:
  - {{id: v, metric: e.v, value: "4"}}
"""
SCRIPT = f"""
import os
print("gpu", os.environ.get("PROBE_GPU"), flush=True)
with open("{DEVICE}", "rb") as device:
    print("v=" + str(len(device.read(4))))
"""
# The second GPU by the number alone, as older tools name them.
NAMES = ("all", "GPU-1", "1")
SMI = """#!/bin/sh
case $* in
    *index*) printf '%s, GPU-%s, Probe, 580.65.06, 1024, 8.0\\n' 0 1 1 2 ;;
    *) printf 'GPU-%s, Probe, 580.65.06\\n' 1 2 ;;
esac
"""


def description() -> str:
    """Two GPUs, and both together."""
    node = {"path": str(DEVICE)}
    devices = [
        {"name": name, "containerEdits": {"env": [f"PROBE_GPU={name}"], "deviceNodes": [node]}}
        for name in NAMES
    ]
    return json.dumps({"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": devices})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bundle whose image Podman has."""

    bundle: Path
    podman: Cli


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The bundle of two runs that may use a GPU."""
    directory = tmp_path_factory.mktemp("cdi")
    project = directory / "project"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text(SCRIPT)
    commit_all(project)
    for cli in podman():
        words = ("--engine", "podman", "-o", str(directory / "bundle"))
        done = repropack("build", str(project), *words)
        assert done.returncode == 0, done.stderr
        yield Place(bundle=directory / "bundle", podman=cli)
        tag = json.loads((directory / "bundle" / "repropack.json").read_text())["image"]["tag"]
        cli.do("rmi", "--force", tag)


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that says it has two."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")


@pytest.fixture
def cdi() -> Iterator[None]:
    """Their description, where engines look for it."""
    if os.getuid() or described():
        pytest.skip("needs root, and a machine without a description of its own")
    there = DIRECTORY.is_dir()
    DIRECTORY.mkdir(exist_ok=True)
    path = DIRECTORY / f"repropack-test-{os.getpid()}.json"
    path.write_text(description())
    os.mknod(DEVICE, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    DEVICE.chmod(0o666)
    yield
    DEVICE.unlink()
    path.unlink()
    if not there:
        DIRECTORY.rmdir()


def seen(out: Path) -> list[str]:
    """The GPU that each run was given."""
    logs = (out / "runs" / f"e-seed{seed}" / "log.txt" for seed in (0, 1))
    return [log.read_text().split()[1] for log in logs]


def script(place: Place, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Call reproduce.sh."""
    script = str(place.bundle / "reproduce.sh")
    command = [script, "--engine", "podman", "-o", str(out), *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_each_run_gets_its_gpu(place: Place, gpus: None, cdi: None, tmp_path: Path) -> None:
    """One run at a time sees all, two at once have one each, in both ways to verify."""
    verify = ("verify", str(place.bundle), "--engine", "podman", "--allow", "gpu")
    for jobs, given in (("1", ["all", "all"]), ("2", ["1", "GPU-1"])):
        ours, theirs = tmp_path / f"ours{jobs}", tmp_path / f"theirs{jobs}"
        done = repropack(*verify, "--jobs", jobs, "-o", str(ours))
        assert done.returncode == 0, done.stderr
        assert sorted(seen(ours)) == given
        called = script(place, theirs, "--jobs", jobs)
        assert called.returncode == 0 and "note:" not in called.stderr, called.stderr
        assert sorted(seen(theirs)) == given


def test_doctor(place: Place, gpus: None, cdi: None) -> None:
    """A description that names a GPU is all that Podman needs."""
    told = checks()
    assert told["ok"] and "(cdi)" in told["value"]


def test_without_a_description(place: Place, gpus: None, tmp_path: Path) -> None:
    """Where there is none, everybody says what to do, and no run goes on without its GPU."""
    if described():
        pytest.skip("this machine has a description")
    told = checks()
    assert not told["ok"] and "nvidia-ctk cdi generate" in told["hint"]
    verify = ("verify", str(place.bundle), "--engine", "podman", "--allow", "gpu")
    done = repropack(*verify, "-o", str(tmp_path / "ours"))
    assert done.returncode == 6 and "nvidia-ctk cdi generate" in done.stderr, done.stderr
    called = script(place, tmp_path / "theirs")
    assert called.returncode == 6 and "nvidia-ctk cdi generate" in called.stderr, called.stderr
    done = repropack(*verify[:-2], "--cpu", "-o", str(tmp_path / "cpu"))
    assert str(DEVICE) in (tmp_path / "cpu/runs/e-seed0/log.txt").read_text(), done.stderr


def checks() -> dict[str, str]:
    """What doctor says of the GPU."""
    done = repropack("doctor", "--engine", "podman", "--json")
    (found,) = [each for each in json.loads(done.stdout) if each["name"] == "gpu"]
    return dict(found)

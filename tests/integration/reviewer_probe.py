"""A project whose experiments end in every way that there is, and the two ways to verify it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT, commit_all
from tests.unit.bundle.made import tool_directory

NAME = "reviewer-probe"
PROBE = r"""
import json, os, pathlib, signal, sys, time

def good():
    print("value 1.00")
    pathlib.Path("out").mkdir()
    pathlib.Path("out/record.json").write_text(json.dumps({"id": "wrong", "status": "ok"}))
    pathlib.Path("out/tool").write_text("x")
    pathlib.Path("out/tool").chmod(0o4755)
    pathlib.Path("/out/escape").symlink_to("/etc")

def crash():
    print("about to fail")
    sys.exit(1)

def missing():
    print("no number here")

def noisy():
    print("value", [10.0, 0.5, 5.0][int(sys.argv[2])])

def late():
    time.sleep(300)

def lost():
    print("value 1.00", flush=True)
    parent = os.getppid()
    while parent > 1 and b"judge.pyz" not in pathlib.Path(f"/proc/{parent}/cmdline").read_bytes():
        parent = int(pathlib.Path(f"/proc/{parent}/stat").read_text().split()[3])
    os.kill(parent, signal.SIGKILL)
    time.sleep(60)

def hungry():
    blocks = []
    while True:
        blocks.append(bytearray(b"x") * (16 << 20))

def sleepy():
    print("asleep", flush=True)
    time.sleep(300)

globals()[sys.argv[1]]()
"""
EXPERIMENT = (
    "  {name}: {{run: python probe.py {name}, metrics: {{v: {{stdout: 'value (\\S+)'}}}}{more}}}\n"
)
EXTRA = {
    "good": ", outputs: [out]",
    "late": ", timeout: 2s",
    "gpu": ", gpu: required",
    "noisy": "",
}


def config() -> str:
    """The repropack.yaml: an experiment and a claim for each ending."""
    text = f"name: {NAME}\nexperiments:\n"
    for name in ("good", "crash", "missing", "late", "lost", "hungry", "sleepy", "gpu"):
        text += EXPERIMENT.format(name=name, more=EXTRA.get(name, ""))
    text += "  noisy: {run: 'python probe.py noisy {seed}', seeds: [0, 1, 2],"
    text += " metrics: {v: {stdout: 'value (\\S+)'}}}\nclaims:\n"
    text += "  - {id: wrong, metric: good.v, value: '2.00', source: 'Table 1 | row 2'}\n"
    text += "  - {id: noisy, metric: noisy.v, value: '5.0', tolerance: 1, spread: {sd: 1, n: 3}}\n"
    for name in ("good", "crash", "missing", "late", "lost", "hungry", "sleepy", "gpu"):
        text += f"  - {{id: {name}, metric: {name}.v, value: '1.00', source: 'Table 1'}}\n"
    return text


def write_project(directory: Path) -> Path:
    """The project as a repository with one commit."""
    directory.mkdir(parents=True)
    (directory / "probe.py").write_text(PROBE)
    (directory / "repropack.yaml").write_text(config())
    commit_all(directory)
    return directory


def repropack(
    *arguments: str, before: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Call repropack as the author does; `before` are words in front of the command."""
    return subprocess.run(
        [*before, sys.executable, "-m", "repropack", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a reviewer has: a bundle, and a PATH with an engine, POSIX tools and nothing else."""

    project: Path
    bundle: Path
    path: Path


def make_desk(directory: Path) -> Desk:
    """The probe's bundle, built by its author and copied to where a reviewer keeps it."""
    project = write_project(directory / "author" / "project")
    built = repropack("build", str(project), "-o", str(directory / "author" / "bundle"), "--json")
    assert built.returncode == 0, built.stderr
    bundle = directory / "a reviewer's désk" / "the bundle"
    shutil.copytree(directory / "author" / "bundle", bundle, symlinks=True)
    return Desk(project=project, bundle=bundle, path=engine_path(directory / "bin"))


def engine_path(directory: Path, engine: str = "docker") -> Path:
    """A PATH with an engine, POSIX tools, and neither python3 nor repropack."""
    found = shutil.which(engine)
    assert found is not None
    path = tool_directory(directory)
    (path / engine).symlink_to(found)
    assert shutil.which("python3", path=str(path)) is None
    return path


def wrapped_docker(path: Path, script: str) -> Path:
    """A PATH like that one, whose docker is a script that ends in calling the real one, $docker."""
    real = (path / "docker").readlink()
    wrapped = path.with_name(f"{path.name}-{len(list(path.parent.iterdir()))}")
    shutil.copytree(path, wrapped, symlinks=True)
    (wrapped / "docker").unlink()
    (wrapped / "docker").write_text(f"#!/bin/sh\ndocker={real}\n{script}\n")
    (wrapped / "docker").chmod(0o755)
    return wrapped


def docker(*arguments: str) -> str:
    """What docker prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def containers(name: str = NAME) -> list[str]:
    """The containers that reproduce.sh made for a bundle of this name."""
    return docker("ps", "-aq", "--filter", f"name=repropack-{name}-").split()


def record(output: Path, run: str) -> dict[str, object]:
    """The record of a run."""
    return dict(json.loads((output / "runs" / run / "record.json").read_text()))

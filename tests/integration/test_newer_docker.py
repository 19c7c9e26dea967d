"""Docker as Debian trixie has it, with buildx: images are kept in either of its two stores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.driver import REPROPACK, environment, project
from tests.integration.daemons import Daemon, refuse, running

pytestmark = [pytest.mark.engine, pytest.mark.network, pytest.mark.slow]

BASE = "repropack/base:bookworm-py3.11"
CONFIG = """
    name: newer
    experiments: {e: {run: python e.py, metrics: {v: {stdout: 'v=(.*)'}}}}
    claims: [{id: v, metric: e.v, value: "1"}]
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with Docker's programs; this machine's own runc is used."""
    if not shutil.which("mmdebstrap") or os.geteuid() != 0:
        refuse("mmdebstrap is not installed, or this is not root")
    root = tmp_path_factory.mktemp("trixie")
    wanted = "docker.io,docker-cli,docker-buildx,containerd"
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={wanted}", "trixie"]
    subprocess.run([*command, str(root / "root")], check=True)
    directory, plugins = root / "bin", root / "config" / "cli-plugins"
    directory.mkdir()
    plugins.mkdir(parents=True)
    usr = root / "root" / "usr"
    found = [*usr.glob("bin/docker*"), *usr.glob("sbin/docker*"), *usr.glob("bin/containerd*")]
    for program in found:
        (directory / program.name).symlink_to(program)
    (plugins / "docker-buildx").symlink_to(usr / "libexec/docker/cli-plugins/docker-buildx")
    return directory


@pytest.fixture(params=["containerd", "own"])
def daemon(request: pytest.FixtureRequest, programs: Path) -> Iterator[Daemon]:
    """A daemon with the store, and the base in it."""
    features = {"features": {"containerd-snapshotter": request.param == "containerd"}}
    config = programs.parent / f"{request.param}.json"
    config.write_text(json.dumps(features))
    path = f"{programs}:{os.environ['PATH']}"
    with running("--config-file", str(config), path=path) as started:
        started.load(BASE)
        yield started


def test_the_whole_path_with_buildx(daemon: Daemon, programs: Path, tmp_path: Path) -> None:
    """Built twice, verified, rebuilt by a reviewer. The same image where its store can have it."""
    files: dict[str, str | bytes] = {
        "repropack.yaml": CONFIG,
        "e.py": "import iniconfig\nprint('v=1')\n",
        "requirements.txt": "iniconfig==2.1.0\n",
    }
    made = project(tmp_path / "project", files)
    env = {
        **environment(),
        "DOCKER_HOST": daemon.host,
        "DOCKER_CONFIG": str(programs.parent / "config"),
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    bundle, out = tmp_path / "bundle", tmp_path / "out"

    def said(*words: str | Path, code: int = 0) -> str:
        done = subprocess.run(list(map(str, words)), env=env, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    said(*REPROPACK, "build", made, "--check-reproducible", "-o", bundle)
    provenance = json.loads((bundle / "provenance.json").read_text())["predicate"]
    inside_archives = "io.containerd" in daemon.ask("info", "--format", "{{.DriverStatus}}")
    level = "same image" if inside_archives else "same contents"
    assert provenance["runDetails"]["repropack_image"]["level"] == level
    assert provenance["buildDefinition"]["internalParameters"]["builder"] == "buildkit"
    verified = said(*REPROPACK, "verify", bundle, "--rebuild", "--engine", "docker", "-o", out)
    alike = "the author's image, sha256:" if inside_archives else "same contents"
    assert alike in verified and "1 of 1" in verified
    again = said(bundle / "reproduce.sh", "--yes", "--rebuild", "--output", tmp_path / "again")
    assert "same contents" in again and "1 of 1" in again

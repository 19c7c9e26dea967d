"""Podman and Buildah as Debian trixie has them, over the whole path."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from repropack.engines.docker import DockerEngine
from tests.cli.driver import REPROPACK, environment, project
from tests.integration import other_release
from tests.integration.engine_bundle import PODMAN_SETTINGS, bookworm

pytestmark = [pytest.mark.engine, pytest.mark.network, pytest.mark.slow]

PACKAGES = (
    *("podman", "buildah", "conmon", "runc", "netavark", "aardvark-dns", "passt", "catatonit"),
    *("iptables", "nftables", "golang-github-containers-common"),
)
CONFIG = """
    name: newer-podman
    experiments:
      e:
        run: python e.py {seed}
        seeds: [1, 2, 3]
        metrics: {v: {stdout: 'v=(.*)'}}
    claims: [{id: v, metric: e.v, value: "2", tolerance: 5}]
"""


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Those with which Podman 5 is the only engine, and has the base."""
    directory = tmp_path_factory.mktemp("trixie")
    settings = directory / "containers.conf"
    settings.write_text(PODMAN_SETTINGS)
    with other_release.programs(directory, "trixie", PACKAGES, ("podman", "buildah")) as there:
        env = {
            **environment(),
            "CONTAINERS_CONF": str(settings),
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
            "PATH": f"{there}:{os.environ['PATH']}",
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
        }
        base = ["docker", "save", bookworm(DockerEngine()).tag]
        with subprocess.Popen(base, stdout=subprocess.PIPE) as saved:
            subprocess.run(["podman", "load"], env=env, stdin=saved.stdout, check=True)
        yield env


def test_the_whole_path(variables: dict[str, str], tmp_path: Path) -> None:
    """Built twice to the same image, carried, loaded, rebuilt, run three at a time."""
    files: dict[str, str | bytes] = {
        "repropack.yaml": CONFIG,
        "e.py": "import sys\nimport iniconfig\nprint('v=' + sys.argv[1])\n",
        "requirements.txt": "iniconfig==2.1.0\n",
    }
    made = project(tmp_path / "project", files)
    bundle = tmp_path / "bundle"

    def said(*words: str | Path) -> str:
        done = subprocess.run(list(map(str, words)), env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert said("podman", "--version").split()[-1] >= "5"
    said(*REPROPACK, "build", made, "--check-reproducible", "--with-image", "-o", bundle)
    provenance = json.loads((bundle / "provenance.json").read_text())["predicate"]
    assert provenance["runDetails"]["repropack_image"]["level"] == "same image"
    tag = json.loads((bundle / "image.json").read_text())["tag"]
    said("podman", "rmi", "--force", tag)
    loaded = said(bundle / "reproduce.sh", "--yes", "--jobs", "3", "-o", tmp_path / "loaded")
    assert "loading the authors' image" in loaded and "1 of 1" in loaded
    again = said(bundle / "reproduce.sh", "--yes", "--rebuild", "-o", tmp_path / "rebuilt")
    assert "same contents" in again and "1 of 1" in again
    verified = said(*REPROPACK, "verify", bundle, "--rebuild", "-o", tmp_path / "verified")
    assert "1 of 1" in verified
    report = json.loads((tmp_path / "verified/report.json").read_text())
    assert report["engine"]["name"] == "podman" and report["engine"]["version"] >= "5"
    assert said("podman", "ps", "--all", "--quiet") == ""

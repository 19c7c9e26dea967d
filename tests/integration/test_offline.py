"""Bundles that need no network: rebuilt with an empty store of images and no interface."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from repropack.workspace import cache_directory
from tests.conftest import commit_all
from tests.integration.engine_bundle import podman, store_apart
from tests.integration.reviewer_probe import docker, repropack
from tests.unit.environment.wheelhouse import make_wheel, sha256

pytestmark = [pytest.mark.engine, pytest.mark.network]

NAME = "offline-probe"
CONFIG = f"""
name: {NAME}
experiments:
  e: {{run: python e.py, metrics: {{v: {{stdout: 'v=(\\d+)'}}}}}}
claims:
  - {{id: v, metric: e.v, value: "7"}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bundle that needs no network, and what it was made of."""

    bundle: Path
    project: Path
    variables: dict[str, str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The author's bundle, with a package that no index of this machine has."""
    directory = tmp_path_factory.mktemp("offline")
    wheel = make_wheel(directory / "house", "seven", "1.0", content="VALUE = 7\n")
    project = directory / "project"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("import seven\nprint(f'v={seven.VALUE}')\n")
    (project / "requirements.txt").write_text(f"seven==1.0 --hash=sha256:{sha256(wheel)}\n")
    commit_all(project)
    shutil.copytree(cache_directory() / "wheels", directory / "cache" / "wheels")
    variables = {
        "PIP_FIND_LINKS": str(wheel.parent),
        "REPROPACK_CACHE": str(directory / "cache"),
    }
    made = Place(bundle=directory / "bundle", project=project, variables=variables)
    build(made, made.bundle)
    yield made
    subprocess.run(
        ["docker", "rmi", "--no-prune", "-f", *docker("images", "-q", f"repropack/{NAME}").split()]
    )


def build(place: Place, out: Path) -> None:
    """Write the bundle."""
    done = repropack("build", str(place.project), "--offline", "-o", str(out), **place.variables)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[list[str]]:
    """The words in front of a command without a network; podman has no images."""
    if os.getuid():
        pytest.skip("only root can take the network away")
    for cli in podman():
        with pytest.MonkeyPatch.context() as patch:
            for name, value in store_apart(tmp_path).items():
                patch.setenv(name, value)
            assert cli.do("images", "--quiet") == ""
            yield ["unshare", "--net"]
            cli.do("system", "reset", "--force")


def test_reviewer_without_a_network(place: Place, alone: list[str], tmp_path: Path) -> None:
    """`reproduce.sh` loads the base, installs what the bundle brings, and comes to the verdict."""
    bundle = tmp_path / "bundle"
    shutil.copytree(place.bundle, bundle, symlinks=True)
    command = [*alone, str(bundle / "reproduce.sh"), "--engine", "podman"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "loading the base" in done.stderr and "fetching" not in done.stderr
    assert "reproduced: 1 of 1 claims" in done.stdout


def test_verify_without_a_network(place: Place, alone: list[str], tmp_path: Path) -> None:
    """`repropack verify BUNDLE` does the same with a cache that has nothing."""
    done = repropack(
        *("verify", str(place.bundle), "--engine", "podman", "-o", str(tmp_path / "out")),
        before=alone,
        REPROPACK_CACHE=str(tmp_path / "cache"),
    )
    assert done.returncode == 0, done.stderr
    assert "reproduced: 1 of 1 claims" in done.stdout


def test_two_bundles_are_the_same(place: Place, tmp_path: Path) -> None:
    """The base is saved to the same bytes, and so is everything else."""
    build(place, tmp_path / "again")
    sums = [path.joinpath("SHA256SUMS").read_text() for path in (place.bundle, tmp_path / "again")]
    assert sums[0] == sums[1]
    assert "base/base.tar.gz" in sums[0] and "wheels.sha256" in sums[0]
    assert list((place.bundle / "wheels").glob("seven-1.0-*.whl"))


def test_another_base_is_refused(place: Place, tmp_path: Path) -> None:
    """A base that somebody has exchanged is exit code 7, before anything is loaded."""
    bundle = tmp_path / "bundle"
    shutil.copytree(place.bundle, bundle, symlinks=True)
    with (bundle / "base" / "base.tar.gz").open("ab") as file:
        file.write(b"more")
    done = subprocess.run([str(bundle / "reproduce.sh")], capture_output=True, text=True)
    assert done.returncode == 7 and "base/base.tar.gz" in done.stderr


def test_no_container_has_no_base(place: Place) -> None:
    """`--offline` with the engine that has no images is a usage error."""
    done = repropack("build", str(place.project), "--offline", "--engine", "venv")
    assert done.returncode == 2 and "--engine docker" in done.stderr

"""The Debian packages that a base is made of: in a bundle, and a base made again of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from repropack import assets
from repropack.bundle import Bundle, read_bundle
from repropack.debian.debs import Deb
from repropack.engines.debs import provide_debs
from repropack.errors import TemporaryError
from tests.conftest import commit_all
from tests.integration.engine_bundle import ignore
from tests.integration.reviewer_probe import docker, repropack
from tests.unit.environment.wheelhouse import sha256

NAME = "deb-probe"
CONFIG = f"""
name: {NAME}
environment: {{python: "3.11", apt: [libgomp1]}}
experiments:
  e: {{run: python e.py, metrics: {{v: {{stdout: 'v=(\\d+)'}}}}}}
claims:
  - {{id: v, metric: e.v, value: "7"}}
"""
#: Runs a command without a network, with lists of apt that are nobody's; 99 if they are emptied.
APART = (
    *("unshare", "--net", "--mount", "sh", "-c"),
    "lists=/var/lib/apt/lists; mount -t tmpfs none $lists && : >$lists/mine_InRelease || exit 98\n"
    '"$@"; code=$?; [ -e $lists/mine_InRelease ] || exit 99; exit $code',
    "sh",
)
SPY = '#!/bin/sh\necho "$0" "$@" >>"$SPIED"\n'


def spied(directory: Path) -> dict[str, str]:
    """Variables by which the programs that read packages or install them only say so."""
    for name in ("dpkg-deb", "mmdebstrap", "debootstrap"):
        (directory / name).write_text(SPY)
        (directory / name).chmod(0o755)
    return {"PATH": f"{directory}:{os.environ['PATH']}", "SPIED": str(directory / "called")}


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ("a\t1\tamd64\t{}\n", "exchanged"),
        ("a\t1\tamd64\t{}\n", None),
        ("../a\t1\tamd64\t{}\n", "honest"),
        ("a\t../1\tamd64\t{}\n", "honest"),
        ("a\t1\t../amd64\t{}\n", "honest"),
        ("-a\t1\tamd64\t{}\n", "honest"),
        ("a\t1\tamd64\tunknown\n", "honest"),
        ("a\t1\tamd64\t{}\nb\t1\tamd64\t{}\n", "honest"),
    ],
)
def test_nothing_reads_a_package_that_is_not_the_recorded_one(
    line: str, content: str | None, tmp_path: Path
) -> None:
    """Another file, a missing one, a strange name: base.sh ends with 7, and has called nobody."""
    honest, debs, tools = tmp_path / "honest", tmp_path / "debs", tmp_path / "tools"
    honest.write_text("honest")
    debs.mkdir()
    tools.mkdir()
    if content is not None:
        (debs / "a_1_amd64.deb").write_text(content)
    (tmp_path / "base.debs.tsv").write_text(line.replace("{}", sha256(honest)))
    variables = {**os.environ, **spied(tools), "REPROPACK_DEBS": str(debs)}
    command = ["sh", str(assets.base_script()), "bookworm", str(tmp_path / "rootfs.tar")]
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.returncode == 7, done.stderr
    assert not (tools / "called").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("base.debs.tsv", "debs", "honest", "tools")
    ]


@pytest.mark.network
def test_a_version_that_the_mirror_no_longer_has(tmp_path: Path) -> None:
    """It is named, with what to do about it, and is temporary: exit code 75."""
    if shutil.which("mmdebstrap") is None:
        pytest.skip("there is no mmdebstrap")
    gone = Deb(name="bash", version="1.0-1", architecture="amd64", sha256="a" * 64)
    with pytest.raises(TemporaryError, match=r"no longer has 1 of .*: bash 1\.0-1") as caught:
        provide_debs("bookworm", (gone,), cache=tmp_path, progress=ignore, base="the/base")
    assert caught.value.exit_code == 75
    assert "--base bootstrap" in (caught.value.hint or "")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """A bundle that needs no network, on a base of Debian's packages."""
    yield built(tmp_path_factory.mktemp("debs"))
    left = docker("images", "-q", f"repropack/{NAME}").split()
    subprocess.run(["docker", "rmi", "--no-prune", "-f", *left], capture_output=True)


def built(directory: Path) -> Bundle:
    """The bundle, made with a cache that has nothing."""
    project = directory / "project"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("print('v=7')\n")
    commit_all(project)
    out, cache = str(directory / "bundle"), str(directory / "cache")
    done = repropack("build", str(project), "--offline", "-o", out, REPROPACK_CACHE=cache)
    assert done.returncode == 0, done.stderr
    return read_bundle(Path(out))


@pytest.mark.engine
@pytest.mark.network
def test_a_bundle_brings_every_package_of_its_base(bundle: Bundle, tmp_path: Path) -> None:
    """`debs/` has exactly the files of base.debs.tsv, and a second bundle has the same bytes."""
    assert bundle.brings_debs and len(bundle.debs) > 80
    files = {path.name: sha256(path) for path in (bundle.directory / "debs").iterdir()}
    assert files == {deb.filename: deb.sha256 for deb in bundle.debs}
    assert built(tmp_path).sums_sha256 == bundle.sums_sha256


def rebuilt(bundle: Bundle, directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The bundle verified, its image built again, with Docker and without a network."""
    if os.getuid():
        pytest.skip("only root can take the network away")
    options = ("--engine", "docker", "--rebuild", *words, "-o", str(directory / "out"))
    return repropack(
        *("verify", str(bundle.directory), *options),
        before=APART,
        REPROPACK_CACHE=str(directory / "cache"),
    )


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.slow
def test_the_base_is_made_again_without_a_network(bundle: Bundle, tmp_path: Path) -> None:
    """Of its packages alone comes the layer that the manifest names; the report says so.

    The lists of the machine's own apt are left alone.
    """
    done = rebuilt(bundle, tmp_path, "--allow", "debs")
    assert done.returncode == 0, done.stderr
    said = f"made again of its {len(bundle.debs)} Debian packages, the same to the bit"
    assert f"base: {said}" in done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert said in json.dumps(report["environment"])
    assert "repropack/again" not in docker("images", "repropack/again")


@pytest.mark.engine
@pytest.mark.network
def test_scripts_of_a_stranger_are_not_run_unasked(bundle: Bundle, tmp_path: Path) -> None:
    """Without `--allow debs` the image is built on the bundle's base, and that is told."""
    done = rebuilt(bundle, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "not made again" in done.stderr and "--allow debs" in done.stderr


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.slow
def test_the_script_makes_the_base_again(bundle: Bundle, tmp_path: Path) -> None:
    """`reproduce.sh --rebuild` does the same where `REPROPACK_DEBS` asks for it."""
    if os.getuid():
        pytest.skip("only root can take the network away")
    copy = tmp_path / "a bundle"
    shutil.copytree(bundle.directory, copy, symlinks=True)
    command = ["unshare", "--net", str(copy / "reproduce.sh"), "--rebuild", "--engine", "docker"]
    asked = {**os.environ, "REPROPACK_DEBS": "yes"}
    done = subprocess.run(command, env=asked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = f"made again of its {len(bundle.debs)} Debian packages, the same to the bit"
    assert f"base: {said}" in done.stderr
    assert "repropack/again" not in docker("images", "repropack/again")

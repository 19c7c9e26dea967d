"""A bundle that brings its image: nothing is built, without a network and with an empty store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from repropack.bundle import checksums
from tests.conftest import commit_all
from tests.integration.engine_bundle import Cli
from tests.integration.reviewer_probe import docker, repropack
from tests.integration.test_offline import alone

pytestmark = pytest.mark.engine

__all__ = ["alone"]  # a fixture

NAME = "brought-probe"
CONFIG = f"""
name: {NAME}
experiments:
  e: {{run: python e.py, metrics: {{v: {{stdout: 'v=(\\d+)'}}}}}}
claims:
  - {{id: v, metric: e.v, value: "7"}}
"""
PROVED = "reproduced: 1 of 1 claims"
SAME = "same contents as the author's image"


class Made(NamedTuple):
    """The author's bundle, its project, and its image."""

    bundle: Path
    project: Path
    tag: str
    id: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A bundle that was built with its image."""
    directory = tmp_path_factory.mktemp("brought")
    project, bundle = directory / "project", directory / "bundle"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("print('v=7')\n")
    commit_all(project)
    done = repropack("build", str(project), "--with-image", "-o", str(bundle))
    assert done.returncode == 0, done.stderr
    record = json.loads((bundle / "image.json").read_bytes())
    yield Made(bundle, project, record["tag"], record["id"])
    forget(record["tag"])


def forget(tag: str) -> None:
    """Make Docker lose the image."""
    subprocess.run(["docker", "rmi", "--force", tag], capture_output=True, check=False)


def copied(made: Made, tmp_path: Path) -> Path:
    """A bundle that a test may write to."""
    return Path(shutil.copytree(made.bundle, tmp_path / "bundle", symlinks=True))


def script(bundle: Path, *words: str, before: tuple[str, ...] = ()) -> tuple[int, str, str]:
    """Call reproduce.sh: its exit code, and what it says."""
    command = [*before, str(bundle / "reproduce.sh"), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_the_bundle(made: Made) -> None:
    """Both files are listed, the id is the engine's, and the label names the rest of the bundle."""
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=made.bundle, check=True)
    listed = checksums.parse_sums((made.bundle / "SHA256SUMS").read_text())
    assert listed.keys() >= {"image.json", "image.tar.zst"} and [*listed] == sorted(listed)
    own = docker("image", "inspect", "--format", "{{.Id}}", made.tag).strip()
    built_by = json.loads((made.bundle / "image.json").read_bytes())["built_by"]
    assert (own == made.id) is ("left_out" not in built_by)  # login names, if the engine told any
    label = '{{index .Config.Labels "repropack.bundle"}}'
    found = docker("image", "inspect", "--format", label, made.tag).strip()
    assert found == checksums.check(made.bundle).digest


def test_both_load_it_with_docker(made: Made, tmp_path: Path) -> None:
    """`verify` and `reproduce.sh` load the author's image, and build nothing."""
    bundle = copied(made, tmp_path)
    forget(made.tag)
    out = tmp_path / "out"
    cache = {"REPROPACK_CACHE": str(tmp_path / "cache")}
    done = repropack("verify", str(bundle), "--engine", "docker", "-o", str(out), **cache)
    assert done.returncode == 0 and PROVED in done.stdout, done.stderr
    assert "from the bundle" in done.stderr and "building" not in done.stderr
    assert json.loads((out / "report.json").read_bytes())["image"]["id"] == made.id
    forget(made.tag)
    code, table, said = script(bundle, "--engine", "docker")
    assert code == 0 and PROVED in table, said
    assert "loading the authors' image" in said and "building" not in said
    assert docker("image", "inspect", "--format", "{{.Id}}", made.tag).strip() == made.id


@pytest.mark.slow
def test_both_load_it_with_podman(made: Made, alone: list[str], tmp_path: Path) -> None:
    """The same with podman, which has no images and no network."""
    bundle, podman = copied(made, tmp_path), Cli("podman")
    words = ("--engine", "podman", "-o", str(tmp_path / "out"))
    done = repropack("verify", str(bundle), *words, before=alone)
    assert done.returncode == 0 and PROVED in done.stdout, done.stderr
    names = podman.do("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "--no-trunc")
    assert names.split() == [f"localhost/{made.tag}", made.id]
    podman.do("rmi", made.tag)
    code, table, said = script(bundle, "--engine", "podman", before=tuple(alone))
    assert code == 0 and PROVED in table and "loading the authors' image" in said, said
    names = podman.do("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "--no-trunc")
    assert names.split() == [f"localhost/{made.tag}", made.id]


def test_rebuild_compares(made: Made, tmp_path: Path) -> None:
    """`--rebuild` builds; both ways say how like the author's it is, and leave none untagged.

    `verify` compares files, whatever the author's image was written without.
    """
    bundle, out = copied(made, tmp_path), str(tmp_path / "out")
    built_by = json.loads((bundle / "image.json").read_bytes())["built_by"]
    rewritten = "left_out" in built_by
    likeness = "was written without what" if rewritten else "image: what was built here"
    titled = ("--filter", f"label=org.opencontainers.image.title={NAME}")
    untagged = ("images", "--quiet", "--filter", "dangling=true", *titled)
    before = docker(*untagged)
    code, _, said = script(bundle, "--engine", "docker", "--rebuild")
    assert code == 0 and likeness in said, said
    done = repropack("verify", str(bundle), "--engine", "docker", "--rebuild", "-o", out)
    assert done.returncode == 0, done.stderr
    assert "from the bundle" not in done.stderr
    assert SAME in done.stderr or "is the author's image, sha256:" in done.stderr
    assert docker(*untagged) == before
    forget(made.tag)


def test_rebuild_tells_what_the_author_changed(made: Made, tmp_path: Path) -> None:
    """A file that is in the author's image and not in its recipe is named."""
    bundle, out = tmp_path / "bundle", str(tmp_path / "out")
    done = repropack("build", str(made.project), "-o", str(tmp_path / "first"))
    assert done.returncode == 0, done.stderr
    container = docker("create", "--network", "none", made.tag)
    try:
        (tmp_path / "motd").write_text("hello\n")
        docker("cp", str(tmp_path / "motd"), f"{container}:/etc/added")
        docker("commit", container, made.tag)
    finally:
        docker("rm", "--force", container)
    done = repropack("build", str(made.project), "--with-image", "-o", str(bundle))
    assert done.returncode == 0, done.stderr
    done = repropack("verify", str(bundle), "--engine", "docker", "--rebuild", "-o", out)
    forget(made.tag)
    assert done.returncode == 0 and SAME not in done.stderr, done.stderr
    assert "etc/added" in done.stderr


def test_what_cannot_be_unpacked_is_built(made: Made, tmp_path: Path) -> None:
    """With an engine and a machine that know no zstd, reproduce.sh says so and builds."""
    bundle = copied(made, tmp_path)
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    real = shutil.which("docker")
    refusing = '[ "$1" != load ] || { echo "unknown archive" >&2; exit 1; }'
    engine.write_text(f'#!/bin/sh\n{refusing}\nexec {real} "$@"\n')
    engine.chmod(0o755)
    for name in ("zstd", "python3"):
        (engine.parent / name).write_text("#!/bin/sh\nexit 1\n")
        (engine.parent / name).chmod(0o755)
    forget(made.tag)
    path = ("env", f"PATH={engine.parent}:/usr/bin:/bin")
    code, table, said = script(bundle, "--engine", "docker", before=path)
    assert code == 0 and PROVED in table, said
    assert "unknown archive" in said and "it cannot be loaded, so it is built" in said
    forget(made.tag)


def test_another_image_is_refused(made: Made, tmp_path: Path) -> None:
    """An image that somebody exchanged is exit code 7 in both ways, and is not loaded."""
    bundle = copied(made, tmp_path)
    forget(made.tag)
    with (bundle / "image.tar.zst").open("ab") as file:
        file.write(b"more")
    assert script(bundle)[0] == 7
    assert repropack("verify", str(bundle)).returncode == 7
    sums = (bundle / "SHA256SUMS").read_text()
    digest = checksums.sha256_of(bundle / "image.tar.zst")
    old = checksums.sha256_of(made.bundle / "image.tar.zst")
    (bundle / "SHA256SUMS").write_text(sums.replace(old, digest))  # sealed again by its sender
    done = repropack("verify", str(bundle), "-o", str(tmp_path / "out"))
    assert done.returncode == 7 and "is not the image of this bundle" in done.stderr
    assert docker("images", "--quiet", made.tag) == ""


def test_other_tools_read_it(made: Made, tmp_path: Path) -> None:
    """skopeo takes it for an OCI archive and for one of Docker's, with the same id."""
    if shutil.which("skopeo") is None:
        assert os.environ.get("CI") != "true", "apt-get install skopeo"
        pytest.skip("there is no skopeo")
    for kind in ("oci-archive", "docker-archive"):
        out = tmp_path / kind
        command = ["skopeo", "copy", "-q", "--insecure-policy"]
        archive = f"{kind}:{made.bundle / 'image.tar.zst'}"
        subprocess.run([*command, archive, f"dir:{out}"], check=True)
        config = json.loads((out / "manifest.json").read_bytes())["config"]["digest"]
        assert config == made.id


def test_no_container_has_no_image(made: Made) -> None:
    """`--with-image` with the engine that has no images is a usage error."""
    done = repropack("build", str(made.project), "--with-image", "--engine", "venv")
    assert done.returncode == 2 and "--engine docker" in done.stderr

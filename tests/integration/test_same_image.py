"""The same image: two builds with every builder, and the reviewer's against the author's."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repropack.engines import Image
from repropack.engines.archive import reader
from repropack.engines.docker import DockerEngine
from repropack.engines.podman import PodmanEngine
from repropack.judge.imagediff import compare
from repropack.judge.imagefiles import Listing, read_image
from tests.cli.driver import project, remove_images, repropack
from tests.integration.engine_bundle import (
    Cli,
    bookworm,
    buildkit_cli,
    dockerfile,
    ignore,
    podman,
)
from tests.integration.reviewer_probe import engine_path
from tests.unit.bundle.made import reproduce

pytestmark = [pytest.mark.engine, pytest.mark.network]

NAME = "same-image"
CONFIG = f"""
    name: {NAME}
    experiments: {{e: {{run: python e.py, metrics: {{v: {{stdout: 'v=(.*)'}}}}}}}}
    claims: [{{id: v, metric: e.v, value: "1"}}]
"""
LEVELS = {
    "legacy": "same contents",
    "buildkit": "same contents",
    "podman": "same image",
    "buildah": "same image",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with one package, so that something is installed."""
    files: dict[str, str | bytes] = {
        "repropack.yaml": CONFIG,
        "e.py": "import iniconfig\nprint('v=1')\n",
        "requirements.txt": "iniconfig==2.1.0\n",
    }
    yield project(tmp_path_factory.mktemp("same") / "project", files)
    remove_images(NAME)


# Buildah makes the image that Podman makes, so the long checks alone ask it.
SELDOM = {"buildah": [pytest.mark.slow]}


@pytest.fixture(params=[pytest.param(name, marks=SELDOM.get(name, ())) for name in LEVELS])
def builder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each builder, behind the command that has it."""
    name: str = request.param
    if name in ("podman", "buildah"):
        for cli in podman():
            yield name
            tags = cli.do("images", "--format", "{{.Repository}}:{{.Tag}}").split()
            for tag in (tag for tag in tags if f"repropack/{NAME}:" in tag):
                cli.do("rmi", tag)
        return
    program = buildkit_cli()
    if name == "buildkit" and program is None:
        pytest.skip("no docker command here can build with BuildKit")
    if name == "buildkit":
        monkeypatch.setenv("PATH", str(Path(str(program)).parent), prepend=os.pathsep)
    yield name


def engine_of(builder: str) -> str:
    """The engine that has a builder."""
    return "podman" if builder in ("podman", "buildah") else "docker"


class Bundles:
    """The bundle of each builder, made when it is first asked for, and what the build found."""

    def __init__(self, made: Path, directory: Path) -> None:
        self.made = made
        self.directory = directory
        self.found: dict[str, dict[str, Any]] = {}

    def of(self, builder: str) -> tuple[Path, dict[str, Any]]:
        """`build --check-reproducible` with a builder."""
        out = self.directory / builder
        if builder not in self.found:
            done = repropack(
                *("build", self.made, "--check-reproducible", "--json", "-o", out),
                *("--engine", engine_of(builder), "--builder", builder),
                timeout_s=600,
            )
            assert done.code == 0, done.said
            self.found[builder] = json.loads(done.out)["reproducible"]
        return out, self.found[builder]


@pytest.fixture(scope="module")
def bundles(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    """A bundle for each builder."""
    return Bundles(made, tmp_path_factory.mktemp("bundles"))


def test_level_of_each_builder(bundles: Bundles, builder: str) -> None:
    """Two clean builds are the same image, or have the same contents; the bundle records which."""
    bundle, found = bundles.of(builder)
    assert found["level"] == LEVELS[builder], found
    predicate = json.loads((bundle / "provenance.json").read_text())["predicate"]
    recorded = predicate["runDetails"]["repropack_image"]
    assert recorded["level"] == LEVELS[builder]
    assert recorded["files_sha256"] == found["files_sha256"]
    assert predicate["buildDefinition"]["internalParameters"]["builder"] == builder
    assert engine_of(builder) in predicate["runDetails"]["builder"]["version"]
    assert "repropack/again" not in Cli(engine_of(builder)).do("images")
    with gzip.open(bundle / "image-files.tsv.gz", "rt") as lines:
        assert any("site-packages/iniconfig/__init__.py" in line for line in lines)


def test_builders_agree(bundles: Bundles, builder: str) -> None:
    """Whichever builder makes it, an image has the same files: every byte, owner and mode."""
    assert bundles.of(builder)[1]["files_sha256"] == bundles.of("legacy")[1]["files_sha256"]


@pytest.mark.parametrize("builder", ["podman"], indirect=True)
def test_verify_tells_how_the_image_is_like_the_authors(
    bundles: Bundles, builder: str, tmp_path: Path
) -> None:
    """`verify --rebuild` finds the same id where the builder can, else the same contents."""
    for author, level in (("legacy", "same contents"), (builder, "same image")):
        out = tmp_path / author
        words = ("--engine", "podman", "-o", out, "--json")
        done = repropack("verify", bundles.of(author)[0], "--rebuild", *words, timeout_s=600)
        assert done.code == 0, done.said
        assert json.loads(done.out)["image"]["authors"]["level"] == level, done.said
        assert "image: " in done.err


@pytest.mark.slow
def test_reproduce_sh_tells_the_same(bundles: Bundles, tmp_path: Path) -> None:
    """`reproduce.sh --rebuild` finds the same contents, and names what differs where it does."""
    bundle, path = tmp_path / "bundle", engine_path(tmp_path / "bin")
    shutil.copytree(bundles.of("legacy")[0], bundle, symlinks=True)
    done = reproduce(bundle, "--rebuild", "-o", str(tmp_path / "o"), path=path)
    assert done.returncode == 0, done.stderr
    assert "image: same contents as the authors' image: " in done.stderr
    listed = bundle / "image-files.tsv.gz"
    lines = gzip.decompress(listed.read_bytes()).decode().splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if line.endswith("\twork/e.py\n"))
    lines[number] = lines[number].replace("0644", "0600")
    listed.write_bytes(gzip.compress("".join(lines).encode()))
    done = reproduce(bundle, "--rebuild", "-o", str(tmp_path / "o"), path=path)
    assert done.returncode == 0, done.stderr
    assert "files differ from the authors' image:\n    work/e.py: mode" in done.stderr
    assert "work/e.py: mode" in (tmp_path / "o" / "image-differences.txt").read_text()
    listed.unlink()
    done = reproduce(bundle, "--rebuild", "-o", str(tmp_path / "o"), path=path)
    assert done.returncode == 0 and "is not known" in done.stderr.replace("\n  ", " ")
    assert not (tmp_path / "o" / "image-differences.txt").exists()


def listing(engine: DockerEngine | PodmanEngine, image: Image) -> Listing:
    """The files of an image."""
    with reader(engine.save(image)) as stream:
        return read_image(stream)


def test_what_differs_is_named(builder: str, tmp_path: Path) -> None:
    """A step that writes another thing each time is found by the file that it wrote."""
    engine: DockerEngine | PodmanEngine
    if engine_of(builder) == "podman":
        engine = PodmanEngine(builder=builder)
    else:
        engine = DockerEngine(builder=builder, cli=buildkit_cli())
    base = bookworm(engine)
    text = f"FROM {base.tag}\nRUN cat /proc/sys/kernel/random/uuid >/now && echo x >/fixed\n"
    found = []
    for number in range(2):
        wanted = dockerfile(tmp_path / f"context{number}", text)
        recipe = type(wanted)(context=wanted.context, tag=wanted.tag, log=wanted.log, fresh=True)
        found.append(listing(engine, engine.build(recipe, ignore)))
        engine.remove_image(wanted.tag)
    with found[0], found[1]:
        different = compare(*found)
    assert [(each.path, each.what[0]) for each in different.named] == [("now", "content")]


def test_no_image_no_comparison(made: Path) -> None:
    """An engine that makes no image is refused before anything is built."""
    done = repropack("build", made, "--check-reproducible", "--engine", "venv")
    assert done.code == 2 and "--engine docker" in done.err

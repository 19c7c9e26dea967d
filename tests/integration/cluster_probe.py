"""Images for runtimes without a daemon, and the runtimes: fixtures."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from repropack.engines import Image
from repropack.engines.carried import write_image
from repropack.engines.cluster import ClusterEngine
from repropack.engines.docker import DockerEngine
from repropack.errors import NoEngineError
from repropack.marks import owner
from repropack.zstd import library
from tests.integration import other_release
from tests.integration.engine_bundle import bookworm, ignore, recipe, write_context

# Of Apptainer: a user without rights, who owns what root owns outside.
NOBODY = 65534
PROBE_TAG = "repropack-test/cluster:1"
APPTAINER = pytest.param("apptainer", marks=(pytest.mark.slow, pytest.mark.network))
RUNTIMES = ("charliecloud", APPTAINER)


@pytest.fixture(scope="module", params=RUNTIMES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterEngine]:
    """A runtime, with a cache of its own."""
    found = ClusterEngine(request.param, directory=tmp_path_factory.mktemp("unpacked"))
    with ExitStack() as stack:
        if request.param == "apptainer":
            there = stack.enter_context(apptainer(tmp_path_factory.mktemp("apptainer")))
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("PATH", f"{there}:{os.environ['PATH']}")
        try:
            found.check()
        except NoEngineError as error:
            assert os.environ.get("CI") != "true", error.what
            pytest.skip(error.what)
        yield found


def apptainer(directory: Path) -> AbstractContextManager[Path]:
    """A directory with Apptainer, which a user without rights starts."""
    user = f"unshare --user --map-user={NOBODY} --map-group={NOBODY}"
    return other_release.programs(
        directory, "unstable", ("apptainer",), ("apptainer",), before=user
    )


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The probe's image as a bundle carries it."""
    directory = tmp_path_factory.mktemp("probe")
    docker = DockerEngine()
    context = write_context(directory / "context", base=bookworm(docker).tag)
    built = docker.build(recipe(context, directory / "build.log", tag=PROBE_TAG), ignore)
    write_image(docker, built, directory / "image.tar.zst")
    yield directory / "image.tar.zst"
    docker.remove_image(PROBE_TAG)


@pytest.fixture(scope="module")
def image(engine: ClusterEngine, archive: Path) -> Image:
    """It is unpacked."""
    with subprocess.Popen(["sleep", "60"]) as somebody:
        left = engine.directory / f".unpacking-{owner(somebody.pid)}"
        left.mkdir()
        somebody.kill()
    with library().open(archive) as file:
        engine.load_pieces(iter(lambda: file.read(1 << 16), b""), archive.name)
    found = engine.image(PROBE_TAG)
    assert found is not None and not left.exists()
    return found

"""The docker engine against a real daemon."""

from __future__ import annotations

import secrets
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repropack.engines import Image
from repropack.engines.docker import DockerEngine
from tests.integration.engine_bundle import (
    NAME,
    bookworm,
    dockerfile,
    ignore,
    order,
    proxy_config,
    read,
    recipe,
    write_context,
)

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def base() -> Image:
    """The default base; the first test run on a machine makes it."""
    return bookworm(DockerEngine())


@pytest.fixture(scope="session")
def image(base: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The probe's image."""
    context = write_context(tmp_path_factory.mktemp("probe") / "context", base=base.tag)
    engine = DockerEngine()
    built = engine.build(recipe(context, context.parent / "build.log"), ignore)
    yield built
    engine.remove_image(built.tag)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Every test here also proves that no container and no volume outlives it."""
    before = _volumes()
    yield
    assert _containers(DockerEngine()) == []
    for _ in range(60):
        if not _volumes() - before:
            return
        time.sleep(0.5)  # somebody else's runs, on a machine that is shared, come to an end
    raise AssertionError(f"volumes are left behind: {_volumes() - before}")


def _containers(engine: DockerEngine) -> list[str]:
    """The containers of the runs that are started here."""
    filters = {"label": "repropack.run=1", "name": NAME}
    return [str(found["Id"]) for found in engine.client.containers(all=True, filters=filters)]


def _volumes() -> set[str]:
    return {str(found["Name"]) for found in DockerEngine().client.volumes()["Volumes"] or []}


def test_proxies_of_the_docker_config_stay_out(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxies that the docker CLI would lend to containers do not reach a run."""
    proxy_config(tmp_path / "config", monkeypatch)
    DockerEngine().run(order(image, "isolation", tmp_path / "out"), ignore)
    facts = read(tmp_path / "out" / "outputs" / "facts.json")
    assert [name for name in facts["environment"] if "proxy" in name.lower()] == []


@pytest.mark.slow
def test_overhead(image: Image, tmp_path: Path) -> None:
    """A run costs at most a second more than `docker run --rm` of the same image."""
    ours, bare = [], []
    for number in range(3):
        began = time.perf_counter()
        DockerEngine().run(order(image, "fail", tmp_path / f"out{number}"), ignore)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        subprocess.run(
            ["docker", "run", "--rm", "--network", "none", image.tag, "true"], check=True
        )
        bare.append(time.perf_counter() - began)
    assert statistics.median(ours) - statistics.median(bare) < 1.0


def test_check_describes_the_machine() -> None:
    """A daemon that answers is described: version, processors, memory, free disk."""
    facts = DockerEngine().check()
    assert facts.version and facts.cpus and facts.memory_bytes
    assert facts.builder in ("legacy", "buildkit")
    assert facts.disk_free_bytes is None or facts.disk_free_bytes > 0


def test_legacy_build_leaves_no_thrown_away_stage(base: Image, tmp_path: Path) -> None:
    """Of a stage that only lends files, nothing stays: with CUDA it would be gigabytes."""
    marker = secrets.token_hex(8)
    recipe = dockerfile(
        tmp_path,
        f"FROM {base.tag} AS first\nLABEL made-by={marker}\nCOPY file /file\nRUN cp /file /copy\n"
        f"FROM {base.tag}\nLABEL made-by={marker}\nCOPY --from=first /copy /copy\n",
    )
    (recipe.context / "file").write_text(marker)
    engine = DockerEngine(builder="legacy")
    built = engine.build(recipe, lambda line: None)
    try:
        images = engine.client.images(all=True, filters={"label": f"made-by={marker}"})
        holding = [each["Id"] for each in images if each["Size"] > base.size_bytes]
        assert holding == [built.id]
    finally:
        engine.remove_image(recipe.tag)

"""One layer added past the legacy builder is the layer that the builder makes."""

from __future__ import annotations

import io
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repropack.engines import BuildRecipe
from repropack.engines import docker_build as module
from repropack.engines.docker import DockerEngine
from repropack.engines.docker_add import recognise
from repropack.errors import BuildError
from tests.integration.engine_bundle import bookworm, ignore

LABELS = 'LABEL one="a \\"b\\" \\$HOME" \\\n      two.name="ü # c"\n'
LIST = "cd / && find work repropack -printf '%p %m %U:%G %y %s %T@ %l\\n' | sort"


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("FROM a:b\nADD layer.tar /\nLABEL a=b \\\n      c=d\n", True),
        ("FROM a:b\nADD layer.tar /\nLABEL a=b\nRUN true\n", False),
        ("FROM a:b\nADD layer.tar /work\nLABEL a=b\n", False),
        ("FROM a:b AS c\nADD layer.tar /\nLABEL a=b\n", False),
        ("FROM a:b\nADD ../layer.tar /\nLABEL a=b\n", False),
    ],
)
def test_nothing_else_is_recognised(text: str, known: bool) -> None:
    """Every other Dockerfile is the builder's."""
    assert (recognise(text) is not None) is known


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    """An engine; the images made with it are gone afterwards."""
    engine = DockerEngine(builder="legacy")
    yield engine
    for found in engine.client.images("repropack-test/add"):
        for tag in found["RepoTags"]:
            engine.client.remove_image(tag)


def recipe(engine: DockerEngine, directory: Path) -> BuildRecipe:
    """A layer with a file, a link and a directory of three owners, and labels that need quotes."""
    directory.mkdir()
    with tarfile.open(directory / "layer.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind, mode, owner in (
            ("work", tarfile.DIRTYPE, 0o755, 1000),
            ("work/d", tarfile.DIRTYPE, 0o750, 1000),
            ("work/d/ü", tarfile.REGTYPE, 0o640, 1000),
            ("work/link", tarfile.SYMTYPE, 0o777, 1000),
            ("repropack", tarfile.DIRTYPE, 0o755, 0),
            ("repropack/judge", tarfile.REGTYPE, 0o755, 0),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.gid, info.mtime = kind, mode, owner, owner, 86400
            info.linkname = "d/ü" if kind == tarfile.SYMTYPE else ""
            info.size = 3 if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(b"abc"))
    text = f"FROM {bookworm(engine).tag}\nADD layer.tar /\n{LABELS}"
    (directory / "Dockerfile").write_text(text, "utf-8")
    tag = f"repropack-test/add:{uuid.uuid4().hex}"
    return BuildRecipe(context=directory, tag=tag, log=directory.with_suffix(".log"))


def seen(engine: DockerEngine, tag: str) -> tuple[str, dict[str, Any]]:
    """The files of an image, and what it says of its containers."""
    client = engine.client
    made = client.create_container(image=tag, command=["/bin/sh", "-c", LIST], user="0:0")
    try:
        client.start(made)
        assert client.wait(made)["StatusCode"] == 0
        listing = client.logs(made).decode()
    finally:
        client.remove_container(made, force=True)
    config = dict(client.inspect_image(tag)["Config"])  # type: ignore[no-untyped-call]
    return listing, {
        key: value for key, value in config.items() if key not in ("Hostname", "Image")
    }


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """What the containers of this test are called: others may be made at the same time."""
    mark = uuid.uuid4().hex
    monkeypatch.setattr("repropack.engines.docker_add.mark", lambda: mark)
    return mark


@pytest.mark.engine
def test_same_image(
    engine: DockerEngine, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Owners, modes, times, links, labels and everything inherited are what the builder gives."""
    ours, theirs = recipe(engine, tmp_path / "ours"), recipe(engine, tmp_path / "theirs")
    module.build_legacy(engine.client, ours, ignore)
    assert "added layer.tar" in ours.log.read_text("utf-8")
    assert not engine.client.containers(all=True, filters={"name": mark})
    monkeypatch.setattr(module, "add", lambda *_: False)
    module.build_legacy(engine.client, theirs, ignore)
    assert "Step 2/3 : ADD" in theirs.log.read_text("utf-8")
    assert seen(engine, ours.tag) == seen(engine, theirs.tag)


@pytest.mark.engine
def test_what_cannot_be_added_is_the_builders(
    engine: DockerEngine, mark: str, tmp_path: Path
) -> None:
    """An archive that is none: the builder says what is wrong, and nothing is left behind."""
    broken = recipe(engine, tmp_path / "broken")
    dockerfile = broken.context / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text("utf-8").replace("FROM rep", "FROM no-such-rep"))
    with pytest.raises(BuildError):
        module.build_legacy(engine.client, broken, ignore)
    assert not engine.client.containers(all=True, filters={"name": mark})

"""Building images: what every builder has to do, against the real ones."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from repropack import assets
from repropack.engines import BuildRecipe, Image
from repropack.engines.base import RECIPE_LABEL, RECIPE_VERSION
from repropack.engines.docker import DockerEngine
from repropack.engines.in_use import in_use
from repropack.engines.podman import PodmanEngine
from repropack.errors import BuildError
from tests.integration.engine_bundle import (
    Cli,
    bookworm,
    buildkit_cli,
    dockerfile,
    ignore,
    podman,
    proxy_config,
)

pytestmark = pytest.mark.engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """A builder behind its engine, and the command to look at what it made."""

    name: str
    engine: DockerEngine | PodmanEngine
    cli: Cli


@pytest.fixture(scope="module", params=["legacy", "buildkit", "podman", "buildah"])
def built_by(request: pytest.FixtureRequest) -> Iterator[Builder]:
    """One of the builders."""
    name: str = request.param
    if name in ("podman", "buildah"):
        for cli in podman():
            yield Builder(name=name, engine=PodmanEngine(builder=name), cli=cli)
        return
    program = buildkit_cli()
    if name == "buildkit" and program is None:
        pytest.skip("no docker command here can build with BuildKit")
    yield Builder(name=name, engine=DockerEngine(builder=name, cli=program), cli=Cli("docker"))


@pytest.fixture(scope="module")
def base(built_by: Builder) -> Image:
    """The default base; the first test run on a machine makes it."""
    return bookworm(built_by.engine)


def test_build_tags_and_labels(built_by: Builder, base: Image, tmp_path: Path) -> None:
    """Every builder tags and labels the image, and writes the complete log."""
    text = f'FROM {base.tag}\nARG WORD=none\nRUN echo "got $WORD" && echo ünïcode\n'
    plain = dockerfile(tmp_path / "context", text)
    labels = (("repropack.test", 'a "b" c'),)  # newer Buildahs take `$c` for a variable
    engine = built_by.engine
    built = engine.build(
        BuildRecipe(
            context=plain.context,
            tag=plain.tag,
            extra_tags=("repropack-test/build:2",),
            labels=labels,
            build_args=(("WORD", "it"),),
            log=plain.log,
        ),
        ignore,
    )
    other = engine.image("repropack-test/build:2")
    assert other is not None and other.id == built.id
    assert dict(built.labels)["repropack.test"] == 'a "b" c'
    assert "got it" in plain.log.read_text()
    engine.remove_image("repropack-test/build:2")
    engine.remove_image(built.tag)
    assert engine.image(built.tag) is None


def test_a_replaced_image_is_removed(built_by: Builder, base: Image, tmp_path: Path) -> None:
    """The image that had the tag goes with its last name, but not while somebody works with it."""
    engine = built_by.engine

    def build(word: str) -> Image:
        text = f"FROM {base.tag}\nRUN echo {word} > /word\nLABEL word={word}\n"
        recipe = dockerfile(tmp_path / word, text)
        return engine.build(replace(recipe, tag="repropack-test/replaced:1"), ignore)

    first = build("first")
    second = build("second")
    assert second.id != first.id and engine.image(first.id) is None
    assert build("second").id == second.id or engine.image(second.id) is None
    held = engine.image(second.tag)
    assert held is not None
    with in_use(engine, held):
        third = build("third")
        assert engine.image(held.id) is not None
    assert engine.image(held.id) is None
    engine.tag(third, ("repropack-test/mine:1",))
    build("fourth")
    assert engine.image(third.id) is not None
    for tag in ("repropack-test/mine:1", third.tag):
        engine.remove_image(tag)


def test_build_has_no_network_and_no_proxy(
    built_by: Builder, base: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build step sees the loopback interface only, and no proxy of the docker config."""
    proxy_config(tmp_path / "config", monkeypatch)
    text = f'FROM {base.tag}\nRUN test "$(ls /sys/class/net)" = lo && ! env | grep -i proxy=.\n'
    engine = built_by.engine
    built = engine.build(dockerfile(tmp_path / "context", text), ignore)
    assert "secret" not in built_by.cli.do("history", "--no-trunc", built.id)
    engine.remove_image(built.tag)


def test_failing_step_is_named(built_by: Builder, base: Image, tmp_path: Path) -> None:
    """A failed build names the step, what the command said last, and the log."""
    text = f"FROM {base.tag}\nRUN true\nRUN echo the r'eason is this' >&2; exit 9\nRUN true\n"
    wanted = dockerfile(tmp_path / "context", text)
    steps: list[str] = []
    with pytest.raises(BuildError) as caught:
        built_by.engine.build(wanted, steps.append)
    assert "RUN echo the" in caught.value.what
    assert "the reason is this" in caught.value.what
    assert caught.value.log == wanted.log
    assert any("RUN true" in step for step in steps)


def test_missing_base_is_a_build_error(built_by: Builder, tmp_path: Path) -> None:
    """A base that is not there is an error with a log."""
    wanted = dockerfile(tmp_path / "context", "FROM repropack-test/absent:1\nRUN true\n")
    with pytest.raises(BuildError, match="could not be built"):
        built_by.engine.build(wanted, ignore)


def test_dockerignore_is_kept(built_by: Builder, base: Image, tmp_path: Path) -> None:
    """What .dockerignore names is not sent by any builder."""
    text = f"FROM {base.tag}\nCOPY . /c\nRUN test -e /c/kept/a && ! test -e /c/wheels\n"
    wanted = dockerfile(tmp_path / "context", text)
    for name in ("kept", "wheels"):
        (wanted.context / name).mkdir()
        (wanted.context / name / "a").write_text("a")
    (wanted.context / ".dockerignore").write_text("# no wheels\nwheels\n")
    engine = built_by.engine
    engine.remove_image(engine.build(wanted, ignore).tag)


@pytest.mark.parametrize("built_by", ["podman", "buildah"], indirect=True)
def test_same_image_twice(built_by: Builder, base: Image, tmp_path: Path) -> None:
    """Two builds of the same files at different times are one image, to the last bit."""
    text = f"FROM {base.tag} AS one\nRUN date +%N > /now\nFROM {base.tag}\nCOPY . /c\nLABEL a=b\n"
    ids = []
    for number in range(2):
        wanted = dockerfile(tmp_path / f"context{number}", text)
        (wanted.context / "file").write_text("the same")
        ids.append(built_by.engine.build(wanted, ignore).id)
        built_by.engine.remove_image(wanted.tag)
    assert ids[0] == ids[1]


def test_dockerfile_of_the_base(built_by: Builder, tmp_path: Path) -> None:
    """Dockerfile.base makes an image of a root file system, and adds what it says alone."""
    (tmp_path / "Dockerfile.base").write_bytes(assets.dockerfile_base().read_bytes())
    (tmp_path / "hello").write_text("hello")
    with tarfile.open(tmp_path / "rootfs.tar", "w") as archive:
        archive.add(tmp_path / "hello", "./etc/hello")
    built = built_by.engine.build(
        BuildRecipe(
            context=tmp_path,
            dockerfile="Dockerfile.base",
            tag="repropack-test/base:1",
            log=tmp_path / "log",
        ),
        ignore,
    )
    assert dict(built.labels) == {RECIPE_LABEL: RECIPE_VERSION}
    assert built_by.engine.read(built, "etc/hello") == b"hello"
    assert built_by.engine.read(built, "etc/other") is None
    built_by.engine.remove_image(built.tag)

"""Which base is taken, and what base.sh refuses: without an engine and without packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from repropack import assets
from repropack.debian.debs import DEBS_FILE, STATUS_FILE, UNKNOWN
from repropack.engines import (
    BuildRecipe,
    EngineFacts,
    Image,
    Progress,
    RunOrder,
    RunResult,
    WorkOrder,
    WorkResult,
)
from repropack.engines.base import (
    RECIPE_LABEL,
    RECIPE_VERSION,
    BaseSpec,
    base_tag,
    debs_of,
    provide_base,
)
from repropack.errors import BuildError, NoEngineError, PlanError, TemporaryError

SPEC = BaseSpec(suite="bookworm", python="3.11")
OURS = ((RECIPE_LABEL, RECIPE_VERSION),)
PULLED = Image(tag="python@sha256:" + "b" * 64, id="sha256:" + "c" * 64, size_bytes=1)


@dataclass
class Shelf:
    """An engine that only has images. `registry` is what a pull gives."""

    name: str = "shelf"
    images: dict[str, Image] = field(default_factory=dict)
    registry: Image | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def image(self, tag: str) -> Image | None:
        """The image of that name."""
        return self.images.get(tag)

    def tag(self, image: Image, tags: tuple[str, ...]) -> None:
        """One more name."""
        self.images.update(dict.fromkeys(tags, image))

    def pinned(self, tag: str) -> Image | None:
        """What was pulled is pinned, what was made here is not."""
        image = self.images.get(tag)
        return image if image is not None and "@" in image.tag else None

    def pull(self, reference: str, progress: Progress) -> Image:
        """What the registry has."""
        if self.registry is None:
            raise TemporaryError(f"no registry answers for {reference}")
        return self.registry

    def read(self, image: Image, path: str) -> bytes | None:
        """A file of an image; `reads` says which were asked for."""
        self.reads.append(path)
        return self.files.get(path)

    def check(self) -> EngineFacts:
        """Nobody asks."""
        raise AssertionError

    def build(self, recipe: BuildRecipe, progress: Progress) -> Image:
        """Nothing is built here."""
        raise AssertionError(recipe)

    def run(
        self,
        order: RunOrder,
        progress: Progress,
        stop: threading.Event | None = None,
        ended: Callable[[], None] | None = None,
    ) -> RunResult:
        """Nothing runs here."""
        raise AssertionError(order)

    def work(self, order: WorkOrder, progress: Progress) -> WorkResult:
        """Nothing is built here."""
        raise AssertionError(order)


def provide(engine: Shelf, spec: BaseSpec = SPEC, *, pull: bool = True) -> Image:
    """The base, without ever bootstrapping one."""
    return provide_base(engine, spec, allow_pull=pull, allow_bootstrap=False, progress=print)


def test_local_base_first() -> None:
    """A base that was made here is used, even where a registry answers."""
    ours = Image(tag=base_tag(SPEC), id="sha256:" + "a" * 64, size_bytes=1, labels=OURS)
    assert provide(Shelf(images={base_tag(SPEC): ours}, registry=PULLED)) == ours


def test_base_of_an_older_recipe_is_not_used() -> None:
    """A base that an older repropack made is replaced."""
    old = Image(tag=base_tag(SPEC), id="x", size_bytes=1, labels=((RECIPE_LABEL, "0"),))
    assert provide(Shelf(images={base_tag(SPEC): old}, registry=PULLED)) == PULLED


def test_pulled_base_is_pinned_and_kept() -> None:
    """A pulled base is named by its digest, and found again when the registry is gone."""
    engine = Shelf(registry=PULLED)
    assert provide(engine).tag.startswith("python@sha256:")
    engine.registry = None
    assert provide(engine) == PULLED


def test_image_of_another_day_without_a_registry() -> None:
    """What somebody pulled before is used where no registry answers, and what has no digest not."""
    name = "python:3.11-slim-bookworm"
    engine = Shelf(images={name: PULLED})
    assert provide(engine) == PULLED == engine.images[base_tag(SPEC)]
    with pytest.raises(TemporaryError):
        provide(Shelf(images={name: Image(tag=name, id="x", size_bytes=1)}))


def test_no_registry_is_temporary() -> None:
    """Where nothing may be bootstrapped, a silent registry means: try again later."""
    with pytest.raises(TemporaryError, match="no registry answers") as caught:
        provide(Shelf())
    assert caught.value.exit_code == 75


def test_debian_packages_are_never_pulled() -> None:
    """A base with packages of its own is not the registry's."""
    with pytest.raises(TemporaryError, match="is not there"):
        provide(Shelf(registry=PULLED), BaseSpec(suite="bookworm", python="3.11", apt=("a1",)))


@pytest.mark.parametrize("name", ["; rm", "-o", "a b", "$(x)", "a\nb", "", "'", "Ä", "../x"])
def test_hostile_package_names(name: str) -> None:
    """What is not the name of a Debian package never reaches a shell."""
    with pytest.raises(PlanError, match="not the name"):
        provide(Shelf(), BaseSpec(suite="bookworm", python="3.11", apt=("libgl1", name)))


def test_engine_without_images() -> None:
    """The engine that runs no container has no base."""
    from repropack.engines.venv import VenvEngine

    with pytest.raises(NoEngineError, match="no use for a base"):
        provide_base(VenvEngine(), SPEC, allow_pull=True, progress=print)


RECORD = b"bash\t5.2\tamd64\t" + b"0" * 64 + b"\n"
STATUS = b"Package: bash\nStatus: install ok installed\nVersion: 5.1\nArchitecture: amd64\n"


def test_packages_of_a_base_are_read_once(tmp_path: Path) -> None:
    """The record that a base carries is kept by the image's id, and not asked for again."""
    engine = Shelf(files={DEBS_FILE: RECORD, STATUS_FILE: STATUS})
    (found,) = debs_of(engine, PULLED, cache=tmp_path)
    assert (found.version, found.sha256) == ("5.2", "0" * 64)
    assert debs_of(engine, PULLED, cache=tmp_path) == (found,)
    assert engine.reads == [DEBS_FILE]


def test_packages_of_a_pulled_base(tmp_path: Path) -> None:
    """An official image has no record: dpkg's versions count, with unknown hashes."""
    engine = Shelf(files={STATUS_FILE: STATUS})
    (found,) = debs_of(engine, PULLED, cache=tmp_path)
    assert (found.version, found.sha256) == ("5.1", UNKNOWN)
    assert debs_of(Shelf(), PULLED, cache=tmp_path / "other") == ()


def test_a_record_that_is_none(tmp_path: Path) -> None:
    """An image that carries something else in its place is not a base of ours."""
    with pytest.raises(BuildError, match="was not made by repropack"):
        debs_of(Shelf(files={DEBS_FILE: b"?"}), PULLED, cache=tmp_path)


def test_tags() -> None:
    """Equal needs share a tag, whatever their order; different needs do not."""
    one = BaseSpec(suite="trixie", python="3.13", apt=("b", "a", "a"))
    other = BaseSpec(suite="trixie", python="3.13", apt=("a", "b"))
    assert base_tag(SPEC) == "repropack/base:bookworm-py3.11"
    assert base_tag(one) == base_tag(other) != base_tag(SPEC)
    assert base_tag(one).startswith("repropack/base:trixie-py3.13-")


def script(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run base.sh."""
    shell = shutil.which("sh") or "/bin/sh"
    env = {**os.environ, "PATH": path or os.environ["PATH"]}
    command = [shell, str(assets.base_script()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=20)


def test_script_explains_itself() -> None:
    """`base.sh --help` says how it is used, on standard output."""
    done = script("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: base.sh SUITE OUTPUT.tar [PACKAGE...]")


@pytest.mark.parametrize(
    "arguments",
    [(), ("bookworm",), ("buster", "x.tar"), ("bookworm", "x.tar", "-oDir=/"),
     ("bookworm", "x.tar", "a;b"), ("bookworm", "x.tar", "a,b"), ("bookworm", "x.tar", "")],
)  # fmt: skip
def test_script_refuses(arguments: tuple[str, ...]) -> None:
    """A wrong argument is a usage error, before anything is fetched."""
    assert script(*arguments).returncode == 2


def test_script_without_tools(tmp_path: Path) -> None:
    """Without mmdebstrap and debootstrap the script says what to install."""
    for name in ("mktemp", "sort", "paste", "rm", "cat", "chmod", "id", "sh"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    done = script("bookworm", str(tmp_path / "x.tar"), path=str(tmp_path))
    assert done.returncode == 75
    assert "apt-get install mmdebstrap" in done.stderr


def test_script_passes_shellcheck() -> None:
    """base.sh is clean POSIX sh."""
    done = subprocess.run(
        ["shellcheck", "--shell=sh", str(assets.base_script())], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_dockerfile_tells_the_recipe() -> None:
    """The image that a reviewer's script builds carries the label that is looked for."""
    assert f"LABEL {RECIPE_LABEL}={RECIPE_VERSION}\n" in assets.dockerfile_base().read_text()

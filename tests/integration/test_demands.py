"""What `verify BUNDLE` tells of a machine, and asks, before it fetches anything."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from repropack import demands
from repropack.bundle import Bundle, write_bundle
from repropack.bundle.contents import Brought
from repropack.bundle.image import Blob, CarriedImage
from repropack.engines import EngineFacts
from repropack.environment import Wheel
from repropack.errors import Interrupted, RunError
from repropack.judge.selection import select
from repropack.progress import Silent
from repropack.project import look
from repropack.settings import Settings
from tests.unit.bundle.made import plan_of


class Notes(Silent):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        """Something to keep."""
        self.lines.append(text)


class Engine:
    """An engine that says what it is, and has no image."""

    def __init__(self, **facts: Any) -> None:
        self.facts = EngineFacts(name="docker", version="27", **facts)

    def check(self) -> EngineFacts:
        """What it is."""
        return self.facts

    def image(self, tag: str) -> None:
        """None is there."""


@pytest.fixture(scope="module")
def bundle(measured: Bundle) -> Bundle:
    """What its author measured is in it."""
    return measured


def checked(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, answer: bool, *claims: str, **facts: Any
) -> list[str]:
    """What is told of an engine with these facts, where a person answers so."""
    monkeypatch.setattr(demands, "choose", lambda name, builder: Engine(**facts))
    asked: list[str] = []

    def agree(question: str) -> bool:
        asked.append(question)
        return answer

    notes = Notes()
    settings = Settings(cache=Path("unused"), agree=agree)
    demands.check(bundle, select(bundle.manifest, claims), settings, notes)
    return [*notes.lines, *asked]


def test_enough(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is lacking, the time is told and nobody is asked."""
    plenty = {"disk_free_bytes": 10**12, "memory_bytes": 10**11}
    where = "one run after the other, as the authors measured on Example CPU, 8 cores, 25 GB"
    told = checked(bundle, monkeypatch, False, "first", **plenty)
    assert told == [f"time: about 30 minutes, {where}"]
    told = checked(bundle, monkeypatch, False, "second", "fourth", **plenty)
    assert told == [f"time: less than a minute, and 1 runs that were not measured, {where}"]
    assert checked(bundle, monkeypatch, False, "fourth") == ["time: not measured by the authors"]


def test_lacking(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little disk or memory is told with both numbers, and a no ends it."""
    little = {"disk_free_bytes": 10**8, "memory_bytes": 4 * 10**9}
    told = checked(bundle, monkeypatch, True, "first", **little)
    assert told[1:] == [
        "note: the image and a run need about 2300 MB, and where docker keeps its own "
        "100 MB are free",
        "note: a run had 7000 MB of memory at the authors', and there are 4000 MB here",
        "go on all the same?",
    ]
    with pytest.raises(Interrupted) as caught:
        checked(bundle, monkeypatch, False, "first", **little)
    assert caught.value.exit_code == 130 and caught.value.hint == "--yes goes on without asking"


@pytest.mark.parametrize(("jobs", "mb"), [(2, 4300), (9, 6300), (None, 2300)])
def test_runs_at_once_write_at_once(bundle: Bundle, jobs: int | None, mb: int) -> None:
    """What a run writes counts once for each that is done at the same time, as in reproduce.sh."""
    facts = EngineFacts(name="docker", version="27", disk_free_bytes=10**8)
    chosen, effort = select(bundle.manifest, ["first"]), demands.told(bundle)
    (told,) = demands.lacks(bundle, chosen, effort, facts, is_there=False, jobs=jobs or 1)
    assert f"need about {mb} MB, and where" in told
    (told,) = demands.lacks(bundle, chosen, effort, facts, is_there=True, jobs=jobs or 1)
    assert told.startswith(f"{min(jobs, 3)} runs at once need" if jobs else "a run needs")


@pytest.mark.parametrize("layers", [(), (105,), (600, 150), (600, 150, 150)])
def test_disk_for_the_image(layers: tuple[int, ...], quickstart: Path, tmp_path: Path) -> None:
    """An image that the bundle brings is counted as it is unpacked; all say the same number."""
    plan, made = plan_of(quickstart)
    wheels = tuple(
        Wheel(name=name, version="1", filename=f"{name}-1-py3-none-any.whl", size_bytes=size,
              sha256="1" * 64)
        for name, size in (("numpy", 50_000_000), ("uv", 20_000_000), ("pip", 90_000_000))
    )  # fmt: skip
    made = dataclasses.replace(made, wheels=wheels[:1], tools=wheels[1:2])
    if layers:
        blobs = tuple(Blob(digest=f"sha256:{mb:064}", size_bytes=mb * 10**6) for mb in layers)
        record = CarriedImage(tag="repropack/base:0", config=blobs[0], layers=blobs)
        file = tmp_path / "base.tar.gz"
        file.write_bytes(b"packed")
        image = Brought(path=file, record=record)
        made = dataclasses.replace(made, base=dataclasses.replace(made.base, image=image))
        made = dataclasses.replace(made, wheels=(), tools=())
    source = look(quickstart, allow_dirty=False).source
    out = tmp_path / "bundle"
    written = write_bundle(plan, source, made, cache=tmp_path / "cache", out=out)
    expected = 800 if not layers else 300 if layers == (105,) else 800
    with_pip = dataclasses.replace(written, tools=(*written.tools, wheels[2]))
    assert demands.image_mb(with_pip) == expected  # which is not for the image
    assert f"\ndisk_mb={expected} " in (out / "reproduce.sh").read_text()
    assert f"Disk: about {expected} MB." in (out / "README.md").read_text()


def test_no_gpu(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that is needed and not there ends it before anything is built; others do without."""
    with pytest.raises(RunError, match="heavy needs a GPU"):
        checked(bundle, monkeypatch, True, "third", "fourth")
    assert checked(bundle, monkeypatch, True, "fourth") == ["time: not measured by the authors"]


def test_room_for_what_runs_leave(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What all runs leave is held against the disk on which their results are to be."""
    little = shutil.disk_usage(tmp_path)._replace(free=10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: little)
    chosen, effort = select(bundle.manifest, ["first"]), demands.told(bundle)
    assert list(demands.lacks_place(chosen, effort, tmp_path / "not/yet")) == [
        f"what the runs leave needs about 120 MB in {tmp_path}, where 100 MB are free"
    ]
    brief = select(bundle.manifest, ["second"])
    assert list(demands.lacks_place(brief, effort, tmp_path)) == []
    assert list(demands.lacks_place(chosen, effort, None)) == []


def test_an_author_who_wrote_nonsense(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read of the author's measurements stops nothing."""
    report = bundle.directory / "author" / "report.json"
    before = report.read_text()
    for text in ("[]", "{", '{"runs": [3]}', '{"runs": [{"experiment": "long", "seconds": "x"}]}'):
        report.write_text(text)
        told = checked(dataclasses.replace(bundle), monkeypatch, False, "fourth")
        assert told == ["time: not measured by the authors"]
    report.write_text(before)

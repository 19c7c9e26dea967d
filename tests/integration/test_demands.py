"""What `verify BUNDLE` tells of a machine, and asks, before it fetches anything."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from repropack import demands
from repropack.bundle import Bundle
from repropack.engines import EngineFacts
from repropack.errors import Interrupted, RunError
from repropack.judge.selection import select
from repropack.progress import Silent
from repropack.settings import Settings


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

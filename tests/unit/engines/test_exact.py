"""A base with the very patch version that a project pins, or another one, and that is said."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from repropack.engines import Image, Progress
from repropack.engines.base import BaseSpec, base_tag
from repropack.engines.exact import provide_wanted
from repropack.engines.managed import ManagedPython
from repropack.progress import Silent
from tests.unit.engines.test_base import OURS, PULLED, SPEC, Shelf

LOCAL = Image(tag=base_tag(SPEC), id="sha256:" + "a" * 64, size_bytes=1, labels=OURS)


class Noting(Silent):
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)


@dataclass
class Asked(Shelf):
    """A shelf that notes what is asked of its registry."""

    pulls: list[str] = field(default_factory=list)

    def pull(self, reference: str, progress: Progress) -> Image:
        """Note it."""
        self.pulls.append(reference)
        return super().pull(reference, progress)


def provide(engine: Shelf, cache: Path, spec: BaseSpec = SPEC) -> tuple[BaseSpec, Image, list[str]]:
    """The base with Python 3.11.9, where uv has none."""
    reporter = Noting()
    found = provide_wanted(engine, spec, "3.11.9", allow_pull=True, reporter=reporter, cache=cache)
    return (*found, reporter.notes)


def test_the_official_image_of_that_version(tmp_path: Path) -> None:
    """A registry has it: nothing of another patch version is taken, though one is there."""
    engine = Asked(images={base_tag(SPEC): LOCAL}, registry=PULLED)
    spec, image, notes = provide(engine, tmp_path)
    assert (spec.exact, image, notes) == ("3.11.9", PULLED, [])
    assert engine.pulls == ["python:3.11.9-slim-bookworm"]
    assert base_tag(spec) == "repropack/base:bookworm-py3.11.9"
    assert provide(Asked(images=engine.images), tmp_path)[1] == PULLED  # found without a registry


def test_another_patch_version_is_told(tmp_path: Path) -> None:
    """Where nobody has it the base has Debian's, a note says so, and nobody is asked for a day."""
    engine = Asked(images={base_tag(SPEC): LOCAL})
    spec, image, notes = provide(engine, tmp_path)
    assert (spec.exact, image) == ("", LOCAL)
    assert notes == ["Python 3.11.9 cannot be had here: the base has 3.11.2"]
    assert len(engine.pulls) == 1
    assert provide(engine, tmp_path)[2] == notes and len(engine.pulls) == 1
    mark = tmp_path / "pythons" / "3.11.9.absent"
    os.utime(mark, (0, 0))
    engine.registry = PULLED
    assert provide(engine, tmp_path)[1] == PULLED


def test_an_archive_that_is_given_counts(tmp_path: Path) -> None:
    """A bundle that carries its Python has it already."""
    managed = ManagedPython(archive=tmp_path, sha256="f" * 64)
    given = BaseSpec(suite="bookworm", python="3.11", managed=managed)
    engine = Asked(images={base_tag(given): LOCAL})
    assert provide(engine, tmp_path, given) == (given, LOCAL, [])

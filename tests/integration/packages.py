"""Packages for tests of the environment stage: sources of a few texts, and indexes of one's own."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

import pytest

from repropack.environment import AsOf, Lock, Target, Wheel, fetch, resolve
from repropack.errors import RepropackError, SourceError
from tests.unit.environment.wheelhouse import TARGET

PIP_LIMITS = ("PIP_CONSTRAINT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")


class Files:
    """A source that is a few texts."""

    def __init__(self, **texts: str) -> None:
        self.texts = {name.replace("_", ".", 1): text for name, text in texts.items()}

    def has(self, path: str) -> bool:
        """Whether there is such a text."""
        return path in self.texts

    def read_text(self, path: str) -> str:
        """One of the texts."""
        try:
            return self.texts[path]
        except KeyError:
            raise SourceError(f"there is no {path}") from None


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of wheels that is all that pip and uv know of."""
    directory = tmp_path / "links"
    directory.mkdir()
    for name in PIP_LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    return directory


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that is empty."""
    return tmp_path / "cache"


@pytest.fixture
def dead_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts Python from here on fails."""
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")


def silent(line: str) -> None:
    """Progress that nobody reads."""


def get(locked: Lock, cache: Path, target: Target = TARGET) -> tuple[Wheel, ...]:
    """Fetch without progress."""
    return fetch(locked, target, cache=cache, progress=silent)


def refused(locked: Lock, cache: Path) -> RepropackError:
    """The error that fetching ends with; nothing may be left half-way."""
    with pytest.raises(RepropackError) as raised:
        get(locked, cache)
    assert not list((cache / "tmp").iterdir())
    assert raised.value.hint
    return raised.value


def ask(source: Files, cache: Path, as_of: datetime | None = None, file: str = "r.txt") -> Lock:
    """Resolve for the usual target."""
    return resolve(source, file, target=TARGET, as_of=at(as_of), cache=cache)


def at(time: datetime | None) -> AsOf:
    """The date of a commit, or of none."""
    return AsOf(time=time, because="the commit's date" if time else "there is no commit")

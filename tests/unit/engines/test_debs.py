"""The cache of a base's packages: what is kept, and when nobody is asked for one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from repropack.debian.debs import UNKNOWN, Deb, all_known
from repropack.engines.debs import deb_path, keep_debs, provide_debs
from repropack.errors import TemporaryError


def deb(name: str, content: str = "", version: str = "1:2~a+b1") -> Deb:
    """A package whose file has this content; without one its hash is not known."""
    sha256 = hashlib.sha256(content.encode()).hexdigest() if content else UNKNOWN
    return Deb(name=name, version=version, architecture="amd64", sha256=sha256)


def test_the_name_of_a_file_is_that_of_apt() -> None:
    """A colon, which not every file system takes, is written as apt writes it."""
    assert deb("zip").filename == "zip_1%3a2~a+b1_amd64.deb"


def test_only_what_is_recorded_is_kept(tmp_path: Path) -> None:
    """A file with another hash than the record's, or in no record, does not enter the cache."""
    made, cache = tmp_path / "made", tmp_path / "cache"
    made.mkdir()
    right, wrong, absent = deb("right", "r"), deb("wrong", "w"), deb("absent", "a")
    (made / right.filename).write_text("r")
    (made / wrong.filename).write_text("something else")
    (made / "strange_1_amd64.deb").write_text("s")
    keep_debs(made, (right, wrong, absent), cache)
    kept = [path for path in cache.rglob("*") if path.is_file()]
    assert kept == [deb_path(cache, right)]


def test_a_base_whose_packages_are_not_known_brings_none(tmp_path: Path) -> None:
    """Of a base that was pulled there are versions alone: nothing is asked for."""
    pulled = (deb("bash"), deb("zip", "z"))
    assert not all_known(pulled) and not all_known(())
    assert provide_debs("bookworm", pulled, cache=tmp_path, progress=print, base="b") == ()


def test_what_is_kept_needs_no_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole files of the cache are given; a damaged one is asked for, and missed."""
    monkeypatch.setenv("PATH", str(tmp_path))  # without mmdebstrap
    one = deb("one", "1")
    path = deb_path(tmp_path, one)
    path.parent.mkdir(parents=True)
    path.write_text("1")
    found = provide_debs("bookworm", (one,), cache=tmp_path, progress=print, base="b")
    assert found == ((one, path),)
    path.write_text("2")
    with pytest.raises(TemporaryError, match="no mmdebstrap to fetch") as caught:
        provide_debs("bookworm", (one,), cache=tmp_path, progress=print, base="b")
    assert caught.value.exit_code == 75

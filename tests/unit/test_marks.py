"""Whose a container is, and whether that process is gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from repropack import marks
from repropack.engines.owners import labels
from repropack.marks import is_orphan, mark, owner


def test_this_process_lives() -> None:
    """Neither a label nor a name of ours is an orphan's."""
    assert owner().split("-")[1] == str(os.getpid())
    assert not is_orphan(labels()["repropack.owner"])
    assert not is_orphan(f"repropack-add-{mark()}")


def test_marks_differ() -> None:
    """Two names of one process are two names."""
    assert mark() != mark()


@pytest.mark.parametrize("name", ["{}", "repropack-install-{}-0123abcd", "repropack/shell:{}"])
def test_number_that_another_process_has_now(name: str) -> None:
    """The same number, started at another time: that process is gone."""
    system, pid, start = owner().split("-")
    assert is_orphan(name.format(f"{system}-{pid}-{int(start) + 1}"))


def test_process_that_is_gone() -> None:
    """No process has a number beyond the largest that Linux gives."""
    assert is_orphan(f"{owner().split('-')[0]}-{2**22 + 1}-77")


@pytest.mark.parametrize(
    "text", ["", "digits-svm-s0-0123abcd", f"{'0' * 16}-1-1", "repropack-a-1-2"]
)
def test_what_others_made_stays(text: str) -> None:
    """Other names, and processes of other systems, of which nothing can be told."""
    assert not is_orphan(text)


def test_system_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where processes cannot be told, nothing is ever an orphan, and names still differ."""
    monkeypatch.setattr(marks, "_system", lambda: "")
    assert owner() == ""
    assert labels()["repropack.owner"] == ""
    assert mark() != mark()
    assert not is_orphan(mark())


def test_scratch_of_killed_processes_is_removed(tmp_path: Path) -> None:
    """A new directory removes those of its name whose process is gone, and no other."""
    alive = marks.new_scratch(tmp_path, ".a.", ".tmp")
    gone = f"{mark().rpartition('-')[0].partition('-')[0]}-4194304-1-0123abcd"
    for name in (f".a.{gone}.tmp", f".b.{gone}.tmp", f".a.{gone}.old", ".a.mine.tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    with marks.scratch(tmp_path, ".a.", ".tmp") as made:
        assert made.is_dir() and made.stat().st_mode & 0o777 == 0o700
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {alive.name, f".b.{gone}.tmp", f".a.{gone}.old", ".a.mine.tmp"}

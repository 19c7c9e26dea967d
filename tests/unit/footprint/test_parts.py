"""Parts of a footprint: what becomes of files that do not stand still, and of very many bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repropack.footprint import parts
from repropack.footprint.model import Algorithm
from repropack.footprint.parts import Part, Task
from repropack.footprint.reading import CHANGED, LARGE
from repropack.footprint.walk import Tree
from tests.unit.footprint.datasets import make


def task(tree: Tree, **more: Any) -> Task:
    """All of a tree."""
    return Task(batch=tuple(tree.runs()), algorithm=Algorithm.BLAKE3, **more)


def done(given: Task, tree: Tree, *, small: bool = False) -> Part:
    """What comes of a task here."""
    return given.run(tree, lambda size_bytes: None, threads=1, mapped=False, small=small)


def troubles(part: Part) -> dict[bytes, str]:
    """What could not be read, and why."""
    return {found.path: found.trouble for found in part.troubles}


REPLACED: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda file: None, "vanished while being read"),
    "fifo": (os.mkfifo, CHANGED),
    "link": (lambda file: file.symlink_to("a"), "became a link while being read"),
    "directory": (Path.mkdir, CHANGED),
}


@pytest.mark.parametrize("by", REPLACED)
def test_a_file_that_is_another_when_it_is_opened(tmp_path: Path, by: str) -> None:
    """It is told with its reason; the files around it are hashed."""
    replace, reason = REPLACED[by]
    data = make(tmp_path / "d", {"a": "1", "b": "2", "c": "3"})
    tree = Tree(data)
    given = task(tree)
    (data / "b").unlink()
    replace(data / "b")
    part = done(given, tree)
    assert troubles(part) == {b"b": reason}
    assert part.n_files == 2 and part.lines.count(b"\n") == 2


@pytest.mark.parametrize("after", [b"", b"longer than before", b"others"])
def test_a_file_that_changes_while_a_part_is_read(
    tmp_path: Path, after: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Growing, shrinking and rewriting between the first look and the last never become a hash."""
    data = make(tmp_path / "d", {"a": "before"})
    tree = Tree(data)
    given = task(tree)
    original = os.read

    def interfered(descriptor: int, length: int) -> bytes:
        piece = original(descriptor, length)
        (data / "a").write_bytes(after)
        return piece

    monkeypatch.setattr(os, "read", interfered)
    part = done(given, tree)
    assert troubles(part) == {b"a": CHANGED}
    assert (part.n_files, part.lines, part.root) == (0, b"", b"")


def test_a_file_that_comes_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system may give less than was asked for: it is read on, to the same hash."""
    data = make(tmp_path / "d", {"a": "some content"})
    tree = Tree(data)
    whole = done(task(tree), tree)
    original = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, length: original(descriptor, min(length, 5)))
    assert done(task(tree), tree) == whole


def test_a_directory_that_vanishes(tmp_path: Path) -> None:
    """Each of its files is told."""
    data = make(tmp_path / "d", {"sub/a": "1", "sub/b": "2"})
    tree = Tree(data)
    given = task(tree)
    (data / "sub").rename(data / "other")
    gone = "vanished while being read"
    assert troubles(done(given, tree)) == {b"sub/a": gone, b"sub/b": gone}


def test_a_part_ends_where_enough_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left comes back, so that what was read is not lost when the whole is stopped."""
    data = make(tmp_path / "d", {f"{number}": "x" * 100 for number in range(10)})
    tree = Tree(data)
    whole = done(task(tree), tree)
    monkeypatch.setattr(parts, "ENOUGH_BYTES", 250)
    monkeypatch.setattr(parts, "_TOLD_BYTES", 1)
    found: list[Part] = []
    left: Task | None = task(tree)
    while left is not None:
        found.append(done(left, tree))
        left = found[-1].rest
    assert [part.n_files for part in found] == [3, 3, 3, 1]
    assert b"".join(part.lines for part in found) == whole.lines
    assert b"".join(part.root for part in found) == whole.root


def test_large_files_are_left_to_a_process(tmp_path: Path) -> None:
    """Here the part ends in front of one; where large files are read, it does not."""
    data = make(tmp_path / "d", {"a": "x", "c": "y"})
    with (data / "b").open("wb") as file:
        file.truncate(LARGE)
    tree = Tree(data)
    part = done(task(tree), tree, small=True)
    assert part.rest is not None
    assert (part.n_files, part.large, part.rest.n_files) == (1, True, 2)
    assert done(part.rest, tree).n_files == 2

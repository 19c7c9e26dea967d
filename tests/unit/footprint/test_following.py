"""What is told while a dataset is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.footprint import following
from repropack.footprint.following import Following, Total, duration, size
from repropack.footprint.model import Algorithm
from repropack.footprint.pool import Pool
from repropack.footprint.walk import Tree
from repropack.progress import Silent
from tests.unit.footprint.datasets import make


def follow(tree: Tree, total: Total) -> Following:
    """The progress of a pool that has read nothing."""
    return Following(Silent(), Pool(tree, Algorithm.BLAKE3, jobs=1), total)


def test_what_is_not_known_is_counted_when_it_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody who waits a moment pays for it; who waits longer is told how long it will be."""
    tree = Tree(make(tmp_path / "d", {"a": "1", "b/c": "22", "b/d": "333"}))
    seen = follow(tree, Total(tree=tree))
    monkeypatch.setattr(following, "_EVERY_S", -1.0)
    seen.tick()
    assert seen.total.n_files == 0 and "left" not in seen.told(4.0)
    monkeypatch.setattr(following, "_PATIENCE_S", -1.0)
    seen.tick()
    thread = seen.total._thread
    assert thread is not None
    thread.join()
    assert (seen.total.n_files, seen.total.n_bytes) == (3, 6)
    seen.n_files, seen.n_bytes = 1, 1
    assert seen.told(4.0) == "1 files · 0 B read · 0 B/s · 8 s left"
    seen.n_files, seen.n_bytes = 3, 6
    assert "left" not in seen.told(6.0)
    seen.total.stop()


def test_the_time_left_counts_files_and_bytes() -> None:
    """Many small files and few large ones both take their time."""
    tree = Tree("/dev/null", "x")
    seen = follow(tree, Total(2, 8_000_000_000))
    seen.n_files, seen.n_bytes = 1, 2_000_000_000
    assert seen.told(10.0).endswith("30 s left")
    seen = follow(tree, Total(1_000_000, 0))
    seen.n_files = 250_000
    assert seen.told(10.0).endswith("30 s left")


def test_sizes_and_times_are_told_as_people_read_them() -> None:
    """From bytes to terabytes, from seconds to hours."""
    assert [size(n) for n in (1, 1500, 2.5e9, 3e12)] == ["1 B", "1.5 kB", "2.5 GB", "3.0 TB"]
    assert [duration(s) for s in (3.2, 600, 7200)] == ["3 s", "10 min", "2.0 h"]

"""How much a run wrote."""

from __future__ import annotations

import os
from pathlib import Path

from repropack.judge.written import written_bytes

MB = 1 << 20


def test_what_is_new_counts(tmp_path: Path) -> None:
    """Files since a time count with what they take on the disk, wherever below; others do not."""
    old = tmp_path / "old"
    old.write_bytes(b"x" * 5 * MB)
    since_s = old.stat().st_ctime + 0.001
    os.utime(old)
    while old.stat().st_ctime < since_s:  # the clock of a file system is coarse
        os.utime(old)
    later_s = old.stat().st_ctime + 0.001
    assert 5 * MB <= written_bytes(str(tmp_path), since_s) < 6 * MB
    new = tmp_path / "a" / "b" / "new"
    new.parent.mkdir(parents=True)
    while not new.exists() or new.stat().st_ctime < later_s:
        new.write_bytes(b"x" * 3 * MB)
    (tmp_path / "a" / "link").symlink_to(old)
    (tmp_path / "a" / "round").symlink_to(tmp_path)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(100 * MB)
    assert 3 * MB <= written_bytes(str(tmp_path), later_s) < 4 * MB


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """A directory that is gone is nothing that was written."""
    assert written_bytes(str(tmp_path / "gone"), 0.0) == 0

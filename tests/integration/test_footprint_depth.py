"""A tree that is deeper than a path may be long. Takes seconds, and so is no unit test."""

from __future__ import annotations

import os
from pathlib import Path

from tests.unit.footprint.datasets import How, checked, differences, made, make


def test_directories_deeper_than_a_path_may_be_long(tmp_path: Path) -> None:
    """5 000 directories in each other are hashed, checked and compared like any others."""
    root = make(tmp_path / "d", {"top": "x"})
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(5000):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    file = os.open("deep", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor)
    os.write(file, b"content")
    os.close(file)
    os.symlink("deep", "link", dir_fd=descriptor)
    try:
        summary = made(root, tmp_path / "f.json").summary
        assert (summary.n_files, summary.n_bytes) == (3, 8)
        assert checked(root, tmp_path / "f.json", How.DEEP).same
        os.unlink("deep", dir_fd=descriptor)
        os.mkfifo("deep", dir_fd=descriptor)
        found = differences(checked(root, tmp_path / "f.json"))
        assert found["unreadable"][0].endswith("/d/deep (is a FIFO)")
    finally:
        os.unlink("deep", dir_fd=descriptor)
        os.unlink("link", dir_fd=descriptor)
        for _ in range(5000):
            above = os.open("..", os.O_RDONLY, dir_fd=descriptor)
            os.close(descriptor)
            os.rmdir("d", dir_fd=above)
            descriptor = above
        os.close(descriptor)

"""The bundle that the tests of archives pack, and how they look at what comes out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from repropack.archives import (
    Archive,
    at_hand,
    write_archive,
)
from repropack.progress import Silent
from tests.conftest import commit_all, example
from tests.unit.bundle.made import make_bundle

TOP = "quickstart-0123456789ab"
LARGE = 1 << 40


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with what is odd in a source: links, modes, names, more than one piece."""
    directory = tmp_path_factory.mktemp("bundle")
    project = example("quickstart", directory)
    (project / "tool.sh").write_text("#!/bin/sh\n")
    (project / "tool.sh").chmod(0o755)
    (project / "link").symlink_to("tool.sh")
    (project / "deep" / ("d" * 120)).mkdir(parents=True)
    (project / "deep" / ("d" * 120) / "a\nb\udcff ü").write_bytes(b"odd")
    (project / "large").write_bytes(os.urandom(5 << 20))
    commit_all(project)
    return make_bundle(project, directory / "made").directory


def written(bundle: Path, path: Path, part_bytes: int = LARGE) -> Archive:
    """Its archive."""
    return write_archive(bundle, TOP, path, part_bytes=part_bytes)


def look(directory: Path) -> dict[str, tuple[int, bytes | str]]:
    """Mode and content of everything below a directory."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            found[name] = (0, str(path.readlink()))
        else:
            found[name] = (mode, path.read_bytes() if path.is_file() else b"")
    return found


@contextmanager
def unpacked(path: Path, cache: Path) -> Iterator[Path]:
    """The directory of an archive, which is gone afterwards."""
    with at_hand(path, cache=cache, reporter=Silent()) as directory:
        yield directory
    assert not directory.exists() and list((cache / "unpacked").iterdir()) == []

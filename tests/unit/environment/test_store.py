from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from repropack.environment import Wheel, wheel_path
from repropack.environment.store import (
    ABANDONED_S,
    CHECKED_NS,
    keep,
    known,
    whole,
    workspace,
)
from repropack.errors import BuildError
from repropack.workspace import write_atomically
from tests.unit.environment.wheelhouse import TARGET, requirement

CONTENT = b"a wheel"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SIX = requirement("six", "1.0", SHA256)
WHEEL = Wheel(name="six", version="1.0", filename="six.whl", size_bytes=len(CONTENT), sha256=SHA256)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with one wheel."""
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    keep(tmp_path / "cache", SIX, TARGET, WHEEL, file)
    return tmp_path / "cache"


def test_a_touched_wheel_is_hashed_once_and_trusted_again(cache: Path) -> None:
    """A new time alone, as a copied cache has, is no damage."""
    path = wheel_path(cache, WHEEL)
    os.utime(path)
    assert whole(cache, WHEEL)
    assert path.stat().st_mtime_ns == CHECKED_NS


def test_a_changed_wheel_is_removed(cache: Path) -> None:
    """What is not its hash is not kept either."""
    path = wheel_path(cache, WHEEL)
    path.write_bytes(CONTENT[::-1])
    assert not whole(cache, WHEEL)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"name": 3}', b"\0\xff", b"null"])
def test_a_damaged_record_is_no_record(cache: Path, content: bytes) -> None:
    """Whatever a crash or another release left, the answer is: not known."""
    (record,) = (cache / "resolved").iterdir()
    assert known(cache, SIX, TARGET) == WHEEL
    record.write_bytes(content)
    assert known(cache, SIX, TARGET) is None


def test_other_hashes_are_another_question(cache: Path) -> None:
    """A lock that changed its hashes is not answered from the past."""
    assert known(cache, requirement("six", "1.0", "0" * 64), TARGET) is None


def test_a_workspace_is_removed_and_so_are_abandoned_ones(tmp_path: Path) -> None:
    """A killed process leaves gigabytes at most for a day; a living one is left alone."""
    old, young = tmp_path / "tmp" / "old", tmp_path / "tmp" / "young"
    for directory in (old, young):
        directory.mkdir(parents=True)
    before = time.time() - ABANDONED_S - 10
    os.utime(old, (before, before))
    with workspace(tmp_path) as directory:
        assert directory.is_dir()
    assert not directory.exists() and not old.exists() and young.exists()


def test_a_cache_that_is_a_file_is_an_error_with_its_path(tmp_path: Path) -> None:
    """No traceback for what a user can mend."""
    (tmp_path / "cache").write_text("")
    with pytest.raises(BuildError, match=str(tmp_path / "cache")), workspace(tmp_path / "cache"):
        pass


def test_a_write_that_fails_leaves_the_old_text(tmp_path: Path) -> None:
    """Whole or not at all, and nothing beside it."""
    path = tmp_path / "answer"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "new \ud800")
    assert [item.read_text() for item in tmp_path.iterdir()] == ["old"]

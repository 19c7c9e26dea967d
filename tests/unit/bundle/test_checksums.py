from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from repropack.bundle import checksums
from repropack.errors import IntegrityError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A directory with odd names, a link, and its checksums."""
    directory = tmp_path / "bundle"
    (directory / "source").mkdir(parents=True)
    (directory / "README.md").write_text("read me\n")
    for name in ("plain", "with space", "back\\slash", "new\nline", "-dash", "ünïcode"):
        (directory / "source" / name).write_text(name)
    (directory / "source" / "link").symlink_to("plain")
    (directory / checksums.LINKS).write_text(checksums.links_text(directory))
    (directory / checksums.SUMS).write_text(checksums.sums_text(directory))
    return directory


def test_sha256sum_reads_what_is_written(bundle: Path) -> None:
    """The real sha256sum accepts SHA256SUMS, odd names included."""
    done = subprocess.run(["sha256sum", "-c", "--strict", checksums.SUMS], cwd=bundle)
    assert done.returncode == 0


def test_untouched_bundle_passes(bundle: Path) -> None:
    """An untouched bundle has the digest of its SHA256SUMS."""
    found, sums = checksums.check(bundle), checksums.sha256_of(bundle / checksums.SUMS)
    assert (found.digest, found.sums_sha256) == (sums, sums)


def test_what_fetching_adds_is_not_a_difference(bundle: Path) -> None:
    """What fetching, running and the reviewer put beside the bundle's files changes nothing."""
    for name in ("wheels", "reproduction", "results"):
        (bundle / name).mkdir()
        (bundle / name / "file").write_text("x")
    (bundle / "notes.txt").write_text("x")
    checksums.check(bundle)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda b: (b / "README.md").write_text("read mf\n"), "changed: README.md"),
        (lambda b: (b / "source" / "-dash").unlink(), "missing: source/-dash"),
        (lambda b: (b / "source" / "extra").write_text("x"), "added: source/extra"),
        (lambda b: add(b / "source" / "wheels" / "x"), "added: source/wheels/x"),
        (lambda b: (b / "source" / "new").symlink_to("plain"), "symbolic links"),
        (lambda b: relink(b / "source" / "link", "/etc/passwd"), "symbolic links"),
        (lambda b: relink(b / "README.md", "source/plain"), "missing: README.md"),
        (lambda b: (b / checksums.SUMS).unlink(), "no readable SHA256SUMS"),
        (lambda b: (b / checksums.SUMS).write_text("nonsense\n"), "not a line of checksums"),
        (lambda b: append(b / checksums.SUMS, f"{'0' * 64}  ../outside\n"), "which no bundle may"),
        (lambda b: append(b / checksums.SUMS, f"{'0' * 64}  /etc/passwd\n"), "which no bundle may"),
    ],
)
def test_every_change_is_told(bundle: Path, change: object, told: str) -> None:
    """One byte, one file or one link that differs is an integrity error that names it."""
    assert callable(change)
    change(bundle)
    with pytest.raises(IntegrityError, match=told) as caught:
        checksums.check(bundle)
    assert caught.value.exit_code == 7


def add(path: Path) -> None:
    """A file in a directory of its own."""
    path.parent.mkdir()
    path.write_text("x")


def relink(path: Path, target: str) -> None:
    """Replace a path by a link."""
    path.unlink()
    path.symlink_to(target)


def append(path: Path, text: str) -> None:
    """Add a line to a file."""
    with path.open("a") as file:
        file.write(text)


def test_order_is_that_of_bytes(tmp_path: Path) -> None:
    """The order of files does not depend on the locale or on how they were made."""
    (tmp_path / "a").mkdir()
    for name in ("b", "ä", "B", "a.b", "a/c", "a0"):
        (tmp_path / name).write_text("")
    names = [os.fsencode(p.relative_to(tmp_path)) for p in checksums.walk(tmp_path)]
    assert names == sorted(names)

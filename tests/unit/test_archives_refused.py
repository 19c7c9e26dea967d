"""Bundles that no archive is made of, and archives that are refused: links, hostile, damaged."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from repropack.archives import (
    refuse_links_of,
)
from repropack.errors import BuildError, IntegrityError, SourceError, UsageError
from repropack.marks import new_scratch
from repropack.source import open_source
from repropack.zstd import Packer
from tests.unit.archived import bundle, unpacked, written

__all__ = ["bundle"]  # a fixture

LINKS_OUT = {
    "absolute": {"out": "/etc"},
    "up": {"out": "../../x"},
    "up from below": {"d/e/out": "../../../../x"},
    "out and in again": {"out": "../../bundle/source/x"},
    "together with another": {"d/up": "..", "out": "d/up/../../../x"},
}
LINKS_INSIDE = {
    "a file": {"in": "tool.sh"},
    "of the bundle": {"in": "../README.md"},
    "up and down": {"d/e/in": "../../tool.sh"},
    "nowhere": {"in": "none/of/it"},
    "a circle": {"in": "d/other", "d/other": "../in"},
}


def linked(directory: Path, links: dict[str, str]) -> Path:
    """A directory with these links in it."""
    for name, goal in links.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).symlink_to(goal)
    return directory


@pytest.mark.parametrize("links", LINKS_OUT.values(), ids=LINKS_OUT)
def test_links_that_lead_out(links: dict[str, str], bundle: Path, tmp_path: Path) -> None:
    """What `verify` would refuse is not written, and told before anything is built."""
    copy = Path(shutil.copytree(bundle, tmp_path / "copy", symlinks=True))
    linked(copy / "source", links)
    with pytest.raises(BuildError, match=r"source/.*out leads out of the bundle, to "):
        written(copy, tmp_path / "b.tar.zst")
    source = open_source(linked(snapshot(tmp_path), links))
    with pytest.raises(SourceError, match=r"link .*out leads out of the repository, to ") as caught:
        refuse_links_of(source, tmp_path / "b.tar.zst")
    assert caught.value.hint
    refuse_links_of(source, None)


@pytest.mark.parametrize("links", LINKS_INSIDE.values(), ids=LINKS_INSIDE)
def test_links_that_stay_inside(links: dict[str, str], bundle: Path, tmp_path: Path) -> None:
    """Both checks take them."""
    copy = Path(shutil.copytree(bundle, tmp_path / "copy", symlinks=True))
    linked(copy / "source", links)
    refuse_links_of(open_source(linked(snapshot(tmp_path), links)), tmp_path / "b.tar.zst")
    written(copy, tmp_path / "b.tar.zst")


def snapshot(directory: Path) -> Path:
    """A project that no git knows."""
    (directory / "project").mkdir()
    (directory / "project" / "tool.sh").write_text("")
    return directory / "project"


Entry = tuple[str, bytes, str]  # name, kind, goal


def archive_of(path: Path, *entries: Entry) -> Path:
    """An archive of files, links and whatever a header can say."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, goal in entries:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, goal
            content = b"x" if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    packer = Packer()
    path.write_bytes(packer.pack(out.getvalue()) + packer.end())
    return path


FILE, LINK, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
HOSTILE: dict[str, tuple[Entry, ...]] = {
    "traversal": (("a/../../x", FILE, ""),),
    "absolute": (("/etc/x", FILE, ""),),
    "link out": (("a", LINK, "/etc/passwd"),),
    "link up": (("a/b", LINK, "../../x"),),
    "links together": (("a/b", LINK, "../c"), ("c", LINK, "..")),
    "through a link": (("a", LINK, "/tmp"), ("a/x", FILE, "")),
    "through a link inside": (("d/x", FILE, ""), ("a", LINK, "d"), ("a/x", FILE, "")),
    "hard link": (("a", HARD, "/etc/passwd"),),
    "device": (("a", tarfile.CHRTYPE, ""),),
    "pipe": (("a", tarfile.FIFOTYPE, ""),),
    "twice": (("a", FILE, ""), ("a", FILE, "")),
    "twice otherwise": (("a", FILE, ""), ("./a", FILE, "")),
    "file and directory": (("a", FILE, ""), ("a/b", FILE, "")),
    "no name": (("", FILE, ""),),
    "a drive": (("C:\\x", FILE, ""),),
    "too long": (("x" * 300, FILE, ""),),
    "no bundle": (("a", FILE, ""),),
    "nothing": (),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_archives(what: str, tmp_path: Path) -> None:
    """Exit code 7; nothing is written outside, and nothing of it is left."""
    path = archive_of(tmp_path / "b.tar.zst", *HOSTILE[what])
    outside = Path("/tmp/x").exists()
    with pytest.raises(IntegrityError) as caught, unpacked(path, tmp_path / "cache"):
        raise AssertionError("it was unpacked")
    assert caught.value.hint and "--max" not in caught.value.hint
    assert {each.name for each in tmp_path.iterdir()} == {"b.tar.zst", "cache"}
    assert list((tmp_path / "cache" / "unpacked").iterdir()) == []
    assert Path("/tmp/x").exists() == outside


def test_bomb(tmp_path: Path) -> None:
    """An archive that becomes far more than it is stops being unpacked."""
    packer = Packer()
    with (tmp_path / "b.tar.zst").open("wb") as file:
        info = tarfile.TarInfo("a")
        info.size = 1 << 40
        file.write(packer.pack(info.tobuf()))
        file.write(packer.pack(bytes(64 << 20)) + packer.end())
    with (
        pytest.raises(IntegrityError, match="bomb"),
        unpacked(tmp_path / "b.tar.zst", tmp_path / "c"),
    ):
        pass


@pytest.mark.parametrize("change", [lambda raw: raw[:-7], lambda raw: b"x" * 99, lambda raw: b""])
def test_damaged(change: Callable[[bytes], bytes], bundle: Path, tmp_path: Path) -> None:
    """An archive that was cut off, or is none, is exit code 7."""
    path = written(bundle, tmp_path / "b.tar.zst").path
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(IntegrityError), unpacked(path, tmp_path / "cache"):
        pass


def test_no_room(bundle: Path, tmp_path: Path) -> None:
    """A cache that cannot be written to is told with another place."""
    path = written(bundle, tmp_path / "b.tar.zst").path
    (tmp_path / "cache").write_text("")
    with pytest.raises(UsageError) as caught, unpacked(path, tmp_path / "cache"):
        pass
    assert "REPROPACK_CACHE" in str(caught.value.hint)


def test_what_the_killed_left(bundle: Path, tmp_path: Path) -> None:
    """What a process that is gone had unpacked, or was writing, is removed by the next one."""
    path, folder = written(bundle, tmp_path / "b.tar.zst").path, tmp_path / "cache" / "unpacked"
    folder.mkdir(parents=True)
    for parent, name, suffix in ((folder, "bundle-", ""), (tmp_path, ".b.tar.zst.", ".tmp")):
        mine = new_scratch(parent, name, suffix)
        mine.rename(mine.with_name(mine.name.replace(f"-{os.getpid()}-", "-999999999-")))
    with unpacked(path, tmp_path / "cache"):
        assert len(list(folder.iterdir())) == 1
    written(bundle, path)
    assert {each.name for each in tmp_path.iterdir()} == {"b.tar.zst", "cache"}

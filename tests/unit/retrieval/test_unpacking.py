"""Archives, honest and hostile: all of one is unpacked, or nothing is."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import os
import stat
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from repropack.errors import DataError
from repropack.progress import Silent
from repropack.retrieval import placing
from repropack.retrieval.model import Got, Wanted
from repropack.retrieval.store import Store
from repropack.retrieval.unpacking import Limits, unpack

Entries = list[tarfile.TarInfo | tuple[str, bytes]]


def tar(*entries: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    """A tar of files (name, content) and of what only a header says."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                info.mtime = 1_000_000_000
                archive.addfile(info, io.BytesIO(entry[1]))
    return out.getvalue()


def special(name: str, kind: bytes, goal: str = "") -> tarfile.TarInfo:
    """A link, a device, or what else a header can be of."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, goal
    return info


def zipped(*entries: tuple[str, bytes], mode: int = 0, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of files; `mode` is what Unix would say of each."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, content in entries:
            info = zipfile.ZipInfo(name, (2001, 9, 9, 1, 46, 40))
            info.create_system, info.external_attr, info.compress_type = 3, mode << 16, how
            archive.writestr(info, content)
    return out.getvalue()


def zstd(data: bytes) -> bytes:
    """Packed with zstd."""
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    packed: bytes = importlib.import_module(name).compress(data)
    return packed


def tree(root: Path) -> dict[str, bytes | str]:
    """Every file and link below a directory."""
    return {
        path.relative_to(root).as_posix(): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def placed(tmp_path: Path, name: str, data: bytes, limits: Limits | None = None) -> Path:
    """The archive unpacked to `data`, as fetching does it."""
    archive = tmp_path / name
    archive.write_bytes(data)
    got = Got(wanted=Wanted(name=name, urls=()), path=archive, sha256="", origin="")
    place = tmp_path / "out" / "data"
    store = Store(tmp_path / "cache")
    with placing.scratch_for(place, store, Silent()) as scratch:
        made = placing.unpacked(
            got,
            place,
            scratch,
            limits=limits or Limits(),
            holds=lambda root: False,
            reporter=Silent(),
        )
        placing.move(made, place)
    return place


def refused(tmp_path: Path, name: str, data: bytes, limits: Limits | None = None) -> str:
    """Why an archive is refused; nothing of it is left, in its place or beside it."""
    with pytest.raises(DataError) as caught:
        placed(tmp_path, name, data, limits)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert {path.name for path in tmp_path.iterdir()} == {name, "cache"}
    return caught.value.what


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": lambda data: data,
    ".tar.gz": gzip.compress,
    ".TGZ": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".tar.zst": zstd,
}
FILES = [("a.txt", b"1"), ("sub/deep/b.txt", b"22" * 100_000)]


@pytest.mark.parametrize("end", PACKERS)
def test_every_kind_of_tar(tmp_path: Path, end: str) -> None:
    """Whatever packs a tar, its files come out, with their times."""
    place = placed(tmp_path, "d" + end, PACKERS[end](tar(*FILES)))
    assert tree(place) == dict(FILES)
    assert (place / "a.txt").stat().st_mtime == 1_000_000_000
    assert stat.S_IMODE((place / "a.txt").stat().st_mode) & 0o7022 == 0


def test_zip(tmp_path: Path) -> None:
    """A zip is unpacked, with its local times."""
    place = placed(tmp_path, "d.zip", zipped(*FILES))
    assert tree(place) == dict(FILES)
    expected = time.mktime((2001, 9, 9, 1, 46, 40, 0, 0, -1))
    assert (place / "a.txt").stat().st_mtime == expected


def test_a_directory_of_the_datasets_own_name_is_not_doubled(tmp_path: Path) -> None:
    """`data/a` of an archive is `data/a` in the place `data`; another directory is kept."""
    assert tree(placed(tmp_path, "d.tar", tar(("data/a", b"1")))) == {"a": b"1"}
    other = tmp_path / "other"
    other.mkdir()
    assert tree(placed(other, "d.tar", tar(("v1/a", b"1")))) == {"v1/a": b"1"}


def test_links_inside_are_kept(tmp_path: Path) -> None:
    """Links within the data are data, hard ones are files."""
    data = tar(
        special("sub/up", tarfile.SYMTYPE, "../a"),
        ("a", b"1"),
        special("same", tarfile.LNKTYPE, "a"),
        special("dangling", tarfile.SYMTYPE, "nothing"),
    )
    expected = {"sub/up": "../a", "a": b"1", "same": b"1", "dangling": "nothing"}
    assert tree(placed(tmp_path, "d.tar", data)) == expected


HOSTILE: dict[str, Entries] = {
    "absolute": [("/etc/escaped", b"1")],
    "parent": [("../escaped", b"1")],
    "parent inside": [("a/../../escaped", b"1")],
    "drive": [("C:\\escaped", b"1")],
    "backslash": [("..\\escaped", b"1")],
    "link out": [special("l", tarfile.SYMTYPE, "../../escaped")],
    "absolute link": [special("l", tarfile.SYMTYPE, "/etc/passwd")],
    "written through a link": [special("l", tarfile.SYMTYPE, ".."), ("l/escaped", b"1")],
    "link over a directory": [("l/x", b"1"), special("l", tarfile.SYMTYPE, "/tmp")],
    "two links together": [
        special("here", tarfile.SYMTYPE, "."),
        special("out", tarfile.SYMTYPE, "here/../.."),
    ],
    "hard link out": [special("h", tarfile.LNKTYPE, "../../../etc/passwd")],
    "hard link to a link": [
        special("l", tarfile.SYMTYPE, "/etc/passwd"),
        special("h", tarfile.LNKTYPE, "l"),
    ],
    "beside the inner directory": [("data/a", b"1"), special("data/l", tarfile.SYMTYPE, "../b")],
    "device": [special("d", tarfile.CHRTYPE)],
    "block device": [special("d", tarfile.BLKTYPE)],
    "fifo": [special("d", tarfile.FIFOTYPE)],
    "twice": [("a", b"1"), ("a", b"2")],
    "file and directory": [("a", b"1"), ("a/b", b"2")],
    "no name": [("./", b"1")],
    "long name": [("a" * 300, b"1")],
}


@pytest.mark.parametrize("entries", HOSTILE.values(), ids=HOSTILE)
def test_hostile_tars(tmp_path: Path, entries: Entries) -> None:
    """What could write or read elsewhere is refused, and nothing is left."""
    assert "is not unpacked" in refused(tmp_path, "d.tar.gz", gzip.compress(tar(*entries)))


@pytest.mark.parametrize("name", ["/etc/escaped", "../escaped", "a/../../escaped"])
def test_hostile_names_in_zips(tmp_path: Path, name: str) -> None:
    """The names in a zip are looked at too."""
    assert "is not unpacked" in refused(tmp_path, "d.zip", zipped((name, b"1")))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_what_a_zip_can_hold_besides_files(tmp_path: Path, kind: int) -> None:
    """A link out of the data, a FIFO or a device in a zip is refused."""
    data = zipped(("l", b"../../../etc/passwd"), mode=kind | 0o777)
    assert "is not unpacked" in refused(tmp_path, "d.zip", data)


def test_links_in_zips(tmp_path: Path) -> None:
    """A zip's link within the data is one."""
    data = io.BytesIO(zipped(("a", b"1")))
    with zipfile.ZipFile(data, "a") as archive:
        info = zipfile.ZipInfo("l")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, b"a")
    assert tree(placed(tmp_path, "d.zip", data.getvalue())) == {"a": b"1", "l": "a"}


@pytest.mark.parametrize("end", [".zip", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst"])
def test_bombs(tmp_path: Path, end: str) -> None:
    """An archive that becomes a thousand times as large stops at the limit."""
    zeros = ("zeros", bytes(2_000_000))
    data = zipped(zeros) if end == ".zip" else PACKERS[end](tar(zeros))
    limits = Limits(n_bytes=1_000_000)
    assert "looks like a bomb" in refused(tmp_path, "d" + end, data, limits)


def test_the_ratio_counts_from_100_mb_on(tmp_path: Path) -> None:
    """Small data may be packed well; what is declared larger than the ratio allows is refused."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as packed:
        info = tarfile.TarInfo("zeros")
        info.size = 101_000_000
        packed.addfile(info, _Zeros(info.size))
    assert "looks like a bomb" in refused(tmp_path, "d.tar.gz", archive.getvalue())


class _Zeros:
    """So many zeros, without the memory."""

    def __init__(self, left: int) -> None:
        self.left = left

    def read(self, size: int = -1) -> bytes:
        """The next of them."""
        size = min(size, self.left)
        self.left -= size
        return bytes(size)


def test_a_zip_that_lies_about_sizes(tmp_path: Path) -> None:
    """What comes out counts, not what the directory of a zip says."""
    data = zipped(("zeros", bytes(3_000_000)))
    lying = data.replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != data
    why = refused(tmp_path, "d.zip", lying, Limits(n_bytes=1_000_000))
    assert "bomb" in why or "cannot be unpacked" in why


def test_a_sparse_bomb(tmp_path: Path) -> None:
    """A header that says eight exabytes is enough to refuse."""
    info = tarfile.TarInfo("huge")
    info.size = 8 << 60
    data = info.tobuf(tarfile.GNU_FORMAT) + bytes(10240)
    assert "looks like a bomb" in refused(tmp_path, "d.tar", data)


def test_too_many_files(tmp_path: Path) -> None:
    """More members than the limit are refused, in both kinds of archive."""
    files = [(f"{number}", b"") for number in range(50)]
    for name, data in (("d.tar", tar(*files)), ("d.zip", zipped(*files))):
        root = tmp_path / name
        root.mkdir()
        assert refused(root, name, data, Limits(n_files=20))


def test_a_header_without_end(tmp_path: Path) -> None:
    """A header for which memory would be taken is refused before it is."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 200 << 20
    data = gzip.compress(info.tobuf(tarfile.PAX_FORMAT) + bytes(200 << 20), 1)
    assert "cannot be unpacked" in refused(tmp_path, "d.tar.gz", data)


@pytest.mark.parametrize("end", [".zip", *PACKERS])
def test_archives_that_are_cut_short(tmp_path: Path, end: str) -> None:
    """Half an archive is no archive, wherever it ends."""
    noise = [(f"{number}", os.urandom(2000)) for number in range(10)]
    whole = zipped(*noise) if end == ".zip" else PACKERS[end](tar(*noise))
    for number, size in enumerate((10, len(whole) // 2, len(whole) - 20_000)):
        root = tmp_path / str(number)
        root.mkdir()
        if size > 0:
            assert "cannot be unpacked" in refused(root, "d" + end, whole[:size])


@pytest.mark.parametrize("end", [".zip", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".tar"])
def test_what_is_no_archive(tmp_path: Path, end: str) -> None:
    """A page that says 404 is not unpacked, whatever it is called."""
    assert "cannot be unpacked" in refused(tmp_path, "d" + end, b"<html>not found</html>" * 100)


def test_a_damaged_byte(tmp_path: Path) -> None:
    """Checksums within archives count; Python alone takes a damaged header of a tar for its end."""
    whole = tar(*((f"{number}", os.urandom(2000)) for number in range(10)))
    damaged = bytearray(whole)
    damaged[512 * 5 * 5 + 3] ^= 0xFF  # in the sixth header
    assert "damaged" in refused(tmp_path, "d.tar", bytes(damaged))
    other = tmp_path / "zip"
    other.mkdir()
    stored = bytearray(zipped(("a", b"x" * 1000), how=zipfile.ZIP_STORED))
    stored[500] ^= 0xFF
    assert "cannot be unpacked" in refused(other, "d.zip", bytes(stored))


def test_an_encrypted_zip(tmp_path: Path) -> None:
    """A zip with a password is refused with the reason."""
    data = bytearray(zipped(("a", b"1")))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refused(tmp_path, "d.zip", bytes(data))


def test_unpack_wants_an_empty_directory(tmp_path: Path) -> None:
    """What is in the way of a file is never written over."""
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "a").write_text("mine")
    (tmp_path / "d.tar").write_bytes(tar(("a", b"1")))
    with pytest.raises(DataError):
        unpack(tmp_path / "d.tar", "d.tar", tmp_path / "into", limits=Limits(), reporter=Silent())
    assert (tmp_path / "into" / "a").read_text() == "mine"

"""A bundle as one file: the same bytes each time, read back as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from repropack.archives import (
    is_archive,
    packing,
    refuse_archive,
)
from repropack.archives.parts import Joined, Splitting, joined, parse_list
from repropack.archives.tar import Headers
from repropack.bundle import read_bundle
from repropack.errors import BuildError, IntegrityError, UsageError
from tests.unit.archived import TOP, bundle, look, unpacked, written

__all__ = ["bundle"]  # a fixture


@pytest.mark.parametrize("name", ["b.tar.zst", "b.tar.gz"])
def test_there_and_back(name: str, bundle: Path, tmp_path: Path) -> None:
    """What is unpacked is the bundle: contents, modes, links and odd names."""
    archive = written(bundle, tmp_path / name)
    assert not archive.is_split and archive.size_bytes == archive.path.stat().st_size
    before = os.umask(0o077)
    try:
        with unpacked(archive.path, tmp_path / "cache") as directory:
            assert look(directory) == look(bundle) and directory.name == TOP
            assert read_bundle(directory).digest == read_bundle(bundle).digest
    finally:
        os.umask(before)


@pytest.mark.parametrize("name", ["b.tar.zst", "b.tar.gz"])
def test_same_bytes(name: str, bundle: Path, tmp_path: Path) -> None:
    """A copy without its times, and with what a verification left, gives the same archive."""
    copy = Path(
        shutil.copytree(bundle, tmp_path / "copy", symlinks=True, copy_function=shutil.copy)
    )
    os.utime(copy / "SHA256SUMS", ns=(0, (bundle / "SHA256SUMS").stat().st_mtime_ns))
    (copy / ".repropack").mkdir()
    (copy / ".repropack" / "x").write_text("left")
    one, other = written(bundle, tmp_path / name), written(copy, tmp_path / f"2{name}")
    assert one.path.read_bytes() == other.path.read_bytes()


@pytest.mark.parametrize("name", ["b.tar.zst", "b.tar.gz"])
def test_same_bytes_with_any_cores(
    name: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One core or sixteen, and whichever of them packs which piece: the same bytes."""
    monkeypatch.setattr(packing, "PIECE", 100_000)
    found = set()
    for number, cores in enumerate((1, 16, None)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        found.add(written(bundle, tmp_path / f"{number}{name}").path.read_bytes())
    assert len(found) == 1
    with unpacked(tmp_path / f"0{name}", tmp_path / "cache") as directory:
        assert look(directory) == look(bundle)
    monkeypatch.setattr(packing, "PIECE", 9999)  # headers are cut anywhere
    with unpacked(written(bundle, tmp_path / name).path, tmp_path / "cache") as directory:
        assert look(directory) == look(bundle)


@pytest.mark.parametrize("length", [1, 99, 100, 101, 300])
@pytest.mark.parametrize("size", [0, 1, 512, 8**11 - 1, 8**11, 1 << 50])
@pytest.mark.parametrize("executable", [False, True])
def test_headers_are_those_of_tarfile(length: int, size: int, executable: bool) -> None:
    """Headers of files, which we write ourselves, are the bytes that Python's tarfile writes."""
    name = ("\udcff\n" + "ü" * 200).encode("utf-8", "surrogateescape")[:length]
    info = tarfile.TarInfo(os.fsdecode(name))
    info.size, info.mtime, info.mode = size, 1_750_000_000, 0o755 if executable else 0o644
    right = info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    assert Headers(1_750_000_000).file(name, size, executable=executable) == right


@pytest.mark.parametrize("change", [b"", b"shorter", b"l" * 200_000])
def test_a_file_that_changes_meanwhile(
    change: bytes, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with the file's name; no archive and no thread is left."""
    copy = Path(shutil.copytree(bundle, tmp_path / "copy", symlinks=True))
    monkeypatch.setattr(packing, "PIECE", 4096)
    victim = copy / "source" / "victim"
    victim.write_bytes(b"x" * 100_000)
    readv = os.readv

    def slow(file: int, room: list[memoryview]) -> int:
        if os.fstat(file).st_ino == victim.stat().st_ino:
            victim.write_bytes(change)
        return readv(file, room)

    monkeypatch.setattr(os, "readv", slow)
    before = threading.active_count()
    with pytest.raises(BuildError, match="victim changed while it was read"):
        written(copy, tmp_path / "b.tar.zst")
    assert threading.active_count() == before
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_disk_that_is_full(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody goes on reading or packing, and nothing is left."""
    monkeypatch.setattr(packing, "PIECE", 4096)

    def full(self: Splitting, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Splitting, "write", full)
    before = threading.active_count()
    with pytest.raises(BuildError, match="No space left") as caught:
        written(bundle, tmp_path / "b.tar.zst")
    assert caught.value.hint and threading.active_count() == before
    assert list(tmp_path.iterdir()) == []


def test_tar_reads_it(bundle: Path, tmp_path: Path) -> None:
    """The real tar unpacks it to the same files, of nobody in particular."""
    archive = written(bundle, tmp_path / "b.tar.gz")
    subprocess.run(["tar", "-C", tmp_path, "-xzpf", archive.path], check=True)
    assert look(tmp_path / TOP) == look(bundle)
    with tarfile.open(archive.path) as opened:
        names = opened.getnames()
        owners = {(each.uid, each.gid, each.uname, each.gname) for each in opened}
        times = {each.mtime for each in opened}
    assert owners == {(0, 0, "", "")} and len(times) == 1
    assert len(names) == len(set(names))


def test_parts(bundle: Path, tmp_path: Path) -> None:
    """Parts are cut at their size; the first, their list, and all of them joined are the bundle."""
    whole = written(bundle, tmp_path / "whole.tar.zst").path.read_bytes()
    archive = written(bundle, tmp_path / "b.tar.zst", part_bytes=2_000_000)
    sizes = [path.stat().st_size for path in archive.parts]
    assert archive.is_split and set(sizes[:-1]) == {2_000_000} and sum(sizes) == len(whole)
    assert [path.name for path in archive.parts] == [
        "b.tar.zst.001",
        "b.tar.zst.002",
        "b.tar.zst.003",
    ]
    assert not archive.path.exists()
    done = subprocess.run(["sha256sum", "-c", "--quiet", archive.list.name], cwd=tmp_path)
    assert done.returncode == 0
    told = [line[3:].strip() for line in archive.list.read_text().splitlines() if " cat " in line]
    subprocess.run(told[0], shell=True, cwd=tmp_path, check=True)  # noqa: S602
    assert archive.path.read_bytes() == whole
    archive.path.unlink()
    for named in (archive.parts[0], archive.list):
        assert is_archive(named)
        with unpacked(named, tmp_path / "cache") as directory:
            assert look(directory) == look(bundle)


def test_bad_parts(bundle: Path, tmp_path: Path) -> None:
    """A part that is missing or another, and a list that names other files, are exit code 7."""
    archive = written(bundle, tmp_path / "b.tar.zst", part_bytes=2_000_000)
    second = archive.parts[1].read_bytes()
    archive.parts[1].write_bytes(second[:-1] + bytes([second[-1] ^ 1]))
    with pytest.raises(IntegrityError, match=r"b\.tar\.zst\.002 is not the part"):
        joined(archive.list)
    archive.parts[1].unlink()
    with pytest.raises(IntegrityError, match="cannot be read"):
        joined(archive.parts[0])
    for name in ("../../etc/passwd", "b.tar.zst.003", "b.tar.zst"):
        archive.list.write_text(f"{'0' * 64}  {name}\n")
        with pytest.raises(IntegrityError, match="not a line of a list of parts"):
            joined(archive.list)
    archive.list.unlink()
    with pytest.raises(IntegrityError, match="cannot be read"):
        joined(archive.parts[0])


@pytest.mark.parametrize("text", ["", "# nothing\n", "x\n", f"{'0' * 64}  b.002\n"])
def test_no_list(text: str) -> None:
    """A list names the parts from the first on."""
    with pytest.raises(ValueError, match="parts"):
        parse_list(text, "b")


def test_joined_reads_across_parts(tmp_path: Path) -> None:
    """Empty parts and any size of reading."""
    parts = (b"", b"abc", b"", b"d" * 5000)
    for number, part in enumerate(parts):
        (tmp_path / f"{number}").write_bytes(part)
    whole = Joined(name="x", paths=tuple(tmp_path / f"{n}" for n in range(len(parts))))
    with whole.open("rb") as file:
        assert file.read(2) + file.read(10) + file.read() == b"".join(parts)
    assert whole.size_bytes == 5003


@pytest.mark.parametrize("name", ["b.zip", "b", ".tar.zst", "b.tar.xz"])
def test_names_of_archives(name: str, tmp_path: Path) -> None:
    """The name says how it is packed."""
    with pytest.raises(UsageError, match="as its name says"):
        refuse_archive(tmp_path / name, force=True)


@pytest.mark.parametrize("there", ["b.tar.zst", "b.tar.zst.007", "b.tar.zst.sha256"])
def test_nothing_is_replaced_unasked(there: str, bundle: Path, tmp_path: Path) -> None:
    """An archive, a part and a list stay where they are without --force, and go with it."""
    (tmp_path / there).write_text("old")
    with pytest.raises(UsageError, match="exists already"):
        refuse_archive(tmp_path / "b.tar.zst", force=False)
    refuse_archive(tmp_path / "b.tar.zst", force=True)
    written(bundle, tmp_path / "b.tar.zst")
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar.zst"]
    (tmp_path / "d.tar.gz").mkdir()
    with pytest.raises(UsageError):
        refuse_archive(tmp_path / "d.tar.gz", force=True)


def test_what_cannot_be_written(bundle: Path, tmp_path: Path) -> None:
    """A place that is no directory, too many parts: an error, and nothing half-written."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BuildError):
        written(bundle, tmp_path / "file" / "b.tar.zst")
    with pytest.raises(BuildError, match="more than 999 parts"):
        written(bundle, tmp_path / "b.tar.zst", part_bytes=1000)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]

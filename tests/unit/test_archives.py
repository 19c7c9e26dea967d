"""A bundle as one file: the same bytes each time, read back as it was, refused where hostile."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from repropack.archives import (
    Archive,
    at_hand,
    is_archive,
    packing,
    refuse_archive,
    refuse_links_of,
    write_archive,
)
from repropack.archives.parts import Joined, Splitting, joined, parse_list
from repropack.archives.tar import Headers
from repropack.bundle import read_bundle
from repropack.errors import BuildError, IntegrityError, SourceError, UsageError
from repropack.marks import new_scratch
from repropack.progress import Silent
from repropack.source import open_source
from repropack.zstd import Packer
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

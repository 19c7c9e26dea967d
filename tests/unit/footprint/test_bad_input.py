"""What lies in real data directories, and what becomes of footprint files."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from repropack.errors import DataError, IntegrityError, InvalidError, UsageError
from repropack.footprint import ours
from repropack.footprint.model import Algorithm, Found
from repropack.footprint.packing import writing
from repropack.footprint.reading import CHANGED, hash_file
from repropack.footprint.walk import Tree
from tests.unit.footprint.datasets import (
    How,
    checked,
    differences,
    document,
    made,
    make,
    root_hash,
)


def test_fifos_sockets_and_what_vanishes_are_told_at_once(tmp_path: Path) -> None:
    """Everything that cannot be read is named in one error; no footprint is left."""
    data = make(tmp_path / "d", {"good": "x", "sub/": ""})
    os.mkfifo(data / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(data / "sub" / "sock"))
        with pytest.raises(DataError) as caught:
            made(data, tmp_path / "f.json")
    assert caught.value.problems == ("pipe is a FIFO", "sub/sock is a socket")
    assert os.listdir(tmp_path) == ["d"]


def test_a_device_or_fifo_instead_of_a_file(tmp_path: Path) -> None:
    """It is named as what it is, and never opened: that alone may change something."""
    os.mkfifo(tmp_path / "pipe")
    for place, problem in (
        (Path("/dev/null"), "null is a character device"),
        (tmp_path / "pipe", "pipe is a FIFO"),
    ):
        with pytest.raises(DataError) as caught:
            made(place, tmp_path / "f.json")
        assert caught.value.problems == (problem,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_among_files(tmp_path: Path) -> None:
    """A device in the data is no data either."""
    data = make(tmp_path / "d", {"a": "x"})
    try:
        os.mknod(data / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except OSError as error:
        pytest.skip(f"no devices here: {error}")
    with pytest.raises(DataError) as caught:
        made(data, tmp_path / "f.json")
    assert caught.value.problems == ("null is a character device",)


def test_links_are_recorded_and_not_followed(tmp_path: Path) -> None:
    """Loops and links to nothing or elsewhere are entries; those that leave the data are told."""
    data = make(tmp_path / "d", {"a/x": "1"})
    (data / "a" / "loop").symlink_to("..")
    (data / "gone").symlink_to("nowhere")
    (data / "out").symlink_to("/etc/passwd")
    result = made(data, tmp_path / "f.json")
    links = {e["path"]: e["link"] for e in document(tmp_path / "f.json")["files"] if "link" in e}
    assert links == {"a/loop": "..", "gone": "nowhere", "out": "/etc/passwd"}
    assert len(result.notes) == 1 and "1 links lead out" in result.notes[0]
    assert checked(data, tmp_path / "f.json", How.DEEP).same
    (data / "gone").unlink()
    (data / "gone").symlink_to("a")
    (data / "out").unlink()
    (data / "out").write_text("")
    assert differences(checked(data, tmp_path / "f.json")) == {
        "changed": ["gone (is a link to a, was one to nowhere)", "out (was a link, is a file)"]
    }


def test_names_of_any_bytes_survive(tmp_path: Path) -> None:
    """Names that are not UTF-8, hold newlines, quotes or backslashes come back as they were."""
    names = [b"latin-\xe9", b"new\nline", b'quote"', b"back\\slash", "\u00fc".encode(), b"tab\t"]
    data = make(tmp_path / "d", {})
    for name in names:
        with open(os.path.join(os.fsencode(data), name), "wb") as file:
            file.write(name)
    os.symlink(b"to-\xff", os.path.join(os.fsencode(data), b"link-\xfe"))
    os.mkdir(os.path.join(os.fsencode(data), b"dir-\xfd"))
    made(data, tmp_path / "f.json", cache=tmp_path)
    text = (tmp_path / "f.json").read_bytes()
    json.loads(text.decode("utf-8"))
    assert b"\\ud" not in text  # no lone surrogates, which other programs refuse
    reader = ours.Reader(tmp_path / "f.json")
    assert {entry.path for entry in reader.entries()} == {*names, b"link-\xfe"}
    assert reader.directories == [b"dir-\xfd"]
    again = root_hash(data, tmp_path / "g.json", cache=tmp_path)
    assert again == reader.summary.root_hash
    assert checked(data, tmp_path / "f.json", How.DEEP).same


@pytest.mark.parametrize("names", [("A", "a"), ("Stra\u00dfe", "STRASSE"), ("\u00e9", "e\u0301")])
def test_names_that_are_one_elsewhere(tmp_path: Path, names: tuple[str, str]) -> None:
    """Names that another system takes for one are told, and both are recorded."""
    data = make(tmp_path / "d", dict.fromkeys(names, "x"))
    result = made(data, tmp_path / "f.json")
    assert result.summary.n_files == 2
    assert "one file on other systems" in result.notes[0]


def found_in(tree: Tree) -> Found:
    """The only file of a tree."""
    return next(iter(tree.walk()))


@pytest.mark.parametrize("after", [b"", b"longer than before", b"others"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, after: bytes) -> None:
    """Growing, shrinking and rewriting are noticed, and never become a hash."""
    data = make(tmp_path / "d", {"a": "before"})
    tree = Tree(data)
    found = found_in(tree)

    def interfere(size_bytes: int) -> None:
        (data / "a").write_bytes(after)

    answer = hash_file(tree, found, Algorithm.SHA256, advance=interfere)
    assert answer == CHANGED


def test_a_file_that_vanishes_or_becomes_another(tmp_path: Path) -> None:
    """Between being found and being read: gone, replaced by a FIFO or by a link."""
    data = make(tmp_path / "d", {"a": "x"})
    tree = Tree(data)
    found = found_in(tree)
    nothing = lambda size_bytes: None  # noqa: E731
    (data / "a").unlink()
    assert "vanished" in hash_file(tree, found, Algorithm.MD5, advance=nothing)
    os.mkfifo(data / "a")
    assert hash_file(tree, found, Algorithm.MD5, advance=nothing) == CHANGED
    (data / "a").unlink()
    (data / "a").symlink_to("/etc/hostname")
    assert isinstance(hash_file(tree, found, Algorithm.MD5, advance=nothing), str)


def test_a_sparse_file_is_what_it_reads_as(tmp_path: Path) -> None:
    """Holes are zeros."""
    for name in ("one", "two"):
        make(tmp_path / name, {})
    with (tmp_path / "one/a").open("wb") as file:
        file.truncate(5 << 20)
    (tmp_path / "two/a").write_bytes(bytes(5 << 20))
    assert root_hash(tmp_path / "one", tmp_path / "1") == root_hash(
        tmp_path / "two", tmp_path / "2"
    )


@pytest.mark.parametrize("out", ["d/f.json", "d/sub/f.json", "d", "none/f.json"])
def test_a_footprint_lies_outside_of_the_data(tmp_path: Path, out: str) -> None:
    """In the data it would be part of it; nothing is written."""
    data = make(tmp_path / "d", {"sub/a": "x"})
    with pytest.raises(UsageError):
        made(data, tmp_path / out)
    assert sorted(os.listdir(data)) == ["sub"]


def spoilt(path: Path, old: bytes, new: bytes) -> None:
    """Put other bytes into a footprint."""
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new, 1))


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A footprint of a few files."""
    make(tmp_path / "d", {"a": "1", "b": "22", "c/d": "333", "e/": ""})
    made(tmp_path / "d", tmp_path / "f.json")
    return tmp_path / "f.json"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"path":"a"', b'"path":"A"'),
        (b'"size_bytes":2,', b'"size_bytes":3,'),
        (b'"size_bytes":2,', b'"size_bytes":"2",'),
        (b'"hash":"', b'"hash":"00'),
        (b'"hash":"', b'"hush":"'),
        (b'"n_files":3', b'"n_files":2'),
        (b'"n_files":3', b'"n_files":"3"'),
        (b'"n_bytes":', b'"n_bytes":1e999,"x":'),
        (b'"max_mtime_ns":', b'"max_mtime_ns":Infinity,"x":'),
        (b'"algo":"blake3"', b'"algo":"sha256"'),
        (b'"algo":"blake3"', b'"algo":"crc32"'),
        (b'"root_hash":"', b'"root_hash":"0'),
        (b'{"path":"e"}', b""),
        (b'"dirs"', b'"dir"'),
        (b'"path":"b"', b'"path":"a"'),
        (b'"path":"b"', b'"path_hex":"zz"'),
    ],
)
def test_a_footprint_that_was_tampered_with(recorded: Path, old: bytes, new: bytes) -> None:
    """What does not agree with itself is refused: exit code 7, not a difference of the data."""
    spoilt(recorded, old, new)
    with pytest.raises(IntegrityError, match="not as it was written"):
        checked(recorded.with_name("d"), recorded)


def test_another_hash_of_one_file(recorded: Path) -> None:
    """A footprint with one hash exchanged is refused by its root hash, without reading data."""
    listed = document(recorded)["files"]
    spoilt(recorded, listed[0]["hash"].encode(), listed[1]["hash"].encode())
    with pytest.raises(IntegrityError, match="root hash"):
        checked(recorded.with_name("d"), recorded)


def test_a_footprint_that_was_cut_short(recorded: Path) -> None:
    """At whatever byte it ends, it is never taken for a whole one."""
    text = recorded.read_bytes()
    for length in range(0, len(text), 3):
        recorded.write_bytes(text[:length])
        with pytest.raises((IntegrityError, InvalidError)):
            checked(recorded.with_name("d"), recorded)


@pytest.mark.parametrize("end", ["gz", "zst"])
def test_a_packed_footprint_that_was_cut_short(recorded: Path, end: str) -> None:
    """The same of one that is packed."""
    packed = recorded.with_name(f"f.json.{end}")
    with writing(packed) as file:
        file.write(recorded.read_bytes())
    text = packed.read_bytes()
    assert text[:2] == {"gz": b"\x1f\x8b", "zst": b"\x28\xb5"}[end]
    for length in range(2, len(text), 7):
        packed.write_bytes(text[:length])
        with pytest.raises((IntegrityError, InvalidError)):
            checked(recorded.with_name("d"), packed)
    packed.write_bytes(text[:-9] + bytes([text[-9] ^ 1]) + text[-8:])
    with pytest.raises((IntegrityError, InvalidError)):
        checked(recorded.with_name("d"), packed)
    packed.write_bytes(text)
    assert checked(recorded.with_name("d"), packed).same


def test_a_footprint_of_a_newer_version(recorded: Path) -> None:
    """It is not guessed at: the hint is to upgrade."""
    spoilt(recorded, b"footprint/2", b"footprint/3")
    with pytest.raises(InvalidError, match="this repropack reads") as caught:
        checked(recorded.with_name("d"), recorded)
    assert "upgrade" in str(caught.value.hint)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_footprint_that_was_laid_out_anew(recorded: Path, indent: Any) -> None:
    """Another program's spaces change nothing of what it says."""
    recorded.write_text(json.dumps(document(recorded), indent=indent))
    assert checked(recorded.with_name("d"), recorded, How.DEEP).same


@pytest.mark.parametrize("text", ["", "{", "[]", "hello", '{"schema": 5}', "\0\0", "[" * 100000])
def test_no_footprint_at_all(tmp_path: Path, text: str) -> None:
    """A file of something else is refused with what could be read."""
    (tmp_path / "x.json").write_text(text)
    with pytest.raises((IntegrityError, InvalidError)):
        checked(make(tmp_path / "d", {"a": "x"}), tmp_path / "x.json")


def test_no_data(tmp_path: Path) -> None:
    """A path with nothing there, and a link that leads to nothing, are told as such."""
    (tmp_path / "link").symlink_to("gone")
    for name in ("nothing", "link"):
        with pytest.raises(UsageError, match="nothing"):
            made(tmp_path / name, tmp_path / "f.json")

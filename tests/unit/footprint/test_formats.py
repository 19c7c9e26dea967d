"""Formats of others, and what a check makes of each."""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from repropack.errors import IntegrityError, InvalidError, UsageError
from repropack.footprint import lists, ours
from repropack.footprint.model import Entry
from tests.unit.footprint.datasets import Algorithm, Format, How, checked, differences, made, make

FILES = {"a": "1", "sub/b": "22", "sub/new\nline": "3", "per%cent": "4", "back\\slash": "5"}


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_lists_are_read_as_they_were_written(tmp_path: Path, algorithm: Algorithm) -> None:
    """A list of hashes says which files are there, and what is in them."""
    data = make(tmp_path / "d", FILES)
    name = "B3SUMS" if algorithm is Algorithm.BLAKE3 else "SUMS"
    made(data, tmp_path / name, algorithm=algorithm, format=Format.LIST)
    assert checked(data, tmp_path / name).same
    (data / "a").write_text("2")
    (data / "sub/b").unlink()
    (data / "z").write_text("2")
    assert differences(checked(data, tmp_path / name)) == {
        "added": ["z"],
        "removed": ["sub/b"],
        "changed": ["a (other content)"],
    }


def test_a_tagged_list(tmp_path: Path) -> None:
    """`--tag` names the algorithm; `./`, Windows line ends and comments do not matter."""
    data = make(tmp_path / "d", {"a b": "1"})
    digest = blake3(b"1").hexdigest()
    (tmp_path / "x").write_text(f"BLAKE3 (./a b) = {digest}\r\n\n# comment\n")
    assert checked(data, tmp_path / "x").same
    (tmp_path / "x").write_text(f"{digest} *a b\n")
    assert checked(data, tmp_path / "x", algo=Algorithm.BLAKE3).same
    assert not checked(data, tmp_path / "x").same  # 64 digits are SHA-256 unless somebody says


def test_a_list_in_the_data_is_no_data(tmp_path: Path) -> None:
    """Where the list lies in the directory, as lists do, it is not held against it."""
    data = make(tmp_path / "d", {"a": "1"})
    (data / "MD5SUMS").write_text(hashlib.md5(b"1").hexdigest() + "  a\n")
    assert checked(data, data / "MD5SUMS").same


@pytest.mark.parametrize(
    "text",
    ["{h}  a\nnonsense\n", "{h}  a\n{g}  a\n", "{h}  a\n{h:.40}  b\n", "{h:.50}  a\n"],
)
def test_lists_that_make_no_sense(tmp_path: Path, text: str) -> None:
    """Other lines, two hashes for one file, hashes of several lengths or of none."""
    data = make(tmp_path / "d", {"a": "1"})
    (tmp_path / "x").write_text(text.format(h="0" * 64, g="1" * 64))
    with pytest.raises((IntegrityError, InvalidError)):
        checked(data, tmp_path / "x")


def test_bags(tmp_path: Path) -> None:
    """A manifest of BagIt is of the bag's `data/`, with `%` escapes."""
    bag = make(tmp_path / "bag", {"bagit.txt": "BagIt-Version: 1.0\n"})
    make(bag / "data", FILES)
    out = bag / "manifest-sha256.txt"
    made(bag / "data", out, algorithm=Algorithm.SHA256, format=Format.BAGIT)
    assert b"data/per%25cent" in out.read_bytes() and b"new%0Aline" in out.read_bytes()
    assert checked(bag, out).same
    assert checked(bag / "data", out).same
    (bag / "data" / "a").unlink()
    assert differences(checked(bag, out)) == {"removed": ["a"]}
    out.write_text("0" * 64 + "  elsewhere/a\n")
    with pytest.raises(IntegrityError, match="no payload"):
        checked(bag, out)


def dvc_hash(data: Path) -> str:
    """DVC's hash of a directory, by its definition."""
    listed = [
        {"md5": hashlib.md5(path.read_bytes()).hexdigest(), "relpath": str(path.relative_to(data))}
        for path in data.rglob("*")
        if path.is_file()
    ]
    listed.sort(key=lambda item: item["relpath"])
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


def test_outputs_of_dvc(tmp_path: Path) -> None:
    """`.dvc` files and `dvc.lock`: a directory, a file, and which output is meant."""
    data = make(tmp_path / "data", {"a": "1", "s/b": "\u00fc", "s-": "2"})
    out = f"md5: {dvc_hash(data)}\n  size: 4\n  nfiles: 3\n  hash: md5\n  path: data\n"
    single = f"md5: {hashlib.md5(b'1').hexdigest()}\n  hash: md5\n  path: a\n"
    (tmp_path / "data.dvc").write_text(f"outs:\n- {out}")
    assert checked(data, tmp_path / "data.dvc").same
    stage = f"stages:\n  get:\n    cmd: x\n    outs:\n    - {out}    - {single}".replace(
        "\n  ", "\n      "
    )
    (tmp_path / "dvc.lock").write_text(
        stage.replace("      get:", "  get:")
        .replace("        cmd", "    cmd")
        .replace("        outs", "    outs")
        .replace("        - md5", "    - md5")
    )
    assert checked(data, tmp_path / "dvc.lock").same
    assert checked(data / "a", tmp_path / "dvc.lock").same
    with pytest.raises(UsageError, match="no single output"):
        checked(data / "s", tmp_path / "dvc.lock")
    (data / "a").write_text("2")
    result = checked(data, tmp_path / "data.dvc")
    assert result.changed.count == 1 and "recorded 3 files, 4 bytes" in result.changed.first[0]


@pytest.mark.parametrize("text", ["outs: 5\n", "- 1\n", "outs:\n- path: d\n", "a: [\n", ""])
def test_files_of_dvc_that_say_nothing(tmp_path: Path, text: str) -> None:
    """A `.dvc` file without a hash is refused."""
    (tmp_path / "d.dvc").write_text(text)
    with pytest.raises((IntegrityError, InvalidError, UsageError)):
        checked(make(tmp_path / "d", {"a": "1"}), tmp_path / "d.dvc")


def test_croissant(tmp_path: Path) -> None:
    """`FileObject`s with a sha256 are checked; what is unpacked beside them is not looked at."""
    data = make(tmp_path / "d", {"images.zip": "zip", "images/1.png": "1"})
    digest = hashlib.sha256(b"zip").hexdigest()
    file = {
        "@type": "cr:FileObject",
        "name": "archive",
        "contentUrl": "https://index.example/files/images.zip",
        "sha256": digest,
    }
    document = {"@context": {}, "@type": "sc:Dataset", "distribution": [file]}
    (tmp_path / "croissant.json").write_text(json.dumps(document))
    assert checked(data, tmp_path / "croissant.json").same
    (data / "images.zip").write_text("another")
    assert differences(checked(data, tmp_path / "croissant.json")) == {
        "changed": ["images.zip (other content)"]
    }


NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name)
ENTRIES = st.dictionaries(
    NAMES, st.one_of(st.tuples(st.integers(0, 2**50), st.binary(min_size=32, max_size=32)), NAMES)
)


@settings(max_examples=50, deadline=None)
@given(given_entries=ENTRIES, directories=st.sets(NAMES, max_size=3))
def test_ours_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    given_entries: dict[bytes, tuple[int, bytes] | bytes],
    directories: set[bytes],
) -> None:
    """Any paths, sizes and links come back from the file as they went in."""
    path = tmp_path_factory.mktemp("ours") / "f.json"
    entries = [
        Entry(name, link=what) if isinstance(what, bytes) else Entry(name, what[0], 7, what[1])
        for name, what in sorted(given_entries.items())
    ]
    with path.with_suffix(".spool").open("w+b") as spool, path.open("wb") as file:
        writer = ours.Writer(spool, Algorithm.BLAKE3)
        for entry in entries:
            writer.add(entry)
        summary = writer.finish(file, sorted(directories))
    reader = ours.Reader(path)
    assert reader.summary == summary
    assert list(reader.entries()) == entries
    assert reader.directories == sorted(directories)


@settings(max_examples=50, deadline=None)
@given(names=st.sets(NAMES.filter(lambda name: b"\r" not in name[-1:]), min_size=1))
def test_any_name_in_a_list(names: set[bytes]) -> None:
    """Newlines, backslashes and percent signs are escaped as each format does it."""
    clean = sorted({os.path.normpath(name) for name in names} - {b"."})
    entries = [Entry(name, 1, 1, bytes(32)) for name in clean if not name.startswith(b"//")]
    for write, where in (
        (lists.list_lines, Path("SUMS")),
        (lists.bag_lines, Path("manifest-sha256.txt")),
    ):
        text = b"".join(write(entries))
        found = lists.read(text, where, Algorithm.SHA256)
        assert [entry.path for entry in found.entries()] == [entry.path for entry in entries]


def test_a_check_by_sample(tmp_path: Path) -> None:
    """It reads as many as asked for, the same ones for a seed, and says what it would catch."""
    data = make(tmp_path / "d", {f"{number:03}": str(number) for number in range(200)})
    made(data, tmp_path / "f.json")
    result = checked(data, tmp_path / "f.json", How.SAMPLED, sample=0.1, seed=3)
    assert (result.same, result.hashed, result.seed) == (True, 20, 3)
    expected = 1 - math.comb(190, 20) / math.comb(200, 20)  # 10 bad ones of 200, 20 of them read
    assert result.caught(0.05) == pytest.approx(expected)
    for path in data.iterdir():
        before = path.stat()
        path.write_text("x" * before.st_size)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    one = checked(data, tmp_path / "f.json", How.SAMPLED, sample=0.05, seed=3)
    assert one.changed.count == one.hashed == 10
    assert checked(data, tmp_path / "f.json", How.SAMPLED, sample=0.05, seed=3).changed == (
        one.changed
    )
    assert checked(data, tmp_path / "f.json").same  # what a quick check cannot see

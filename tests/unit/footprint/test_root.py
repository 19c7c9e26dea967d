"""The root hash: paths and contents, and nothing else."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from repropack.footprint.hashing import hash_all
from repropack.footprint.model import Algorithm, Hashed
from repropack.footprint.pool import Pool
from repropack.footprint.walk import Tree
from tests.unit.footprint.datasets import age, document, made, make, root_hash

NAMES = st.binary(min_size=1, max_size=6).filter(
    lambda name: b"\0" not in name and b"/" not in name and name not in (b".", b"..")
)
TREES = st.dictionaries(st.tuples(NAMES, NAMES), st.binary(max_size=40), max_size=8)


def place(root: Path, tree: dict[tuple[bytes, bytes], bytes], order: list[int]) -> Path:
    """A tree of two levels, made in some order."""
    pairs = sorted(tree.items())
    for index in order:
        (folder, name), content = pairs[index]
        below = os.path.join(os.fsencode(root), folder)
        os.makedirs(below, exist_ok=True)
        with open(os.path.join(below, name), "wb") as file:
            file.write(content)
    root.mkdir(exist_ok=True)
    return root


@settings(max_examples=25, deadline=None)
@given(tree=TREES, seed=st.integers(0, 99))
def test_the_same_files_have_the_same_root_hash(
    tree: dict[tuple[bytes, bytes], bytes], seed: int
) -> None:
    """Order of making, place, times, modes, path as typed: the root hash depends on none."""
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        order = list(range(len(tree)))
        one = place(here / "one", tree, order)
        random.Random(seed).shuffle(order)
        other = place(here / "somewhere" / "else", tree, order) if tree else one
        age(other, seconds=86400.5)
        expected = root_hash(one, here / "one.json")
        assert root_hash(other, here / "two.json") == expected
        assert root_hash(Path(f"{other}/./"), here / "three.json", jobs=1) == expected
        copy = shutil.copytree(one, here / "copy")
        assert root_hash(copy, here / "four.json", cache=here / "cache") == expected
        assert root_hash(copy, here / "five.json", cache=here / "cache") == expected


@settings(max_examples=25, deadline=None)
@given(tree=TREES, other=TREES)
def test_other_files_have_another_root_hash(
    tree: dict[tuple[bytes, bytes], bytes], other: dict[tuple[bytes, bytes], bytes]
) -> None:
    """Two trees have the same root hash only if they are the same."""
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        one = place(here / "one", tree, list(range(len(tree))))
        two = place(here / "two", other, list(range(len(other))))
        same = root_hash(one, here / "1.json") == root_hash(two, here / "2.json")
        assert same == (tree == other)


def test_root_hash_is_what_the_documentation_says(tmp_path: Path) -> None:
    """The definition, written a second time."""
    data = make(tmp_path / "d", {"b": "two", "a/x": "one", "a-b": "three", "empty/": ""})
    os.symlink("b", data / "c")

    def part(letter: bytes, path: bytes, content: bytes) -> bytes:
        lengths = (len(path).to_bytes(8, "big"), len(content).to_bytes(8, "big"))
        return letter + lengths[0] + path + lengths[1] + content

    text = b"repropack.footprint/2\n"
    text += part(b"f", b"a-b", blake3(b"three").digest())
    text += part(b"f", b"a/x", blake3(b"one").digest())
    text += part(b"f", b"b", blake3(b"two").digest())
    text += part(b"l", b"c", b"b")
    text += part(b"d", b"empty", b"")
    assert root_hash(data, tmp_path / "f.json") == blake3(text).hexdigest()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_time_zone_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """The whole footprint is the same in another time zone."""
    data = make(tmp_path / "d", {"a": "1"})
    made(data, tmp_path / "one.json")
    monkeypatch.setenv("TZ", zone)
    made(data, tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_entries_are_sorted_by_the_bytes_of_their_paths(tmp_path: Path) -> None:
    """`a-b` comes before `a/x`, as its bytes do, though `a` comes before `a-b`."""
    names = ["a/x", "a-b", "a.b", "a0", "B", "\u00e9", "a/x-/y", "a/x0"]
    make(tmp_path / "d", dict.fromkeys(names, "x"))
    made(tmp_path / "d", tmp_path / "f.json")
    listed = [entry["path"].encode() for entry in document(tmp_path / "f.json")["files"]]
    assert listed == sorted(name.encode() for name in names)


def test_hashes_come_in_the_order_of_the_files(tmp_path: Path) -> None:
    """Batches, known hashes and wanted ones leave in the order in which they came."""
    data = make(tmp_path / "d", {f"{number:05}": str(number) for number in range(2500)})
    tree = Tree(data)
    items = [Hashed(found, None, b"", i % 3 > 0) for i, found in enumerate(tree.walk())]
    done = list(hash_all(iter(items), Pool(tree, Algorithm.MD5, jobs=1), lambda: None))
    assert [item.found.path for item in done] == [item.found.path for item in items]
    assert [bool(item.hash) for item in done] == [item.wanted for item in items]


def test_a_single_file_is_known_by_its_name(tmp_path: Path) -> None:
    """A file has the root hash of a directory that holds it alone, wherever it is."""
    alone = make(tmp_path / "d", {"data.csv": "1,2\n"}) / "data.csv"
    assert root_hash(alone, tmp_path / "1.json") == root_hash(tmp_path / "d", tmp_path / "2.json")

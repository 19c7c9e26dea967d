"""What is told of a dataset, held against what is known of it."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from repropack.describing import images
from repropack.describing.describe import describe
from repropack.describing.layout import Place, place_of
from repropack.describing.model import Description
from repropack.describing.telling import lines
from repropack.footprint import footprint
from repropack.progress import Silent


def described(root: Path) -> Description:
    """The description of a directory, by one process."""
    recorded = root.with_name(root.name + ".footprint.json")
    footprint(root, recorded, reporter=Silent())
    return describe(root, recorded, jobs=1, reporter=Silent())


def write(root: Path, **files: str | bytes) -> Path:
    """Files by name; `__` stands for a `/` and `_D_` for a dot."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_D_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def save(path: Path, values: np.ndarray, mode: str | None = None) -> np.ndarray:
    """An image file of these values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    (image.convert(mode) if mode else image).save(path)
    return values


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("train/cat/1.png", ("train", "cat")),
        ("train/1.png", ("train", "")),
        ("images/val2017/1.jpg", ("val2017", "")),
        ("cat/1.png", ("", "cat")),
        ("1.png", ("", "")),
        ("Testing_Set/cat/deep/1.png", ("Testing_Set", "cat")),
        ("trainer/1.png", ("", "trainer")),
        ("contest/1.png", ("", "contest")),
        ("data/train.csv", ("train", "")),
        ("cat/train.png", ("", "cat")),
    ],
)
def test_places(path: str, place: tuple[str, str]) -> None:
    """Splits are told by whole words in a path, classes by the directory below."""
    assert place_of(path) == Place(*place)


def test_channels_are_numpys(tmp_path: Path) -> None:
    """Mean and deviation equal NumPy's over all pixels at once, for colour, grey and 16 bits."""
    random = np.random.default_rng(0)
    root = tmp_path / "d"
    colour = [
        save(root / f"train/c/{n}.png", random.integers(0, 256, (20 + n, 31, 3), dtype=np.uint8))
        for n in range(9)
    ]
    grey = [
        save(root / f"test/c/{n}.png", random.integers(250, 256, (13, 17), dtype=np.uint8))
        for n in range(5)
    ]
    deep = [
        save(root / f"test/c/{n}.tif", random.integers(0, 65536, (9, 8), dtype=np.uint16))
        for n in range(3)
    ]
    found = described(root).channels
    assert [(c.split, c.n_channels, c.bits, c.n_images) for c in found] == [
        ("train", 3, 8, 9),
        ("test", 1, 8, 5),
        ("test", 1, 16, 3),
    ]
    largest = (255.0, 255.0, 65535.0)
    for channels, values, top in zip(found, (colour, grey, deep), largest, strict=True):
        pixels = np.concatenate([v.reshape(-1, channels.n_channels) for v in values]) / top
        np.testing.assert_allclose(channels.mean, pixels.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(channels.std, pixels.std(axis=0), rtol=1e-12)
        assert channels.n_pixels == len(pixels)
    assert (found[0].widths, found[0].heights) == ((31, 31), (20, 28))


def test_equal_pixels_have_no_deviation(tmp_path: Path) -> None:
    """A constant far from zero has deviation 0 to the last digit: nothing cancels."""
    values = np.full((200, 200, 3), 253, dtype=np.uint8)
    for n in range(3):
        save(tmp_path / f"d/a/{n}.png", values)
    channels = described(tmp_path / "d").channels[0]
    assert channels.std == (0.0, 0.0, 0.0)
    assert channels.mean == (253 / 255,) * 3


def test_modes(tmp_path: Path) -> None:
    """Palettes and transparency count as the colours that they show; floats are told, not read."""
    values = np.random.default_rng(1).integers(0, 256, (10, 10, 3), dtype=np.uint8)
    root = tmp_path / "d"
    save(root / "a.png", values, "P")
    save(root / "b.png", values, "RGBA")
    save(root / "c.png", values, "1")
    save(root / "d.tif", values[..., 0].astype(np.float32))
    (root / "e.png").write_bytes(b"no image")
    found = described(root)
    assert [(c.n_channels, c.n_images) for c in found.channels] == [(1, 1), (3, 2)]
    assert [path for path, _ in found.problems] == ["d.tif", "e.png"]
    assert found.problems[1][1].startswith("no image that can be read")


def test_counts_and_leakage(tmp_path: Path) -> None:
    """Counts by split and class; a file in two splits, and one in two classes, is told."""
    root = write(
        tmp_path / "d",
        train__cat__1_D_png=b"a",
        train__cat__2_D_png=b"b",
        train__dog__1_D_png=b"c",
        train__dog__2_D_png=b"b",
        test__cat__1_D_png=b"a",
        test__dog__1_D_png=b"d",
        test__dog__empty_D_png=b"",
        train__LICENSE=b"l",
        test__empty_D_png=b"",
        README=b"r",
    )
    found = described(root)
    assert found.layout == "split/class/file"
    assert [(s.name, s.n_files, dict(s.classes)) for s in found.splits] == [
        ("train", 4, {"cat": 2, "dog": 2}),
        ("test", 4, {"cat": 1, "dog": 2}),
    ]
    told = [(leak.kind, leak.between, leak.n_contents, leak.first) for leak in found.leaks]
    assert told == [
        ("split", ("train", "test"), 1, (("train/cat/1.png", "test/cat/1.png"),)),
        ("class", ("cat", "dog"), 1, (("train/cat/2.png", "train/dog/2.png"),)),
    ]
    text = list(lines(found))
    assert "leakage: files that are in train and in test: 1" in text
    assert "  train/cat/1.png = test/cat/1.png" in text


def test_no_leakage_is_said(tmp_path: Path) -> None:
    """That no file is in two splits is a result, too; classes alone are no splits."""
    root = write(tmp_path / "d", train__a_D_png=b"a", test__b_D_png=b"b")
    assert "no file is in two splits" in list(lines(described(root)))
    other = write(tmp_path / "e", cat__a_D_png=b"a", dog__b_D_png=b"b")
    found = described(other)
    assert (found.layout, found.leaks) == ("class/file", ())
    assert "no file is in two splits" not in list(lines(found))


def test_equal_tables_are_leakage(tmp_path: Path) -> None:
    """The hashes of all files count, not only of images."""
    root = write(tmp_path / "d", train_D_csv="x,y\n1,2\n", test_D_csv="x,y\n1,2\n")
    assert [leak.between for leak in described(root).leaks] == [("train", "test")]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "x,label\n1,a\n2,b\n3,a\n", (3, ("x", "label"), (("a", 2), ("b", 1)))),
        ("a.csv", "1,2\n3,4\n", (2, ("column 1", "column 2"), ())),
        ("a.csv", 'x;Class\n"1;2\n3";0\n', (1, ("x", "Class"), (("0", 1),))),
        ("a.tsv", "x\ty\r\n1\t2\r\n", (1, ("x", "y"), (("2", 1),))),
        ("a.csv", "\ufeffx,z\n1,2", (1, ("x", "z"), ())),
        ("a.csv", "", (0, (), ())),
        ("a.csv.gz", "x,z\n1,2\n", (1, ("x", "z"), ())),
    ],
)
def test_tables(
    tmp_path: Path, name: str, content: str, expected: tuple[object, object, object]
) -> None:
    """Rows, columns and labels are counted, whatever separates them."""
    (tmp_path / "d").mkdir()
    data = content.encode()
    (tmp_path / "d" / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    (table,) = described(tmp_path / "d").tables
    assert (table.n_rows, table.columns, table.labels) == expected


def test_identifiers_are_no_labels(tmp_path: Path) -> None:
    """A column with a value for each of very many rows has no classes."""
    rows = "".join(f"{n},{n * 7}\n" for n in range(2000))
    (table,) = described(write(tmp_path / "d", a_D_csv="x,y\n" + rows)).tables
    assert (table.n_rows, table.label, table.labels) == (2000, "", ())


def test_arrays(tmp_path: Path) -> None:
    """Names, shapes and types come out of headers; pickled objects are never opened."""
    root = tmp_path / "d"
    root.mkdir()
    np.savez(root / "a.npz", x=np.zeros((3, 4), np.float32), y=np.zeros(3, np.int64))
    np.save(root / "b.npy", np.array([print], dtype=object), allow_pickle=True)
    np.save(root / "c.npy", np.zeros((), bool))
    with h5py.File(root / "d.h5", "w") as file:
        file.create_group("g").create_dataset("v", data=np.zeros((2, 5), np.uint8))
    found = [(a.path, a.name, a.shape, a.dtype) for a in described(root).arrays]
    assert found == [
        ("a.npz", "x", (3, 4), "float32"),
        ("a.npz", "y", (3,), "int64"),
        ("b.npy", "", (1,), "objects (pickled: not looked into)"),
        ("c.npy", "", (), "bool"),
        ("d.h5", "g/v", (2, 5), "uint8"),
    ]


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.h5", "a.csv.gz", "a.csv"])
def test_damaged_files(tmp_path: Path, name: str) -> None:
    """What is not what its name says is told with the reason, and the rest is described."""
    root = write(tmp_path / "d", b_D_csv="x,z\n1,2\n")
    (root / name).write_bytes(b"\x93NUMPY\x01\x00\xff\xff\0{'shape': __import__('os')}")
    found = described(root)
    assert [path for path, _ in found.problems] == [name]
    assert [table.path for table in found.tables] == ["b.csv"]


def test_pointers_are_no_data(tmp_path: Path) -> None:
    """A pointer of Git LFS where an image should be is told as one."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    found = described(write(tmp_path / "d", a_D_png=pointer, b_D_txt=pointer))
    assert [path for path, _ in found.problems] == ["a.png", "b.txt"]
    assert "git lfs pull" in found.problems[0][1]


def test_a_single_file(tmp_path: Path) -> None:
    """A dataset may be one file."""
    table = tmp_path / "t.csv"
    table.write_text("x,z\n1,2\n")
    footprint(table, tmp_path / "f.json", reporter=Silent())
    found = describe(table, tmp_path / "f.json", jobs=1, reporter=Silent())
    assert found.tables[0].n_rows == 1


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Pillow and h5py the rest is told, and what would help."""
    root = write(tmp_path / "d", a_D_png=b"x", b_D_h5=b"y", c_D_csv="x,z\n1,2\n")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = described(root)
    assert len(found.tables) == 1
    assert len(found.notes) == 2
    assert all("repropack[describe]" in note for note in found.notes)


def test_odd_names(tmp_path: Path) -> None:
    """Names that are not UTF-8 are described like others."""
    root = tmp_path / "d"
    root.mkdir()
    (root / os.fsdecode(b"\xff.csv")).write_text("x,z\n1,2\n")
    assert described(root).tables[0].n_rows == 1


def test_sums_are_added_without_rounding() -> None:
    """Sums of whole numbers are the same in any order, so for any number of processes."""
    random = np.random.default_rng(2)
    parts = [
        images.Measured(1, 1, 8, (int(a),), (int(a) ** 2,)) for a in random.integers(0, 2**62, 50)
    ]
    totals = [images.Total(), images.Total()]
    for each in parts:
        totals[0].add(each)
    for each in reversed(parts):
        totals[1].add(each)
    assert totals[0] == totals[1]

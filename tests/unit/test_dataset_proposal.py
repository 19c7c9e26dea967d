"""The `datasets:` that `init` proposes."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.config import Dataset, parse_config
from repropack.dataset_proposal import Local
from repropack.inspection import inspect
from repropack.proposal import propose
from tests.unit.detectors.tree import Tree

CODE = """\
import pandas as pd
import torchvision
x = pd.read_csv("raw/train.csv")
y = pd.read_csv("/mnt/shared/table.csv")
z = open("missing/words.txt").read()
w = pd.read_csv("data/small.csv")
torchvision.datasets.CIFAR10("data/cifar", download=True)
"""


def proposed(directory: Path | None, **files: str) -> str:
    """The text for these tracked files beside what is in the directory."""
    tree = Tree({name.replace("__", "/").replace("_D_", "."): text for name, text in files.items()})
    return propose(inspect(tree, None), tree, Local(directory=directory))


def make(root: Path, *names: str) -> Path:
    """Files that are not git's."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    return root


def test_what_is_here_is_filled_in(tmp_path: Path) -> None:
    """Directories of data that git has nothing of, DVC's outputs and read paths become entries."""
    root = make(tmp_path, "raw/train.csv", "data/small.csv", "sub/dataset/a", ".hidden/data/a")
    text = proposed(root, main_D_py=CODE, images_D_dvc="outs: []\n", README="")
    (root / "images").mkdir()
    text = proposed(root, main_D_py=CODE, images_D_dvc="outs: []\n", README="")
    assert parse_config(text).datasets == (
        Dataset(name="images", path="images"),
        Dataset(name="data", path="data"),
        Dataset(name="dataset", path="sub/dataset"),
        Dataset(name="train", path="raw/train.csv"),
    )
    assert "images: {path: images}    # images.dvc is DVC's; a url:" in text
    assert "train: {path: raw/train.csv}    # main.py:3 reads it" in text
    missing = '#  words: {path: missing/words.txt, url: "https://…", sha256: "…"}    # main.py:5'
    assert missing in text
    assert "/mnt/shared" not in text
    assert "# torchvision.datasets.CIFAR10 (main.py:7) downloads data" in text


def test_nothing_here(tmp_path: Path) -> None:
    """Without any of it the key itself is a comment, which can be uncommented."""
    text = proposed(tmp_path, main_D_py=CODE)
    assert parse_config(text).datasets == ()
    lines = [line for line in text.splitlines() if line.startswith(("#datasets:", "#  "))]
    kept = [line[1:] for line in lines if "path:" in line or "datasets" in line]
    found = parse_config("\n".join(kept).replace('"…"', f'"{"ab" * 32}"')).datasets
    assert [each.path for each in found] == ["raw/train.csv", "missing/words.txt", "data/small.csv"]


def test_nothing_to_say(tmp_path: Path) -> None:
    """A project whose data is committed gets no `datasets:`."""
    root = make(tmp_path, "data/a.csv")
    code = "open('data/a.csv').read()\n"
    assert "datasets:" not in proposed(root, main_D_py=code, data__a_D_csv="1")
    assert "datasets:" in proposed(root, main_D_py=code)


@pytest.mark.parametrize("name", ["a b.csv", "ünï.csv", "a:b #c.csv", "a'b\".csv", "yes.csv"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    """Whatever a file is called, the proposal is read back as it is meant."""
    root = make(tmp_path, f"raw/{name}")
    text = proposed(root, main_D_py=f"open({('raw/' + name)!r}).read()\n")
    assert [each.path for each in parse_config(text).datasets] == [f"raw/{name}"]

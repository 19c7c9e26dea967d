"""Files and code → where data comes from."""

from __future__ import annotations

import pytest

from repropack.detectors import Reading, data
from tests.unit.detectors.tree import Tree


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "from sklearn import datasets\ndatasets.load_digits()",
            ["bundled sklearn.datasets.load_digits"],
        ),
        (
            "from sklearn.datasets import fetch_openml\nfetch_openml('x')",
            ["download sklearn.datasets.fetch_openml"],
        ),
        (
            "from torchvision import datasets\ndatasets.MNIST('data', download=True)",
            ["download torchvision.datasets.MNIST"],
        ),
        (
            "from datasets import load_dataset\nload_dataset('x')",
            ["download datasets.load_dataset"],
        ),
        (
            "import requests\nrequests.get('u')\nrequests.get('v')\nprint(1)",
            ["download requests.get"],
        ),
        ("import mine.datasets\nmine.datasets.load_x()", []),
    ],
)
def test_loaders(code: str, expected: list[str]) -> None:
    """Data that ships with a library is told from data that needs the network."""
    code += "\nprint('datasets')\n"
    found = data.detect(Reading(Tree({"train.py": code})))
    assert [f"{f.kind.removeprefix('data.')} {f.value}" for f in found] == expected


def test_data_directories() -> None:
    """A data directory is told once, with the number and size of all files below it."""
    files: dict[str, str | None] = {
        "data/a.csv": "12345",
        "data/sub/data/b.csv": "123",
        "src/datasets/c.bin": "1",
        "src/datasets/__init__.py": "",
        "database/d": "1",
    }
    found = data.detect(Reading(Tree(files)))
    assert [(f.value, f.because) for f in found] == [
        ("data", "2 files, 8 bytes"),
        ("src/datasets", "1 files, 1 bytes"),
    ]

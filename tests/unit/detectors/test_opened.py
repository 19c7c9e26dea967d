"""Code → files that it reads and the source lacks."""

from __future__ import annotations

import pytest

from repropack.detectors import Reading, opened
from repropack.findings import Severity
from tests.unit.detectors.tree import Tree

HEAD = "import pandas as pd, numpy as np, torch, h5py, cv2\nfrom torchvision import datasets\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pd.read_csv('data/train.csv')", ["data/train.csv"]),
        ("pd.read_csv(filepath_or_buffer='./data/x.csv')", ["data/x.csv"]),
        ("PATH = '/home/me/x.npy'\nnp.load(PATH)", ["/home/me/x.npy"]),
        ("open('words.txt')\nopen('words.txt', 'rb')", ["words.txt"]),
        ("open('log.txt', 'w')\nopen('log.txt', mode='a')\nopen('x', 'r+')\nopen('y', m)", []),
        ("h5py.File('a.h5')\nh5py.File('b.h5', 'w')\nh5py.File('c.h5', 'r')", ["a.h5", "c.h5"]),
        ("datasets.ImageFolder('imagenet/train')", ["imagenet/train"]),
        ("torch.save(m, 'm.pt')\ntorch.load('m.pt')\nopen('a', 'w')\nopen('a')", []),
        ("open('here.csv')\ndatasets.ImageFolder('images')", []),
        ("pd.read_csv('https://index.example/x.csv')\nopen('/dev/null')\nopen(f'{x}.txt')", []),
        ("open('runs/*/x')\nopen('../up')\nopen('')\nopen()\nopen(3)", []),
    ],
)
def test_what_is_read_and_not_there(code: str, expected: list[str]) -> None:
    """Paths that stand in the code are told once, with a line; what is written is not data."""
    files = {"train.py": f"{HEAD}{code}\n", "here.csv": "1", "images/a/1.png": ""}
    found = opened.detect(Reading(Tree(files)))
    assert [finding.value for finding in found] == expected
    assert all(finding.severity is Severity.WARNING for finding in found)


def test_outputs_of_dvc() -> None:
    """A `.dvc` file stands for data, and is its footprint."""
    files = {"data/images.dvc": "outs: []", ".dvc/config": "", "train.py": ""}
    found = opened.detect(Reading(Tree(files)))
    assert [(finding.kind, finding.value) for finding in found] == [(opened.DVC, "data/images")]

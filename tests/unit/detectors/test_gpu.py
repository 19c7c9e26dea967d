"""Code → whether it uses a GPU, and whether it asks first."""

from __future__ import annotations

import pytest

from repropack.detectors import Reading, gpu
from tests.unit.detectors.tree import Tree


def said(code: str) -> list[str]:
    """The findings about one file, as `kind value line`."""
    found = gpu.detect(Reading(Tree({"train.py": code + "\nprint(1)\n"})))
    return [
        f"{f.kind.removeprefix('gpu.')} {f.value} {f.where.line if f.where else 0}" for f in found
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import torch\nmodel.cuda()", ["framework torch 1", "use .cuda() 2"]),
        ("model.to('cuda')", ['use to("cuda") 1']),
        ("model.to('cuda:1')", ['use to("cuda") 1']),
        ("i = 0\nmodel.to(f'cuda:{i}')", ['use to("cuda") 2']),
        ("from torch import device as d\nd('cuda')", ["framework torch 1", 'use device("cuda") 2']),
        ("device = 'cuda'\nmodel.to(device)", ['use to("cuda") 2']),
        ("x = zeros(3, device='cuda')", ['use zeros("cuda") 1']),
        ("import cupy", ["framework cupy 1", "use cupy 1"]),
        ("def f(m):\n    return m.cuda()", ["use .cuda() 2"]),
        ("if args.cuda:\n    model.cuda()", ["guarded-use .cuda() 2"]),
        ("try:\n    model.cuda()\nexcept E:\n    pass", ["guarded-use .cuda() 2"]),
        (
            "import torch\nd = 'cuda' if torch.cuda.is_available() else 'cpu'\nmodel.to(d)",
            ["framework torch 1", "check torch.cuda.is_available 2"],
        ),
        (
            "import torch\nassert torch.cuda.is_available()\nm.cuda()",
            ["framework torch 1", "check torch.cuda.is_available 2", "guarded-use .cuda() 3"],
        ),
        ("import tensorflow as tf\ntf.function(f)", ["framework tensorflow 1"]),
        ("parser.add_argument('--device', default='cuda')", []),
        ("p.add_argument('--device', device='cuda')", []),
        ("model.to('cpu')", []),
        ("print('use .cuda() here')", []),
        ("# model.cuda()", []),
    ],
)
def test_uses_of_a_gpu(code: str, expected: list[str]) -> None:
    """A use counts as unconditional only when nothing in the file asks first."""
    assert said(code) == expected

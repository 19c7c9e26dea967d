"""Code → whether something is compiled, and when."""

from __future__ import annotations

import pytest

from repropack.cuda.base import Signal
from repropack.cuda.signals import signals_of
from repropack.detectors import Reading, compiling
from tests.unit.detectors.tree import Tree


def said(code: str, path: str = "train.py") -> list[str]:
    """The findings about one file, as `kind value line`."""
    found = compiling.detect(Reading(Tree({path: code + "\n"})))
    return [
        f"{f.kind.removeprefix('cuda.')} {f.value} {f.where.line if f.where else 0}" for f in found
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import torch\nm = torch.compile(m)", ["compiles torch.compile 2"]),
        ("from torch import compile as c\nc(m)", ["compiles torch.compile 2"]),
        ("import re\nre.compile('x')\nmodel.compile()", []),
        ("import triton", ["compiles triton 1"]),
        (
            "from torch.utils.cpp_extension import load\nx = load(name='a', sources=[])",
            ["loads-extension torch.utils.cpp_extension.load 2"],
        ),
        (
            "import torch.utils.cpp_extension as e\ne.load_inline('a', '')",
            ["loads-extension torch.utils.cpp_extension.load_inline 2"],
        ),
        ("import torch\ntorch.load('x')", []),
        ("from torch.utils.cpp_extension import CUDAExtension\nCUDAExtension('a', [])", []),
    ],
)
def test_what_compiles(code: str, expected: list[str]) -> None:
    """torch.compile, triton and loaded extensions are found, whatever they are imported as."""
    assert said(code) == expected


def test_extensions_are_built_by_a_setup_script() -> None:
    """A setup.py that builds with nvcc is a warning, in a directory of its own too."""
    code = "from torch.utils.cpp_extension import CUDAExtension\nsetup(e=[CUDAExtension('a', [])])"
    expected = ["extension torch.utils.cpp_extension.CUDAExtension 2"]
    assert said(code, "models/ops/setup.py") == expected


def test_the_first_place_is_the_signal() -> None:
    """Of several places the plan names the first, once for each kind of compiling."""
    code = "import torch\nimport triton\ntorch.compile(f)\ntorch.compile(g)\n"
    findings = compiling.detect(Reading(Tree({"a.py": code, "setup.py": "CUDAExtension()"})))
    assert signals_of(findings) == ((Signal.COMPILES, "torch.compile in a.py:3"),)

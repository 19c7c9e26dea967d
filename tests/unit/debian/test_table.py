"""The table of Debian packages is in order."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from repropack.debian import table
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """tools/debian_names.py as a module."""
    path = ROOT / "tools" / "debian_names.py"
    spec = importlib.util.spec_from_file_location("debian_names", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["debian_names"] = module
    spec.loader.exec_module(module)
    return module


def test_the_table_is_in_order(tool: ModuleType) -> None:
    """Schema, keys, names and order: nothing is wrong."""
    assert tool.check() == ()


def test_what_is_wrong_is_said(tool: ModuleType) -> None:
    """An unknown key, a name that is not normalised, unsorted packages, a row without need."""
    rows = [
        {"match": ["A_b"], "run": ["zip", "a1"], "why": ""},
        {"match": ["c"], "needs": ["x"], "why": ""},
    ]
    said = "\n".join(tool.rows({"packages": rows}))
    for part in ("PEP 503 has a-b", "not sorted", "no key 'needs'", "c: needs nothing"):
        assert part in said
    assert [*tool.names({"names": {"a1": {"sid": "a2"}}})] == ["names: a1: no suite 'sid'"]


def test_an_index_that_lacks_a_name(tool: ModuleType) -> None:
    """A name that a suite does not have is told with what it may be called."""
    used = {p for row in table.rows() for p in (*row.run, *row.build)} | {*table.compilers()}
    have = frozenset({*used, "libpq5t64", "zlib1g-dev", "libboost-dev", "libpng-dev"} - {"libpq5"})
    archive = tool.Archive(
        names=have,
        having={
            "zlib.h": frozenset({"zlib1g-dev"}),
            "boost/config.hpp": frozenset({"libboost1.81-dev"}),
            "png.h": frozenset({"libother-dev"}),
        },
        needing={
            **{name: frozenset() for name in have},
            "libboost-dev": frozenset({"libboost1.81-dev"}),
        },
    )
    said = [*tool.against_index({"trixie": archive})]
    assert "headers.json: trixie has png.h in libother-dev, and not in libpng-dev" in said
    assert "headers.json: trixie has no libasound2-dev, which is to have alsa/asoundlib.h" in said
    assert not [line for line in said if " zlib.h" in line or "boost" in line]
    assert "trixie has no libpq5; perhaps libpq5t64" in said
    assert "names: trixie has libmagic1 itself" in said

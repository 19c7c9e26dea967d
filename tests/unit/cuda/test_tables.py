"""The tables are in order, and the check of them finds what is not."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest

from repropack.cuda import cuda_of, tables
from tests.conftest import ROOT

from .locks import lock


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """tools/cuda_tables.py as a module."""
    spec = importlib.util.spec_from_file_location("cuda_tables", ROOT / "tools" / "cuda_tables.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cuda_tables"] = module
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_in_order(tool: ModuleType) -> None:
    """Schema, order, references between tables: nothing is wrong."""
    assert tool.check() == ()


@pytest.mark.parametrize(
    ("name", "path", "value", "said"),
    [
        ("torch", ("releases", "2.4.1", "builds", "cu121", "sm"), "5.0 12.0", "no target 12.0"),
        ("torch", ("releases", "2.4.1", "default"), "cu999", "no build cu999"),
        ("torch", ("releases", "2.4.1", "runtime"), "12.4.127", "is not of cu121"),
        ("drivers", ("minors", "12.1", "driver"), "400.1", "stands behind"),
        ("images", ("images", "12.1.0", "status"), "live", "not its newest patch alone"),
        ("images", ("images", "10.2", "status"), "live", "live with os"),
        ("gpus", ("names", "9.9"), ["X"], "no architecture has 9.9"),
        ("jax", ("local", "cuda12.cudnn89", "image"), "10.2", "no CUDA 10.2"),
        ("tensorflow", ("tested", "2.12", "cuda"), "12.7", "no CUDA 12.7"),
        ("torch", ("date",), "today", "needs source and date"),
    ],
)
def test_the_check_finds_what_is_wrong(
    tool: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    path: tuple[str, ...],
    value: Any,
    said: str,
) -> None:
    """One wrong value in one table is reported."""
    import copy

    changed = copy.deepcopy(tables.table(name))
    place: Any = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    original = tables.table
    monkeypatch.setattr(tables, "table", lambda n: changed if n == name else original(n))
    assert [line for line in tool.check() if said in line]


def test_no_table_names_a_host_of_a_registry() -> None:
    """Wheels' and packages' addresses are no part of the tables."""
    for name in tables.NAMES:
        assert "https://" not in (tables.DIRECTORY / f"{name}.json").read_text("utf-8")


def test_the_table_agrees_with_itself_on_every_torch() -> None:
    """Every release and build of torch is read back as the CUDA that the table gives it."""
    for row in tables.torch_releases():
        for build in row.builds:
            plan = cuda_of(lock(f"torch=={row.version}+{build.tag}"))
            assert plan.cuda.value == build.cuda


@pytest.mark.network
@pytest.mark.parametrize("version", ["2.14.1", "2.4.1"])
def test_the_index_agrees(tool: ModuleType, version: str) -> None:
    """What the package index says torch requires is the CUDA of the table."""
    assert tool.ask_index(version).agrees

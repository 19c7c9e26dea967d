"""Locks and manifests → whether the one still is what the other asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.detectors import Reading, staleness
from repropack.findings import Severity
from tests.unit.detectors.tree import Tree

FIXTURES = Path(__file__).parents[2] / "fixtures" / "locks"
MANIFESTS = ("pyproject.toml", "Pipfile")
MADE = sorted({path.parent.name for name in MANIFESTS for path in FIXTURES.glob(f"*/{name}")})


def files(directory: str) -> dict[str, str]:
    """The files of a fixture."""
    found = (path for path in (FIXTURES / directory).iterdir() if path.is_file())
    return {path.name: path.read_text("utf-8") for path in found}


@pytest.mark.parametrize("directory", MADE)
def test_a_lock_is_fresh_as_its_tool_made_it(directory: str) -> None:
    """Each generation of each tool hashes its manifest in its own way."""
    assert staleness.detect(Reading(Tree(files(directory)))) == ()


@pytest.mark.parametrize("directory", MADE)
def test_a_lock_is_stale_after_a_change_of_the_manifest(directory: str) -> None:
    """A dependency that was changed afterwards is a problem with the command that mends it."""
    changed = files(directory)
    name = next(name for name in MANIFESTS if name in changed)
    before = changed[name]
    pins = ("~=2.1", "~=2.2"), ("~2.1", "~2.2"), ("==2.31.0", "==2.31.1"), ("2.1.5", "2")
    for old, new in (*pins, ('"six"', '"six>=1"')):
        changed[name] = before.replace(old, new)
        if changed[name] != before:
            break
    (finding,) = staleness.detect(Reading(Tree(changed)))
    assert finding.severity is Severity.PROBLEM
    assert finding.value.endswith(".lock")
    assert " lock`" in finding.because
    where = finding.where
    line = changed[finding.value].splitlines()[where.line - 1 if where and where.line else 0]
    assert any(key in line for key in ("content-hash", "content_hash", '"hash"', "requires-dist"))


def test_what_a_stale_lock_lacks_is_named() -> None:
    """The author sees what was added since."""
    project = PROJECT.replace('"here>=1"', '"here>=1", "Tq_dm", "six>1"')
    (finding,) = staleness.detect(Reading(Tree({"uv.lock": UV, "pyproject.toml": project})))
    assert "pyproject.toml was changed after uv.lock was made (six, tq-dm are not in it)" in (
        finding.because
    )


UV = """[[package]]
name = "paper"
source = { editable = "." }
[package.metadata]
requires-dist = [
    { name = "a", specifier = ">=1.0rc1,<2" },
    { name = "here", editable = "libs/here" },
    { name = "paper", extras = ["x"], marker = "extra == 'all'" },
    { name = "b", marker = "extra == 'x'" },
]
"""
PROJECT = """[project]
name = "Paper"
dependencies = ["a<2, >=1.0-rc1 ; python_version > '3'", "here>=1"]
[project.optional-dependencies]
x = ["B"]
all = ["paper[x]"]
"""


@pytest.mark.parametrize(
    ("old", "new", "stale"),
    [
        ("", "", False),
        ("here>=1", "here>=2", False),  # comes from a path: its version does not matter
        ("<2", "<3", True),
        ('"B"', '"b", "c"', True),
        ('"here>=1"', "", True),
        ('name = "Paper"', 'name = "Paper"\ndynamic = ["dependencies"]', False),
    ],
)
def test_uv_compares_requirements(old: str, new: str, stale: bool) -> None:
    """Spelling, order, local sources and extras of the project itself make no lock stale."""
    tree = Tree({"uv.lock": UV, "pyproject.toml": PROJECT.replace(old, new) if old else PROJECT})
    assert bool(staleness.detect(Reading(tree))) is stale


@pytest.mark.parametrize(
    "broken",
    [
        {"poetry.lock": "[metadata]\ncontent-hash = 'x'\n", "pyproject.toml": "not toml ["},
        {"poetry.lock": "", "pyproject.toml": "[tool.poetry]\n"},
        {"Pipfile.lock": "{", "Pipfile": "[packages]\n"},
        {"Pipfile.lock": "[]", "Pipfile": "[packages]\n"},
        {"uv.lock": "version = 1\n", "pyproject.toml": "[project]\nname = 'x'\n"},
        {"pdm.lock": "package = 3\n", "pyproject.toml": "[project]\nname = 'x'\n"},
        {
            "uv.lock": "[[package]]\nname = 'x'\nsource = { virtual = '.' }\n",
            "pyproject.toml": "[project]\nname = 'x'\ndynamic = ['dependencies']\n",
        },
    ],
)
def test_what_cannot_be_compared_is_not_called_stale(broken: dict[str, str]) -> None:
    """A lock without a hash, or a manifest that cannot be read, proves nothing."""
    assert staleness.detect(Reading(Tree(broken))) == ()

"""apt.txt → Debian packages."""

from __future__ import annotations

from repropack.detectors import Reading, system
from repropack.findings import Severity
from tests.unit.detectors.tree import Tree


def test_packages_are_read_with_their_lines() -> None:
    """One or several on a line, comments aside; what is no name is told and left out."""
    found = system.detect(Reading(Tree({"apt.txt": "# c\nlibgl1 g++ # x\n; rm\nlibsm6\n"})))
    assert [(f.value, f.where and f.where.line) for f in found if f.kind == system.APT] == [
        *(("libgl1", 2), ("g++", 2), ("rm", 3), ("libsm6", 4)),
    ]
    (invalid,) = [f for f in found if f.kind == system.INVALID]
    assert (invalid.value, invalid.severity) == (";", Severity.WARNING)


def test_a_binder_directory_counts_before_the_root() -> None:
    """As repo2docker has it."""
    tree = Tree({"apt.txt": "a1", "binder/apt.txt": "b1"})
    assert [f.value for f in system.detect(Reading(tree))] == ["b1"]

"""Pins, ranges and the commit's date → which Pythons come into question, the best first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from repropack.config import Config, parse_config
from repropack.errors import PlanError
from repropack.findings import Choice
from repropack.inspection import inspect
from repropack.pythons import candidates, without_patch
from tests.unit.detectors.tree import Tree


def at(day: str) -> int:
    """A day as the time of a commit."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("day", "first", "because"),
    [
        ("2018-05-01", "3.6", "16 months before the commit (2018-05-01)"),
        ("2019-04-01", "3.7", "9 months before"),
        ("2020-06-01", "3.7", "23 months before"),
        ("2021-01-01", "3.8", "15 months before"),
        ("2022-01-01", "3.9", "Debian bullseye has it"),
        ("2023-01-01", "3.9", "27 months before"),
        ("2024-05-01", "3.11", "18 months before the commit (2024-05-01), and Debian bookworm"),
        ("2025-08-01", "3.13", "Debian trixie has it"),
        ("2026-11-01", "3.13", "Debian trixie has it"),
    ],
)
def test_what_the_commits_date_says(day: str, first: str, because: str) -> None:
    """Where nothing pins it: new, but settled on that day, and a Debian release's if recent."""
    (best, *others), doubts = candidates(Config(), (), at(day))
    assert best.value == first and because in best.because
    assert best.because.startswith("nothing in the repository says which; ")
    assert len({best.value, *(other.value for other in others)}) == 9 and doubts == ()


@pytest.mark.parametrize(
    ("range_", "day", "order"),
    [
        (">=3.8,<3.12", "2024-05-01", ["3.11", "3.10", "3.9", "3.8"]),
        (">=3.12", "2023-11-01", ["3.12", "3.13", "3.14"]),
        ("<3.8", "2024-05-01", ["3.7", "3.6"]),
        ("==3.10.*", "2022-02-01", ["3.10"]),
    ],
)
def test_a_range_is_ordered_by_the_date(range_: str, day: str, order: list[str]) -> None:
    """Settled versions come first, newest first; what was too new then comes last."""
    tree = Tree({"setup.cfg": f"python_requires = {range_}"}, commit_time_s=at(day))
    assert [choice.value for choice in inspect(tree, None).pythons][: len(order)] == order


def test_all_ranges_count() -> None:
    """A lock that allows less than its project narrows the choice; both are named."""
    files = {
        "pyproject.toml": '[project]\nname = "x"\nrequires-python = ">=3.8"\n',
        "uv.lock": 'version = 1\nrequires-python = ">=3.8, <3.11"\n',
    }
    best = inspect(Tree(files, commit_time_s=at("2024-05-01")), None).pythons[0]
    assert best.value == "3.9"
    assert "`>=3.8` in pyproject.toml:3 and `>=3.8, <3.11` in uv.lock:2 allow it" in best.because


def test_contradictions_are_told() -> None:
    """Two pins, or two ranges without a common version: the first counts, with a warning."""
    pins = Tree({".python-version": "3.11.4", "runtime.txt": "python-3.9.1"})
    found = inspect(pins, None)
    assert found.python == Choice(value="3.11.4", because="pinned in .python-version:1")
    (warning,) = [f for f in found.findings if f.kind == "python.conflict"]
    assert "runtime.txt:1 pins 3.9.1" in warning.because
    ranges = {"setup.cfg": "python_requires = <3.8", "setup.py": "s(python_requires='>=3.9')"}
    found = inspect(Tree(ranges, commit_time_s=at("2024-05-01")), None)
    assert found.python and found.python.value == "3.7"
    assert [str(f.where) for f in found.findings if f.kind == "python.conflict"] == ["setup.py:1"]


def test_the_authors_word_is_the_only_candidate() -> None:
    """`environment.python` leaves no choice, whatever the date."""
    found = inspect(Tree({}, commit_time_s=1), parse_config("environment: {python: 3.9}"))
    assert [choice.value for choice in found.pythons] == ["3.9"]


@pytest.mark.parametrize("text", ["2.7", "3", "3.11.4.1", "pypy3.9"])
def test_what_is_no_python_3_is_refused(text: str) -> None:
    """The reason says where it stands."""
    with pytest.raises(PlanError, match="pinned in x"):
        without_patch(Choice(value=text, because="pinned in x"))

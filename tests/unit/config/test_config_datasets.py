"""`datasets:`: mirrors, footprints, and revisions that may move."""

from __future__ import annotations

import pytest

from repropack.config import Dataset, parse_config
from repropack.errors import ConfigError


def test_mirrors_and_footprint() -> None:
    """A list of addresses are mirrors; a footprint is a path of the source."""
    text = "datasets: {d: {path: a, url: ['https://a.example/d', 'hf://datasets/o/n@v1/d'], %s}}"
    config = parse_config(text % "footprint: f/d.json")
    urls = ("https://a.example/d", "hf://datasets/o/n@v1/d")
    assert config.datasets == (Dataset(name="d", path="a", urls=urls, footprint="f/d.json"),)


def test_a_branch_is_a_finding() -> None:
    """What may lead to other data tomorrow is told with its line; a commit is not."""
    config = parse_config(
        "datasets:\n"
        "  moving: {path: a, url: 'hf://datasets/o/n/d'}\n"
        f"  pinned: {{path: b, url: 'hf://datasets/o/n@{'a' * 40}/d'}}\n"
    )
    told = [(each.kind, each.value, str(each.where)) for each in config.findings]
    assert told == [("config.data-revision", "moving", "repropack.yaml:2")]
    assert "main of o/n is a branch" in config.findings[0].because


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("url: [1, 'ftp://a.example']", "d.url[0]: must be an http"),
        ("url: 'hf://x'", "hf://datasets/OWNER/NAME@COMMIT/FILE"),
        ("url: ['https://me:pw@a.example/d']", "d.url[0]: holds a user name or password"),
        ("url: ['https://a.example/d', 'https://a.example/d']", "d.url[1]: given twice"),
        ("footprint: ../f.json", "d.footprint: "),
        ("describe: all", "d.describe: must be one of true, false"),
        ("include: 5", "d.include: must be one of true, false"),
        ("include: -1 GB", "d.include: must be one of true, false"),
    ],
)
def test_problems(given: str, problem: str) -> None:
    """What makes no sense is told with its path."""
    with pytest.raises(ConfigError) as caught:
        parse_config(f"datasets: {{d: {{path: a, {given}}}}}")
    assert any(problem in each for each in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("true", (True, 1_000_000_000)),
        ("false", (False, 1_000_000_000)),
        ("5 GB", (True, 5_000_000_000)),
        ("1.5gb", (True, 1_500_000_000)),
        ("300MB", (True, 300_000_000)),
    ],
)
def test_include(given: str, expected: tuple[bool, int]) -> None:
    """`include` says whether, or how much at most."""
    (dataset,) = parse_config(f"datasets: {{d: {{path: a, include: {given}}}}}").datasets
    assert (dataset.include, dataset.include_bytes) == expected

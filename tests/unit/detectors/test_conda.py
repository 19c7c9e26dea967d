"""What in conda's files stands in the way on Linux."""

from __future__ import annotations

import pytest

from repropack.detectors import conda
from repropack.detectors.reading import Reading
from repropack.inspection import inspect
from tests.unit.detectors.tree import Tree

LOCK = "version: 1\nmetadata:\n  platforms:\n  - {platform}\n  sources: []\npackage: []\n"
PIXI = "version: 6\nenvironments:\n  default:\n    packages:\n      {platform}:\n      - conda: x\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"environment.yml": "dependencies: [python, numpy]"}, []),
        (
            {"environment.yml": "dependencies:\n- python\n- vc=14.1=h0510ff6_4\n- wincertstore\n"},
            ["conda.foreign environment.yml:3 environment.yml is for Windows"],
        ),
        (
            {"environment.yml": "dependencies:\n- appnope=0.1\n- pip: [a]\n"},
            ["conda.foreign environment.yml:2 environment.yml is for macOS"],
        ),
        ({"environment.yml": "a: ["}, ["conda.unreadable environment.yml environment.yml"]),
        (
            {"spec.txt": "@EXPLICIT\nhttps://c.example/m/osx-64/a-1-0.conda\n"},
            ["conda.foreign spec.txt:2 spec.txt is for osx-64"],
        ),
        ({"spec.txt": "@EXPLICIT\nnonsense\n"}, ["conda.unreadable spec.txt spec.txt"]),
        (
            {
                "conda-osx-64.lock": "@EXPLICIT\nhttps://c.example/m/osx-64/a-1-0.conda\n",
                "conda-linux-64.lock": "@EXPLICIT\nhttps://c.example/m/linux-64/a-1-0.conda\n",
            },
            [],
        ),
        ({"conda-lock.yml": LOCK.format(platform="linux-64")}, []),
        (
            {"conda-lock.yml": LOCK.format(platform="win-64")},
            ["conda.foreign conda-lock.yml:4 conda-lock.yml is for win-64"],
        ),
        ({"pixi.lock": PIXI.format(platform="linux-64")}, []),
        (
            {"pixi.lock": PIXI.format(platform="osx-arm64")},
            ["conda.foreign pixi.lock:5 pixi.lock is for osx-arm64"],
        ),
        ({"pixi.toml": "[project]\nname = 'a'"}, ["conda.unlocked pixi.toml pixi.toml"]),
        ({"pixi.toml": "[project]\nname = 'a'", "pixi.lock": ""}, []),
        (
            {"pyproject.toml": "[tool.pixi.dependencies]\na = '*'"},
            ["conda.unlocked pyproject.toml pyproject.toml"],
        ),
    ],
)
def test_what_no_image_can_be_made_from(files: dict[str, str], expected: list[str]) -> None:
    """Each is a problem by a name of its own, with the file and the line, and what to do."""
    found = conda.detect(Reading(Tree(files)))
    assert [f"{each.kind} {each.where} {each.value}" for each in found] == expected
    assert len(inspect(Tree(files), None).problems) == len(expected)

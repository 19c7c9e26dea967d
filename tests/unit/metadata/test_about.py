"""What a repository says of itself is read, and nothing is added to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.about import NOTHING_SAID, About, Person, about
from repropack.source import open_source

CITATION = """\
cff-version: 1.2.0
message: Cite it.
title: Darts and π
license: MIT
keywords: [darts, pi]
authors:
  - {given-names: Ada, family-names: Lovelace, orcid: "https://orcid.org/0000-0000-0000-0001"}
  - {name: The Dart Club}
"""
PYPROJECT = """\
[project]
name = "darts"
description = "Throws darts."
license = "Apache-2.0"
keywords = ["darts"]
authors = [{name = "Grace Hopper", email = "grace@index.example"}]
"""
MIT = """MIT License

Copyright (c) 2024 Somebody

Permission is hereby granted, free of charge, to any person … without restriction …
THE SOFTWARE IS PROVIDED "AS IS"
"""


def said(directory: Path, **files: str) -> About:
    """What a directory with these files says."""
    for name, text in files.items():
        (directory / name).write_text(text)
    return about(open_source(directory, allow_dirty=True))


def test_citation_comes_first(tmp_path: Path) -> None:
    """CITATION.cff is believed before pyproject.toml, and kept as it is."""
    found = said(tmp_path, **{"CITATION.cff": CITATION, "pyproject.toml": PYPROJECT})
    ada = Person(
        name="Ada Lovelace",
        given="Ada",
        family="Lovelace",
        orcid="https://orcid.org/0000-0000-0000-0001",
    )
    assert found.authors == (ada, Person(name="The Dart Club"))
    assert (found.title, found.licence, found.keywords) == ("Darts and π", "MIT", ("darts", "pi"))
    assert found.citation == CITATION


def test_pyproject(tmp_path: Path) -> None:
    """pyproject.toml names authors, licence and purpose; e-mail addresses stay there."""
    found = said(tmp_path, **{"pyproject.toml": PYPROJECT})
    assert found.authors == (Person(name="Grace Hopper"),)
    assert (found.abstract, found.licence) == ("Throws darts.", "Apache-2.0")
    assert "index.example" not in repr(found)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (MIT, "MIT"),
        ("All rights reserved.", ""),
        ("Apache License\n Version 2.0, January 2004", "Apache-2.0"),
    ],
)
def test_licence_text(text: str, licence: str, tmp_path: Path) -> None:
    """A licence file is recognised by its own words; any other is named and not guessed."""
    found = said(tmp_path, LICENSE=text)
    assert (found.licence, found.licence_file) == (licence, "LICENSE")


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "- a list",
        "authors: 3",
        "authors: [3, {}]",
        "!!python/object:os.system {}",
        "a: *b",
        "\0",
    ],
)
def test_broken_citation(text: str, tmp_path: Path) -> None:
    """What is no CITATION.cff says nothing, whatever tags it has."""
    found = said(tmp_path, **{"CITATION.cff": text})
    assert (found.authors, found.title, found.licence) == ((), "", "")


def test_nothing(tmp_path: Path) -> None:
    """A repository that says nothing has no author: git's history is not asked."""
    assert said(tmp_path, **{"train.py": "print(1)"}) == NOTHING_SAID

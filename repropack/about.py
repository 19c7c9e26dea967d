"""What a repository says of itself: title, authors, licence, keywords, and the files that say so.

Owns: reading these from CITATION.cff, .zenodo.json, pyproject.toml and licence files. Nothing is
taken from git's history or the machine: whoever is named, the repository names.
Does not own: what is made of them (`metadata`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from repropack.source import Source, Unreadable

CITATION = "CITATION.cff"
ZENODO = ".zenodo.json"
LICENCES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "LICENCE.md",
            "COPYING", "COPYING.txt", "COPYING.md")  # fmt: skip
_SPDX = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_LARGEST = 1_000_000
#: The first words of a licence's own text, and its SPDX identifier. Apache-2.0 and the MPL are the
#: same everywhere; of the GNU licences the text does not say "or later".
_TEXTS = (
    ("Apache-2.0", ("Apache License", "Version 2.0, January 2004")),
    ("MPL-2.0", ("Mozilla Public License Version 2.0",)),
    ("MIT", ("Permission is hereby granted, free of charge", "without restriction", "AS IS")),
    ("BSD-3-Clause", ("Redistribution and use in source and binary forms", "endorse or promote")),
    ("BSD-2-Clause", ("Redistribution and use in source and binary forms",)),
    ("CC-BY-4.0", ("Attribution 4.0 International", "Creative Commons")),
    ("CC0-1.0", ("CC0 1.0 Universal",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whom the repository names. `orcid` is an address or ""."""

    name: str
    given: str = ""
    family: str = ""
    orcid: str = ""
    affiliation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is said. `licence` is an SPDX expression or "", `licence_file` a path or "".

    `citation` and `zenodo` are the whole texts of the files, None where there are none.
    """

    title: str = ""
    abstract: str = ""
    version: str = ""
    doi: str = ""
    licence: str = ""
    licence_file: str = ""
    keywords: tuple[str, ...] = ()
    authors: tuple[Person, ...] = ()
    citation: str | None = field(default=None, repr=False)
    zenodo: str | None = field(default=None, repr=False)


NOTHING_SAID = About()


def about(source: Source) -> About:
    """What a source says of itself; a file that cannot be read says nothing."""
    cited = text_of(source, CITATION)
    citation = mapping(cited)
    project = project_table(text_of(source, "pyproject.toml"))
    licence_file = next((name for name in LICENCES if source.has(name)), "")
    written = project.get("license")
    return About(
        title=word(citation.get("title")),
        abstract=word(citation.get("abstract")) or word(project.get("description")),
        version=word(citation.get("version")),
        doi=word(citation.get("doi")),
        licence=spdx(citation.get("license"))
        or spdx(written if isinstance(written, str) else mapping_of(written).get("text"))
        or licence_of(text_of(source, licence_file)),
        licence_file=licence_file,
        keywords=words(citation.get("keywords")) or words(project.get("keywords")),
        authors=tuple(people(citation.get("authors")))
        or tuple(project_authors(project.get("authors"))),
        citation=cited if citation else None,
        zenodo=text_of(source, ZENODO),
    )


def text_of(source: Source, path: str) -> str | None:
    """A file of the source as text; None where there is none that can be read."""
    if not path or not source.has(path):
        return None
    try:
        text = source.read_text(path)
    except Unreadable:
        return None
    return text if len(text) <= _LARGEST else None


def mapping(text: str | None) -> Mapping[str, Any]:
    """A YAML mapping of plain values; an empty one for anything else."""
    if not text:
        return {}
    import yaml

    try:
        return mapping_of(yaml.load(text, Loader=yaml.BaseLoader))
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}


def project_table(text: str | None) -> Mapping[str, Any]:
    """`[project]` of a pyproject.toml."""
    try:
        return mapping_of(tomllib.loads(text or "").get("project"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def mapping_of(value: object) -> Mapping[str, Any]:
    """A mapping with texts as keys, or an empty one."""
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else {}


def word(value: object) -> str:
    """Text on one line, without what moves a cursor; "" for anything else."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in " ".join(value.split()) if c.isprintable())


def words(value: object) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(filter(None, map(word, value))) if isinstance(value, list) else ()


def spdx(value: object) -> str:
    """An SPDX expression, or "" for what does not look like one (a licence's text, a list)."""
    text = word(value)
    return text if _SPDX.fullmatch(text) else ""


def licence_of(text: str | None) -> str:
    """The SPDX identifier of a licence's own text; "" where the text is not one of a few."""
    flat = " ".join((text or "").split())
    return next((name for name, parts in _TEXTS if all(part in flat for part in parts)), "")


def people(value: object) -> Iterable[Person]:
    """The authors of a CITATION.cff: persons, and entities by their name."""
    for each in value if isinstance(value, list) else ():
        raw = mapping_of(each)
        given = word(raw.get("given-names"))
        family = " ".join(
            filter(None, (word(raw.get("name-particle")), word(raw.get("family-names"))))
        )
        name = " ".join(filter(None, (given, family))) or word(raw.get("name"))
        if name:
            yield Person(
                name=name,
                given=given,
                family=family,
                orcid=word(raw.get("orcid")),
                affiliation=word(raw.get("affiliation")),
            )


def project_authors(value: object) -> Iterable[Person]:
    """The names in a pyproject.toml; what it says of e-mail stays there."""
    for each in value if isinstance(value, list) else ():
        name = word(mapping_of(each).get("name"))
        if name:
            yield Person(name=name)

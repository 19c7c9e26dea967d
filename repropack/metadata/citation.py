"""CITATION.cff and .zenodo.json: the repository's own, or drafts that say that they are drafts.

A draft holds what the repository says elsewhere and nothing else; what it has to say and nobody
said stands there as a thing to do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from repropack.about import CITATION, ZENODO, About, Person
from repropack.metadata import swhid
from repropack.metadata.times import day
from repropack.origin import Origin

DRAFT = "DRAFT, written by repropack from what the repository says: complete it before it is used"
TO_DO = "DRAFT: to be written by the authors"


def files(name: str, about: About, origin: Origin, paper: Mapping[str, str]) -> dict[str, str]:
    """The texts of both files, by name."""
    cited = about.citation if about.citation is not None else citation(name, about, origin, paper)
    zenodo = about.zenodo if about.zenodo is not None else deposit(name, about, origin, paper)
    return {CITATION: cited, ZENODO: zenodo}


def citation(name: str, about: About, origin: Origin, paper: Mapping[str, str]) -> str:
    """A draft of a CITATION.cff (format 1.2.0). Its YAML has JSON's quotes, which YAML reads."""
    facts: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": f"{DRAFT}.",
        "type": "software",
        "title": about.title or name,
        "authors": [cff_person(each) for each in about.authors] or [{"name": TO_DO}],
    }
    optional = {
        "abstract": about.abstract,
        "commit": origin.commit or "",
        "date-released": day(origin.commit_time_s) if origin.commit_time_s else "",
        "license": about.licence if " " not in about.licence else "",
        "repository-code": origin.remote if is_web(origin.remote) else "",
        "keywords": list(about.keywords),
        "identifiers": [{"type": "swh", "value": each} for each in swhid.all_of(origin)],
        "preferred-citation": article(paper),
    }
    facts |= {key: value for key, value in optional.items() if value}
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items())
    return "\n".join([f"# {DRAFT}.", *lines]) + "\n"


def is_web(address: str | None) -> bool:
    """Whether it is an address that anybody may open."""
    return address is not None and address.startswith(("http://", "https://"))


def article(paper: Mapping[str, str]) -> dict[str, Any]:
    """The paper, as far as repropack.yaml names it: a reference cannot do without a title."""
    if "title" not in paper:
        return {}
    rest = {key: paper[key] for key in ("doi", "url") if key in paper}
    return {"type": "article", "title": paper["title"], "authors": [{"name": TO_DO}], **rest}


def cff_person(person: Person) -> dict[str, str]:
    """An author of a CITATION.cff: one whose names are not told apart has one name."""
    if not person.family:
        return {"name": person.name}
    told = {"given-names": person.given, "family-names": person.family}
    told |= {"affiliation": person.affiliation, "orcid": person.orcid}
    return {key: value for key, value in told.items() if value}


def deposit(name: str, about: About, origin: Origin, paper: Mapping[str, str]) -> str:
    """A draft of a .zenodo.json, as its deposit API takes it."""
    facts: dict[str, Any] = {
        "upload_type": "software",
        "title": about.title or name,
        "creators": [zenodo_person(each) for each in about.authors] or [{"name": TO_DO}],
        "description": about.abstract or f"The experiments of {name} with their environment.",
        "notes": f"{DRAFT}.",
    }
    optional = {
        "publication_date": day(origin.commit_time_s) if origin.commit_time_s else "",
        "license": about.licence if " " not in about.licence else "",
        "keywords": list(about.keywords),
        "related_identifiers": related(origin, paper),
    }
    facts |= {key: value for key, value in optional.items() if value}
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


def zenodo_person(person: Person) -> dict[str, str]:
    """`Family, Given`, as Zenodo wants it."""
    name = f"{person.family}, {person.given}" if person.family and person.given else person.name
    told = {"name": name, "affiliation": person.affiliation}
    told["orcid"] = person.orcid.rpartition("/")[2]
    return {key: value for key, value in told.items() if value}


def related(origin: Origin, paper: Mapping[str, str]) -> list[dict[str, str]]:
    """The paper and the commit that the bundle belongs to."""
    found = []
    for key, scheme in (("doi", "doi"), ("url", "url")):
        if key in paper:
            found.append({"identifier": paper[key], "relation": "isSupplementTo", "scheme": scheme})
    found += [
        {"identifier": each, "relation": "isDerivedFrom", "scheme": "swh"}
        for each in swhid.all_of(origin)
    ]
    return found

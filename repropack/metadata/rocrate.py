"""A bundle as an RO-Crate 1.1: `ro-crate-metadata.json`.

Owns: which entities there are. Does not own: the crate of runs (`runcrate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from repropack.about import About, Person
from repropack.metadata import swhid
from repropack.metadata.times import OLDEST_TIME_S, rfc3339
from repropack.origin import Origin

FILE = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
Entity = dict[str, Any]
#: What the files of a bundle are, with their media types.
PARTS: Mapping[str, tuple[str, str]] = {
    "reproduce.sh": ("one command that checks, builds, runs and judges", "application/x-sh"),
    "README.md": ("the page for the reviewer", "text/markdown"),
    "Dockerfile": ("how the image is built, without the network", "text/plain"),
    "Dockerfile.base": ("how the base is made", "text/plain"),
    "repropack.json": (
        "the manifest: decisions, experiments, claims, packages",
        "application/json",
    ),
    "pylock.toml": ("the locked environment (PEP 751)", "application/toml"),
    "judge.pyz": ("the program that reads metrics and judges claims", "application/zip"),
    "sbom.cdx.json": ("the packages of the image (CycloneDX)", "application/json"),
    "SHA256SUMS": ("the checksum of every file", "text/plain"),
    "CITATION.cff": ("how to cite it", "application/yaml"),
    ".zenodo.json": ("the metadata of a deposit", "application/json"),
    "base.debs.tsv": ("the Debian packages of the base", "text/tab-separated-values"),
    "source.patch": ("what differs from the commit", "text/x-diff"),
}
#: The others, by the ends of their names.
MEDIA = {".gz": "application/gzip", ".sh": "application/x-sh", ".yml": "application/yaml"}
DIRECTORIES: Mapping[str, str] = {
    "source": "the source, as the commit has it",
    "footprints": "the recorded identity of the datasets",
    "author": "what the author obtained",
    "data": "datasets that are included",
    "local": "files that the project's own packages add to the image",
    "wheels": "Python packages that are brought: those that were built for this bundle, or all",
    "conda": "conda packages that are brought: those that no public channel has, or all",
    "debs": "the Debian packages of the base",
    "base": "the images that the image is built on",
    "tools": "what fetches packages",
}


def of_bundle(
    name: str,
    about: About,
    origin: Origin,
    paper: Mapping[str, str],
    *,
    files: Iterable[str],
    directories: Iterable[str],
) -> Entity:
    """The crate of a bundle with these files and directories at its top."""
    parts = [file_entity(each) for each in sorted(files)]
    parts += [directory_entity(each, origin) for each in sorted(directories)]
    people = [person_entity(each, number) for number, each in enumerate(about.authors, start=1)]
    article = paper_entity(paper)
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": about.title or name,
        "description": describe(name, about, origin),
        "datePublished": rfc3339(origin.commit_time_s or OLDEST_TIME_S),
        "license": {"@id": licence_entity(about)["@id"]},
        "hasPart": references(parts),
    }
    if people:
        root["author"] = references(people)
    if about.keywords:
        root["keywords"] = list(about.keywords)
    if swhid.all_of(origin):
        root["identifier"] = list(swhid.all_of(origin))
    if article:
        root["citation"] = references(article)
    return crate(root, [*parts, *people, *article, licence_entity(about)])


def crate(root: Entity, entities: Sequence[Entity], *, contexts: Sequence[str] = ()) -> Entity:
    """A whole crate: descriptor, root, the rest."""
    descriptor = {
        "@id": FILE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": SPECIFICATION},
    }
    context = [CONTEXT, *contexts] if contexts else CONTEXT
    return {"@context": context, "@graph": [descriptor, *map(flat, (root, *entities))]}


def flat(entity: Entity) -> Entity:
    """A list of one value is that value, as RO-Crate recommends."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in entity.items()
    }


def references(entities: Iterable[Entity]) -> list[Entity]:
    """Links to entities."""
    return [{"@id": each["@id"]} for each in entities]


def describe(name: str, about: About, origin: Origin) -> str:
    """What the bundle is, in the repository's words where it has any."""
    said = f"{about.abstract} " if about.abstract else ""
    dated = "" if origin.commit_time_s else " The date of its source is not told."
    return (
        f"{said}The experiments of {name} with their locked environment, and the numbers that are "
        f"claimed for them; `./reproduce.sh` runs and compares.{dated}"
    )


def file_entity(name: str) -> Entity:
    """A file of the bundle."""
    about, media = PARTS.get(name, ("", MEDIA.get(PurePosixPath(name).suffix, "text/plain")))
    kind = ["File", "SoftwareSourceCode"] if name == "reproduce.sh" else "File"
    entity: Entity = {"@id": quote(name), "@type": kind, "name": name, "encodingFormat": media}
    return {**entity, "description": about} if about else entity


def directory_entity(name: str, origin: Origin) -> Entity:
    """A directory of the bundle."""
    entity: Entity = {"@id": f"{name}/", "@type": "Dataset", "name": name}
    if name in DIRECTORIES:
        entity["description"] = DIRECTORIES[name]
    if name == "source" and swhid.of_tree(origin):
        entity["identifier"] = swhid.of_tree(origin)
    return entity


def person_entity(person: Person, number: int) -> Entity:
    """An author whom the repository names."""
    told = {"givenName": person.given, "familyName": person.family}
    told["affiliation"] = person.affiliation
    rest = {key: value for key, value in told.items() if value}
    orcid = person.orcid.startswith("https://orcid.org/")
    identity = person.orcid if orcid else f"#author-{number}"
    return {"@id": identity, "@type": "Person", "name": person.name, **rest}


def paper_entity(paper: Mapping[str, str]) -> list[Entity]:
    """The paper, where repropack.yaml names it."""
    if not paper:
        return []
    address = f"https://doi.org/{paper['doi']}" if "doi" in paper else paper.get("url", "#paper")
    title = paper.get("title", "The paper")
    return [{"@id": address, "@type": "ScholarlyArticle", "name": title}]


def licence_entity(about: About) -> Entity:
    """The licence: by its SPDX address, else as its file says, else that none is stated."""
    if about.licence and " " not in about.licence:
        address, name = f"https://spdx.org/licenses/{about.licence}", about.licence
        text = f"The licence that the repository states: {name}."
    elif about.licence or about.licence_file:
        address, name = "#licence", about.licence or about.licence_file
        told = f"source/{about.licence_file}" if about.licence_file else about.licence
        text = f"The licence that the repository states: see {told}."
    else:
        address, name = "#licence", "No licence is stated"
        text = "The repository states no licence: ask its authors before it is used further."
    return {"@id": address, "@type": "CreativeWork", "name": name, "description": text}

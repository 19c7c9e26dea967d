"""Where an image comes from: an in-toto Statement with SLSA's provenance (v1).

Owns: the shape of the statement, written and read. Nothing in it is of a clock, a user or a
machine: the builder is repropack and the engine by their versions, run by whoever signs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repropack import __version__

FILE = "provenance.json"
#: The list of the files of the image that is attested, where it was made.
FILES = "image-files.tsv.gz"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
#: An extension of the predicate, named by its owner as SLSA asks.
EXTENSION = "repropack_image"
_MOST_BYTES = 16 << 20
BUILD_TYPE = "urn:repropack:bundle:1"
Resource = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """What built: the engine and its builder, with their versions ("" where they do not tell)."""

    engine: str
    version: str = ""
    builder: str = ""
    builder_version: str = ""

    @property
    def versions(self) -> dict[str, str]:
        """Of each component that tells it."""
        found = {"repropack": __version__, self.engine: self.version}
        found |= {self.builder: self.builder_version} if self.builder_version else {}
        return {name: version for name, version in found.items() if version}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What is recorded of an image beside its name: id, level, and the hash of its `FILES`."""

    image_id: str
    level: str | None = None
    files_sha256: str | None = None

    def to_json(self) -> dict[str, str]:
        """The extension field of the predicate."""
        found = {"id": self.image_id, "level": self.level, "files_sha256": self.files_sha256}
        return {name: value for name, value in found.items() if value}


def statement(
    manifest: Mapping[str, Any],
    sums: Mapping[str, str],
    *,
    digest: str,
    image: tuple[str, Recorded] | None,
    builder: Builder,
) -> dict[str, Any]:
    """The statement about a bundle with this manifest and these checksums.

    `digest` is the SHA-256 of its SHA256SUMS, `image` the name of what was built of it and what is
    known of it (None for no container), `builder` what built.
    """
    source, base = manifest["source"], manifest["base"]
    subjects: list[Resource] = [resource("SHA256SUMS", {"sha256": digest})]
    if image is not None and re.fullmatch("sha256:[0-9a-f]{64}", image[1].image_id):
        sha256 = image[1].image_id.removeprefix("sha256:")
        subjects.append(resource(image[0], {"sha256": sha256}))
    asked = {"name": manifest["name"], "commit": source["commit"], "tree": source["tree"]}
    chosen = {key: base[key] for key in ("python", "suite", "apt", "cuda")}
    return {
        "_type": STATEMENT,
        "subject": subjects,
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": asked,
                "internalParameters": {
                    **chosen,
                    "engine": builder.engine,
                    **({"builder": builder.builder} if builder.builder else {}),
                },
                "resolvedDependencies": list(dependencies(manifest, sums)),
            },
            "runDetails": {
                "builder": {"id": "urn:repropack:builder", "version": builder.versions},
                **({} if image is None else {EXTENSION: image[1].to_json()}),
            },
        },
    }


def recorded(directory: Path) -> Recorded | None:
    """What a bundle's statement says of its image; None where it says nothing that can be read."""
    try:
        with (directory / FILE).open("rb") as file:
            raw = json.loads(file.read(_MOST_BYTES))
        found = raw["predicate"]["runDetails"][EXTENSION]
        image_id, level, files = (found.get(name) for name in ("id", "level", "files_sha256"))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    if not (isinstance(image_id, str) and re.fullmatch("sha256:[0-9a-f]{64}", image_id)):
        return None
    return Recorded(
        image_id=image_id,
        level=level if isinstance(level, str) else None,
        files_sha256=files if isinstance(files, str) else None,
    )


def resource(name: str, digest: Mapping[str, str], **rest: str) -> Resource:
    """A ResourceDescriptor."""
    return {"name": name, **rest, "digest": dict(digest)}


def source_of(source: Mapping[str, Any]) -> Resource:
    """The commit, and where it may be had."""
    git = {"gitTree": source["tree"]}
    if source["commit"]:
        git["gitCommit"] = source["commit"]
    remote = source["remote"] or ""
    web = {"uri": f"git+{remote}"} if remote.startswith(("http://", "https://")) else {}
    return resource("source", git, **web)


def dependencies(manifest: Mapping[str, Any], sums: Mapping[str, str]) -> Iterable[Resource]:
    """Source, lock, base, packages of the base and datasets, each with its digest."""
    base = manifest["base"]
    if not manifest["source"].get("anonymous"):
        yield source_of(manifest["source"])
    for lock in ("pylock.toml", "conda-lock.yml"):
        if lock in sums:
            yield resource(lock, {"sha256": sums[lock]})
    name, _, pinned = str(base["reference"]).partition("@sha256:")
    if pinned:
        yield resource(name, {"sha256": pinned})
    if base["packages_sha256"]:
        packages = resource("base.debs.tsv", {"sha256": base["packages_sha256"]})
        yield {**packages, "annotations": {"base": base["reference"]}}
    for data in manifest.get("datasets", ()):
        algorithm, _, value = str(data["root_hash"]).rpartition(":")
        yield resource(f"dataset {data['name']}", {algorithm or "root_hash": value})

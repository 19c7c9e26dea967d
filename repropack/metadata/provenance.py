"""Where an image comes from: an in-toto Statement with SLSA's provenance (v1).

Owns: the shape of the statement. Nothing in it is of a clock, a user or a machine: the builder is
repropack by its version, run by whoever signs the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from repropack import __version__

FILE = "provenance.json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:repropack:bundle:1"
Resource = dict[str, Any]


def statement(
    manifest: Mapping[str, Any],
    sums: Mapping[str, str],
    *,
    digest: str,
    image: tuple[str, str] | None,
    engine: str,
) -> dict[str, Any]:
    """The statement about a bundle with this manifest and these checksums.

    `digest` is the SHA-256 of its SHA256SUMS, `image` the name and the id of what was built of it
    (None for no container), `engine` what built.
    """
    source, base = manifest["source"], manifest["base"]
    subjects: list[Resource] = [resource("SHA256SUMS", {"sha256": digest})]
    if image is not None and re.fullmatch("sha256:[0-9a-f]{64}", image[1]):
        subjects.append(resource(image[0], {"sha256": image[1].removeprefix("sha256:")}))
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
                "internalParameters": {**chosen, "engine": engine},
                "resolvedDependencies": list(dependencies(manifest, sums)),
            },
            "runDetails": {
                "builder": {"id": "urn:repropack:builder", "version": {"repropack": __version__}}
            },
        },
    }


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

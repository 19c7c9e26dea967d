"""A bundle says what it is: crate, list of packages, citation, SWHIDs, labels."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from repropack.bundle import BaseRecord, Ingredients, said, write_bundle
from repropack.environment import Wheel
from repropack.environment.store import keep_file
from repropack.metadata import licences, swhid
from repropack.project import look
from tests.conftest import commit_all, example, git
from tests.unit.bundle.made import DEBS, make_bundle, plan_of

WORDS = "Name: {name}\nVersion: 1.0\n{more}\n"


def loaded(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text("utf-8"))


def wheel(cache: Path, name: str, more: str) -> Wheel:
    """A wheel in a cache with this in its METADATA."""
    file = cache / f"{name}-1.0-py3-none-any.whl"
    cache.mkdir(exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}-1.0.dist-info/METADATA", WORDS.format(name=name, more=more))
    return keep_file(cache, file)


def test_crate_names_every_part(tmp_path: Path) -> None:
    """The crate has every file and directory at the bundle's top, each once, and nothing else."""
    out = make_bundle(example("quickstart", tmp_path), tmp_path / "bundle").directory
    graph = {each["@id"]: each for each in loaded(out / "ro-crate-metadata.json")["@graph"]}
    parts = [each["@id"] for each in graph["./"]["hasPart"]]
    here = {path.name + "/" * path.is_dir() for path in out.iterdir()}
    assert sorted(parts) == sorted(here - {"ro-crate-metadata.json"})
    assert set(parts) <= set(graph)
    assert graph["ro-crate-metadata.json"]["conformsTo"]["@id"] == "https://w3id.org/ro/crate/1.1"
    assert graph["./"]["datePublished"] == "2025-06-15T12:00:00Z"


def test_swhids_are_those_of_git(tmp_path: Path) -> None:
    """Commit and tree have git's own ids; a tree that no commit holds has its tree's alone."""
    project = example("quickstart", tmp_path)
    commit, tree = git(project, "rev-parse", "HEAD"), git(project, "rev-parse", "HEAD^{tree}")
    expected = [f"swh:1:rev:{commit}", f"swh:1:dir:{tree}"]
    out = make_bundle(project, tmp_path / "bundle").directory
    assert loaded(out / "repropack.json")["source"]["swhids"] == expected
    (project / "estimate_pi.py").write_text("print(3)")
    from repropack.origin import describe_origin

    (found,) = swhid.all_of(describe_origin(look(project, allow_dirty=True).source))
    git(project, "add", "-A")
    assert found == f"swh:1:dir:{git(project, 'write-tree')}"


def test_drafts_say_so_and_name_nobody(tmp_path: Path) -> None:
    """Drafts say that they are, where the repository says nothing; no name of git is in them."""
    out = make_bundle(example("quickstart", tmp_path), tmp_path / "bundle").directory
    cited = (out / "CITATION.cff").read_text("utf-8")
    facts = yaml.safe_load(cited)
    assert {"cff-version", "message", "title", "authors"} <= set(facts)
    assert cited.startswith("# DRAFT") and facts["message"].startswith("DRAFT")
    deposit = loaded(out / ".zenodo.json")
    assert deposit["notes"].startswith("DRAFT") and deposit["creators"][0]["name"].startswith(
        "DRAFT"
    )
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert b"A. Author" not in everything and b"author@" not in everything


def test_own_citation_is_carried(tmp_path: Path) -> None:
    """The repository's own CITATION.cff and .zenodo.json are in the bundle as they are."""
    project = example("quickstart", tmp_path)
    own = 'cff-version: 1.2.0\ntitle: Darts\nmessage: "x"\nauthors: [{name: Ada}]\nlicense: MIT\n'
    (project / "CITATION.cff").write_text(own)
    (project / ".zenodo.json").write_text('{"title": "Darts"}')
    commit_all(project)
    out = make_bundle(project, tmp_path / "bundle").directory
    assert (out / "CITATION.cff").read_text() == own
    assert (out / ".zenodo.json").read_text() == '{"title": "Darts"}'
    root = next(e for e in loaded(out / "ro-crate-metadata.json")["@graph"] if e["@id"] == "./")
    assert root["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert 'org.opencontainers.image.licenses="MIT"' in (out / "Dockerfile").read_text()


def test_packages_with_licences(tmp_path: Path) -> None:
    """The list has each wheel with its hash and the licence that its metadata states."""
    cache = tmp_path / "cache"
    wheels = (
        wheel(cache, "modern", "License-Expression: MIT OR Apache-2.0"),
        wheel(cache, "classic", "License: BSD\nClassifier: License :: OSI Approved :: BSD License"),
        wheel(cache, "silent", "License: UNKNOWN"),
    )
    plan, ingredients = plan_of(example("quickstart", tmp_path))
    made = Ingredients(target=ingredients.target, wheels=wheels, tools=(), base=ingredients.base)
    listed = json.loads(said.packages(plan, made, cache=cache))
    found = {each["name"]: each for each in listed["components"]}
    assert found["modern"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert found["classic"]["licenses"] == [{"license": {"name": "BSD License"}}]
    assert "licenses" not in found["silent"]
    assert found["modern"]["hashes"] == [{"alg": "SHA-256", "content": wheels[0].sha256}]
    assert (
        found["base-files"]["purl"] == "pkg:deb/debian/base-files@12.4?arch=amd64&distro=bookworm"
    )
    assert len(listed["components"]) == len(wheels) + len(DEBS)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no zip", b"\0" * 99])
def test_licence_of_a_broken_wheel(data: bytes, tmp_path: Path) -> None:
    """A file that is no wheel states nothing."""
    (tmp_path / "x.whl").write_bytes(data)
    assert licences.of_wheel(tmp_path / "x.whl") == licences.UNKNOWN


def test_base_label(tmp_path: Path) -> None:
    """A base that is pinned is named with its digest in the labels."""
    project = example("quickstart", tmp_path)
    plan, ingredients = plan_of(project)
    digest = "sha256:" + "a" * 64
    base = BaseRecord(reference=f"python@{digest}")
    made = Ingredients(target=ingredients.target, wheels=(), tools=(), base=base)
    source = look(project, allow_dirty=False).source
    write_bundle(plan, source, made, cache=tmp_path / "cache", out=tmp_path / "bundle")
    text = (tmp_path / "bundle" / "Dockerfile").read_text()
    assert f'org.opencontainers.image.base.digest="{digest}"' in text
    assert 'org.opencontainers.image.base.name="python"' in text

"""Somebody else's bundle is read or refused with exit code 7; nothing outside of it is touched."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repropack.bundle import Bundle, checksums, read_bundle
from repropack.bundle.read import from_manifest
from repropack.errors import IntegrityError
from repropack.judge.fields import ManifestError
from tests.conftest import example
from tests.unit.bundle.made import make_bundle, reseal

WHEEL = {
    "name": "numpy", "version": "1.26.4", "filename": "numpy-1.26.4-py3-none-any.whl",
    "size_bytes": 7, "sha256": "a" * 64,
}  # fmt: skip
CONDA = {
    "name": "_libgcc_mutex", "version": "0.1", "build": "main", "filename": "x-0.1-main.conda",
    "url": "https://index.example/linux-64/x-0.1-main.conda", "size_bytes": 7, "sha256": "b" * 64,
    "md5": "c" * 32,
}  # fmt: skip
DATA = {
    "name": "digits", "path": "data/digits", "root_hash": "blake3:" + "d" * 64, "n_files": 1,
    "n_bytes": 7, "include": False, "url": None,
}  # fmt: skip
HOSTILE = ("../../x", "/etc/passwd", "-oAPT::Update::Pre-Invoke::=id", "a\nb", "a\0b", "x" * 10_000,
           "", ".", "..", "$(id)", "a b", "\udcff", "\x1b[2J", "file:///etc/passwd")  # fmt: skip
#: Every field that becomes a path, a name of something outside, or a word of a command.
FIELDS = (
    "name", "image.tag", "base.reference", "base.python", "base.suite", "base.apt.0", "base.cuda",
    "base.exact", "wheels.0.name", "wheels.0.version", "wheels.0.filename", "wheels.0.sha256",
    "wheels.0.size_bytes", "tools.0.filename", "tools.0.sha256", "conda.python",
    "conda.packages.0.filename", "conda.packages.0.sha256", "conda.packages.0.md5",
    "conda.packages.0.url", "conda.packages.0.name", "datasets.0.name", "datasets.0.path",
    "datasets.0.root_hash", "datasets.0.n_files", "experiments.0.name",
)  # fmt: skip


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle as it is made."""
    directory = tmp_path_factory.mktemp("honest")
    return make_bundle(example("quickstart", directory), directory / "bundle").directory


@pytest.fixture(scope="module")
def manifest(honest: Path) -> dict[str, Any]:
    """Its manifest, with one of everything."""
    raw: dict[str, Any] = json.loads((honest / "repropack.json").read_bytes())
    raw["base"] |= {"apt": ["libgl1"], "cuda": "nvidia/cuda:12.1.1-runtime", "exact": "3.11.7"}
    conda = {"python": "3.11.7", "packages": [CONDA]}
    return {**raw, "wheels": [WHEEL], "tools": [dict(WHEEL)], "conda": conda, "datasets": [DATA]}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a JSON document."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def changed(raw: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value in one place."""
    if not path:
        return value
    made = copy.deepcopy(raw)
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return made


def test_honest(honest: Path, manifest: dict[str, Any]) -> None:
    """The manifest with one of everything is read."""
    found = from_manifest(honest, "0", manifest)
    assert (found.wheels[0].name, found.datasets[0].path) == ("numpy", "data/digits")


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_fields(field: str, honest: Path, manifest: dict[str, Any]) -> None:
    """No field that becomes a path, a name or a word of a command takes a hostile value."""
    path = tuple(int(key) if key.isdigit() else key for key in field.split("."))
    accepted = []
    for text in HOSTILE:
        if text == "" and field in ("base.exact", "conda.packages.0.md5"):
            continue  # which means none
        try:
            from_manifest(honest, "0", changed(manifest, path, text))
            accepted.append(text)
        except (ValueError, KeyError, TypeError, ManifestError):
            continue
    if field == "datasets.0.path":  # these are names of files, strange as they are
        names = ("$(id)", "a b", "\udcff", "file:///etc/passwd")
        accepted = [text for text in accepted if text not in names]
    assert accepted == []


@pytest.mark.parametrize("name", [*HOSTILE, "...", "-rf", "a/b", "~"])
def test_runs_stay_in_their_directory(name: str, honest: Path, manifest: dict[str, Any]) -> None:
    """Whatever an experiment is called, its runs' ids are names of files, or it is refused."""
    raw = changed(manifest, ("experiments", 0, "name"), name)
    raw = changed(raw, ("claims",), [])
    try:
        runs = from_manifest(honest, "0", raw).runs
    except ManifestError:
        return
    for run in runs:
        assert "/" not in run.id and run.id not in ("", ".", "..") and not run.id.startswith("-")
        assert run.id.isprintable() and len(run.id) < 200


def test_foreign_image_is_not_replaced(honest: Path, manifest: dict[str, Any]) -> None:
    """A bundle cannot take the tag of an image that the reviewer has from elsewhere."""
    with pytest.raises(ValueError, match="tag"):
        from_manifest(honest, "0", changed(manifest, ("image", "tag"), "python:3.11-slim"))


@pytest.mark.parametrize("name", ["image", "cuda_image"])
def test_base_without_a_digest(name: str, tmp_path: Path) -> None:
    """An offline bundle of an earlier version, which names a file alone, is refused with a hint."""
    bundle = make_bundle(example("quickstart", tmp_path), tmp_path / "bundle").directory
    path = bundle / "repropack.json"
    raw = json.loads(path.read_bytes())
    path.write_text(json.dumps(changed(raw, ("base", name), "base/base.tar.gz")))
    reseal(bundle)
    with pytest.raises(IntegrityError, match="without a digest") as caught:
        read_bundle(bundle)
    assert caught.value.exit_code == 7
    assert caught.value.hint is not None and "./reproduce.sh" in caught.value.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_value_anywhere(data: st.DataObject, honest: Path, manifest: dict[str, Any]) -> None:
    """Whatever stands wherever in a manifest: it is read, or refused with exit code 7."""
    path = data.draw(st.sampled_from(sorted(places(manifest), key=str)))
    text = json.dumps(changed(manifest, path, data.draw(JSON)))
    target = honest.parent / "fuzzed"
    read_text(honest, target, text)


def read_text(honest: Path, target: Path, text: str | bytes) -> Bundle | None:
    """A bundle with this manifest, read; None where it is refused."""
    target.mkdir(exist_ok=True)
    (target / "source").mkdir(exist_ok=True)
    (target / "base.debs.tsv").write_bytes((honest / "base.debs.tsv").read_bytes())
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    (target / "repropack.json").write_bytes(raw)
    (target / "LINKS").write_text("")
    reseal(target)
    try:
        return read_bundle(target)
    except IntegrityError as error:
        assert error.exit_code == 7
        return None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 50_000,
        "1" * 10_000,
        "",
        "\0",
        "[]",
        "null",
        "{}",
        '{"schema": 1e999}',
    ],
    ids=lambda text: text[:12] or "empty",
)
def test_no_manifest(text: str, honest: Path, tmp_path: Path) -> None:
    """Deep, huge and empty documents are refused."""
    assert read_text(honest, tmp_path / "bundle", text) is None


@settings(max_examples=300, deadline=None)
@given(text=st.text() | st.from_regex(r"\\?[0-9a-f]{64}  [./a\\n]{1,9}\n", fullmatch=True))
def test_any_checksums(text: str) -> None:
    """Names of SHA256SUMS stay inside, or the file is refused."""
    try:
        names = checksums.parse_sums(text)
    except IntegrityError:
        return
    assert not [n for n in names if n.startswith("/") or ".." in n.split("/")]


def test_a_pipe(honest: Path, tmp_path: Path) -> None:
    """A named pipe does not keep the reader waiting, listed or not."""
    read_text(honest, tmp_path / "b", "{}")
    os.mkfifo(tmp_path / "b" / "source" / "pipe")
    with (tmp_path / "b" / checksums.SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  source/pipe\n")
    with pytest.raises(IntegrityError, match="neither a file nor a link: source/pipe"):
        read_bundle(tmp_path / "b")


def test_a_link_is_not_followed(honest: Path, tmp_path: Path) -> None:
    """A link in the place of a file, or of a directory above it, is not the file."""
    read_text(honest, tmp_path / "b", "{}")
    bundle = tmp_path / "b"
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "f").write_text("x")
    (bundle / "d").symlink_to(tmp_path / "out")
    digest = checksums.sha256_of(tmp_path / "out" / "f")
    with (bundle / checksums.SUMS).open("a") as sums:
        sums.write(f"{digest}  d/f\n")
    with pytest.raises(IntegrityError, match="missing: d/f"):
        read_bundle(bundle)

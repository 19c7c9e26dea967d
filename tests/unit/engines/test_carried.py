"""An image as an archive: the same bytes whoever saved it, and nothing else reaches an engine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repropack.bundle import image as records
from repropack.bundle.image import CarriedImage
from repropack.engines import Image
from repropack.engines.carried import load_image, write_image
from repropack.errors import BuildError, IntegrityError
from repropack.zstd import Packer, library

TAG = "repropack/x:1"
LABEL = ("repropack.bundle", "d" * 64)
LAYERS = (b"first layer".ljust(1024, b"\0"), b"second".ljust(3 << 20, b"\1"))
Files = list[tuple[str, bytes]]


def digest(data: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(data).hexdigest()


def config(layers: tuple[bytes, ...] = LAYERS, label: str = LABEL[1]) -> bytes:
    """The config of an image of these layers."""
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}" for layer in layers]}
    return json.dumps({"config": {"Labels": {LABEL[0]: label}}, "rootfs": rootfs}).encode()


def tar(files: Iterable[tuple[str, bytes]], *links: tuple[str, str]) -> bytes:
    """A tar of files and symbolic links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, goal in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, goal
            archive.addfile(info)
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def told(name: str, layers: Iterable[str]) -> bytes:
    """Docker's manifest.json."""
    return json.dumps([{"Config": name, "RepoTags": ["y"], "Layers": list(layers)}]).encode()


def by_docker() -> bytes:
    """As docker 20.10 saves an image: a directory for each layer, one of them a link."""
    names = ("1/layer.tar", "2/layer.tar")
    files = list(zip(names, LAYERS, strict=True))
    manifest = ("manifest.json", told("c.json", ("1/layer.tar", "3/layer.tar")))
    rest = [("1/json", b"{}"), ("c.json", config()), manifest]
    return tar([*files, *rest], ("3/layer.tar", "../2/layer.tar"))


def by_podman() -> bytes:
    """As podman saves it: layers by their hash, the manifest first."""
    names = tuple(f"{digest(layer)}.tar" for layer in LAYERS)
    files = [("manifest.json", told("c.json", names)), ("c.json", config())]
    return tar([*files, *zip(names, LAYERS, strict=True)])


def by_containerd() -> bytes:
    """As a Docker with a store of OCI images saves it: blobs, packed as they were pulled."""
    packed = [gzip.compress(layer) for layer in LAYERS]
    blobs = [(f"blobs/sha256/{digest(each)}", each) for each in (*packed, config())]
    manifest = told(blobs[-1][0], [name for name, _ in blobs[:-1]])
    return tar([*blobs, ("index.json", b"{}"), ("manifest.json", manifest)])


class Store:
    """An engine that saves what it is given, and keeps what it is to load."""

    def __init__(self, saved: bytes = b"") -> None:
        self.saved = saved
        self.loaded: bytes | None = None

    def save(self, image: Image) -> Iterator[bytes]:
        """In pieces that follow no block."""
        return (self.saved[at : at + 4321] for at in range(0, len(self.saved), 4321))

    def load_pieces(self, pieces: Iterable[bytes], name: str) -> None:
        """All of it, or nothing."""
        self.loaded = b"".join(pieces)


def written(saved: bytes, path: Path) -> CarriedImage:
    """The archive of what an engine saved."""
    return write_image(Store(saved), Image(tag=TAG, id="", size_bytes=0), path)


def inside(path: Path) -> dict[str, bytes]:
    """The files of an archive."""
    plain = io.BytesIO(library().decompress(path.read_bytes()))
    with tarfile.open(fileobj=plain) as archive:
        files = {each.name: archive.extractfile(each) for each in archive}
        return {name: file.read() for name, file in files.items() if file is not None}


@pytest.fixture
def archive(tmp_path: Path) -> tuple[Path, CarriedImage]:
    """An archive, and its record."""
    return tmp_path / "image.tar.zst", written(by_docker(), tmp_path / "image.tar.zst")


@pytest.mark.parametrize("saved", [by_podman, by_containerd])
def test_one_image_is_the_same_bytes(
    saved: Any, archive: tuple[Path, CarriedImage], tmp_path: Path
) -> None:
    """Whoever saved it, in whatever order and packing."""
    assert written(saved(), tmp_path / "other") == archive[1]
    assert (tmp_path / "other").read_bytes() == archive[0].read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"other", "image.tar.zst"}


def test_it_is_both_formats(archive: tuple[Path, CarriedImage]) -> None:
    """An OCI layout whose digests and sizes hold, and Docker's format with the same files."""
    path, carried = archive
    files = inside(path)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads(files["index.json"])["manifests"]
    manifest = files[f"blobs/{entry['digest'].replace(':', '/')}"]
    assert (entry["size"], entry["digest"]) == (len(manifest), carried.ids[1])
    (docker,) = json.loads(files["manifest.json"])
    parts = json.loads(manifest)
    for part, name in zip(
        (parts["config"], *parts["layers"]), (docker["Config"], *docker["Layers"]), strict=True
    ):
        assert part["size"] == len(files[name]) and name.endswith(digest(files[name]))
    assert docker["RepoTags"] == [TAG] and files[docker["Config"]] == config()


def test_a_layer_twice(tmp_path: Path) -> None:
    """A layer that an image has twice stands in the archive once."""
    layers = (LAYERS[0], LAYERS[0])
    files = [("a.tar", LAYERS[0]), ("c", config(layers))]
    saved = tar([*files, ("manifest.json", told("c", ("a.tar", "a.tar")))])
    carried = written(saved, tmp_path / "image.tar.zst")
    store = Store()
    load_image(store, tmp_path / "image.tar.zst", carried, LABEL)
    assert len(carried.layers) == 2 and store.loaded is not None
    assert store.loaded.count(b"first layer") == 1


def test_loading(archive: tuple[Path, CarriedImage]) -> None:
    """What reaches the engine are the files of the archive."""
    store = Store()
    load_image(store, *archive, LABEL)
    assert store.loaded is not None
    with tarfile.open(fileobj=io.BytesIO(store.loaded)) as loaded:
        assert loaded.getnames() == list(inside(archive[0]))


@pytest.mark.parametrize("saved", [b"", b"x" * 5000, by_docker()[:4000], tar([("a", b"b")])])
def test_what_no_engine_saves(saved: bytes, tmp_path: Path) -> None:
    """An engine's answer that makes no sense is an error of the build, and leaves nothing."""
    with pytest.raises(BuildError):
        written(saved, tmp_path / "image.tar.zst")
    assert list(tmp_path.iterdir()) == []


def packed(path: Path, files: Files, *, end: bytes = b"") -> None:
    """An archive of these files."""
    packer = Packer()
    path.write_bytes(packer.pack(tar(files)) + packer.end() + end)


def exchanged(files: Files, name: str, content: bytes, new: str = "") -> Files:
    """The files with one of them another."""
    return [(new or n, content) if n == name else (n, c) for n, c in files]


def hostile(files: Files) -> Iterator[tuple[str, Files]]:
    """What somebody might make of an archive."""
    docker, layer = "manifest.json", f"blobs/sha256/{digest(LAYERS[1])}"
    other_tag = dict(files)[docker].replace(TAG.encode(), b"python:3.11-slim")
    yield "another tag", exchanged(files, docker, other_tag)
    yield "a tag more", [*files, ("repositories", b'{"python": {"3.11-slim": "x"}}')]
    yield "a manifest more", [*files, (docker, other_tag)]
    yield "a layer's content", exchanged(files, layer, LAYERS[1][:-1] + b"x")
    yield "a layer's name", exchanged(files, layer, LAYERS[1], "../../etc/passwd")
    yield "a layer less", files[:-1]
    yield "another order", [files[-1], *files[:-1]]
    yield "the config", exchanged(files, files[4][0], config(label="e" * 64))
    yield "nothing", []


def test_hostile_archives(archive: tuple[Path, CarriedImage]) -> None:
    """Nothing that is not the image of image.json is loaded whole."""
    path, carried = archive
    files = list(inside(path).items())
    for what, changed in hostile(files):
        packed(path, changed)
        store = Store()
        with pytest.raises(IntegrityError, match="is not the image of this bundle"):
            load_image(store, path, carried, LABEL)
        assert store.loaded is None, what
    packed(path, files)
    load_image(Store(), path, carried, LABEL)


@pytest.mark.parametrize("cut", [0, 10, 1000, -1])
def test_damaged_archives(cut: int, archive: tuple[Path, CarriedImage]) -> None:
    """An archive that is cut off, or no archive, is exit code 7."""
    path, carried = archive
    path.write_bytes(path.read_bytes()[:cut] if cut else b"no archive" * 100)
    with pytest.raises(IntegrityError):
        load_image(Store(), path, carried, LABEL)


def test_the_image_of_another_bundle(archive: tuple[Path, CarriedImage]) -> None:
    """An image whose label names another bundle is not taken for this one's."""
    with pytest.raises(IntegrityError, match="another bundle"):
        load_image(Store(), *archive, (LABEL[0], "e" * 64))


def test_record(archive: tuple[Path, CarriedImage]) -> None:
    """image.json is read back as it was written, with a digest a line for a shell."""
    carried = replace(archive[1], built_by=(("engine", "docker"),))
    text = carried.to_text()
    assert records.from_json(json.loads(text)) == carried
    assert f'\n "id": "sha256:{digest(config())}",\n' in text
    assert f'\n  "sha256:{digest(LAYERS[0])}",\n' in text


@pytest.mark.parametrize(
    "change",
    [
        {"tag": "python:3.11-slim"},
        {"id": "sha256:../../x"},
        {"id": f"sha256:{'0' * 64}"},
        {"manifest": f"sha256:{'0' * 64}"},
        {"layers": []},
        {"layers": [1, 2]},
        {"layers": None},
        {"layers": ["sha256:" + "0" * 64] * 100_000, "layer_bytes": [0] * 100_000},
        {"layer_bytes": [-1, 1]},
        {"layer_bytes": [1e999, 1]},
        {"config_bytes": 1 << 70},
        {"built_by": []},
    ],
    ids=lambda change: str(change)[:40],
)
def test_hostile_record(change: dict[str, Any], archive: tuple[Path, CarriedImage]) -> None:
    """No other record is taken for that of an image."""
    raw = json.loads(archive[1].to_text())
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        records.from_json({**raw, **change})

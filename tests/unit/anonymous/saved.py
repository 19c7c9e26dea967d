"""Saved images made up of a few files, as an engine would give them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repropack.anonymous.looking import Looker
from repropack.bundle.image import CarriedImage
from repropack.engines.carried import checked, write_image
from repropack.engines.model import Image
from repropack.retrieval.members import members

LABEL = ("repropack.bundle", "0" * 64)
BUILT_S = 1_700_000_000


def layer(
    files: Mapping[str, bytes | str],
    attributes: Mapping[str, str] | None = None,
    *,
    uid: int = 1000,
) -> bytes:
    """A layer as Docker saves it on the machine of a user quillf: a text is where a link leads."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.uid = info.gid = uid
            info.uname = info.gname = "quillf"
            info.mtime = BUILT_S
            info.pax_headers = dict(attributes or {})
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Saved:
    """An engine that has one image of these layers."""

    layers: tuple[bytes, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    loaded: bytes = b""

    @property
    def config(self) -> bytes:
        """Its config, with everything that Docker's legacy builder notes."""
        digests = [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in self.layers]
        told = {
            "architecture": "amd64",
            "os": "linux",
            "created": "2023-11-14T22:13:20Z",
            "container": "5c15ef7daee7",
            "container_config": {"Hostname": "5c15ef7daee7", "Image": "quillf/x"},
            "docker_version": "20.10",
            "config": {"Labels": dict([LABEL]), "Hostname": "quillpc", **self.settings},
            "history": [{"created": "2023-11-14T22:13:20Z", **each} for each in self.history],
            "rootfs": {"type": "layers", "diff_ids": digests},
        }
        return json.dumps(told).encode()

    def save(self, image: Image) -> Iterator[bytes]:
        """Layers before what names them, as Docker does it, in pieces of an odd size."""
        buffer = io.BytesIO()
        names = [f"{number}/layer.tar" for number in range(len(self.layers))]
        told = [{"Config": "c.json", "RepoTags": [image.tag], "Layers": names}]
        parts = [*zip(names, self.layers, strict=True), ("c.json", self.config)]
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, data in [*reversed(parts), ("manifest.json", json.dumps(told).encode())]:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        data = buffer.getvalue()
        yield from (data[at : at + 70_001] for at in range(0, len(data), 70_001))

    def load_pieces(self, pieces: Iterable[bytes], name: str) -> None:
        """What an engine would take."""
        self.loaded = b"".join(pieces)


def written(saved: Saved, look: Looker | None, path: Path) -> CarriedImage:
    """Its archive."""
    image = Image(tag="repropack/x:anonymous-0", id="", size_bytes=0)
    return write_image(saved, image, path, look)


def unpacked(path: Path, carried: CarriedImage) -> dict[str, bytes]:
    """The files of an archive that loads, by name."""
    assert b"".join(checked(path, carried, LABEL))
    return {each.name: b"".join(each.content()) for each in members(path, ".tar.zst", 100)}

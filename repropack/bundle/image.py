"""The image that travels in a bundle: `image.json` beside `image.tar.zst`.

Owns: what image.json says, and the texts in the archive that follow from it. Both files are made
from the bundle's others, so the image's label names the checksums of everything but them.
Does not own: writing and loading the archive.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from repropack.bundle.strict import count, shaped

_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_MOST_LAYERS = 500
#: Of `built_by`: what was left out of the image that an engine had, so that no layer is the same.
REWRITTEN = "left_out"
_OCI = "application/vnd.oci.image."


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A part of an image by its content."""

    digest: str
    size_bytes: int

    @property
    def path(self) -> str:
        """Its name in an OCI layout."""
        return f"blobs/{self.digest.replace(':', '/')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedImage:
    """An image by its parts: `config` is what Docker and Podman call its id. Layers are plain tars.

    `built_by` says what built it: engine, version, builder.
    """

    tag: str
    config: Blob
    layers: tuple[Blob, ...]
    built_by: tuple[tuple[str, str], ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """What an engine may call it: a store of OCI images takes the manifest's digest."""
        return (self.config.digest, digest_of(self.manifest))

    @property
    def manifest(self) -> bytes:
        """The OCI manifest."""
        return _compact(
            {
                "schemaVersion": 2,
                "mediaType": f"{_OCI}manifest.v1+json",
                "config": _descriptor("config.v1+json", self.config),
                "layers": [_descriptor("layer.v1.tar", layer) for layer in self.layers],
            }
        )

    @property
    def texts(self) -> tuple[tuple[str, bytes], ...]:
        """The files of the archive in front of its config: an OCI layout, and Docker's format."""
        manifest = Blob(digest=digest_of(self.manifest), size_bytes=len(self.manifest))
        index = {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}index.v1+json",
            "manifests": [
                {
                    **_descriptor("manifest.v1+json", manifest),
                    "annotations": {
                        "io.containerd.image.name": f"docker.io/{self.tag}",
                        "org.opencontainers.image.ref.name": f"docker.io/{self.tag}",
                    },
                    "platform": {"architecture": "amd64", "os": "linux"},
                }
            ],
        }
        docker = {
            "Config": self.config.path,
            "RepoTags": [self.tag],
            "Layers": [layer.path for layer in self.layers],
        }
        return (
            ("oci-layout", _compact({"imageLayoutVersion": "1.0.0"})),
            ("index.json", _compact(index)),
            ("manifest.json", _compact([docker])),
            (manifest.path, self.manifest),
        )

    def to_text(self) -> str:
        """The text of image.json: a digest a line, so that a shell can read it too."""
        return json.dumps(self.to_json(), indent=1) + "\n"

    def to_json(self) -> dict[str, Any]:
        """What image.json says."""
        return {
            "tag": self.tag,
            "id": self.config.digest,
            "manifest": digest_of(self.manifest),
            "config_bytes": self.config.size_bytes,
            "layers": [layer.digest for layer in self.layers],
            "layer_bytes": [layer.size_bytes for layer in self.layers],
            "built_by": dict(self.built_by),
        }


def from_json(raw: Any) -> CarriedImage:
    """The record of image.json; raises `KeyError`, `TypeError` or `ValueError`."""
    layers, sizes = raw["layers"], raw["layer_bytes"]
    if len(layers) != len(sizes) or not 0 < len(layers) <= _MOST_LAYERS:
        raise ValueError(f"an image of {len(layers)} layers and {len(sizes)} sizes")
    found = CarriedImage(
        tag=shaped("tag", raw["tag"]),
        config=Blob(digest=_digest(raw["id"]), size_bytes=count("size", raw["config_bytes"])),
        layers=tuple(
            Blob(digest=_digest(layer), size_bytes=count("size", size))
            for layer, size in zip(layers, sizes, strict=True)
        ),
        built_by=tuple((str(name), str(value)) for name, value in raw["built_by"].items()),
    )
    if raw["manifest"] != digest_of(found.manifest):
        raise ValueError("the digest of its manifest is another")
    return found


def digest_of(data: bytes) -> str:
    """`sha256:…`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError(f"{value!r} is no digest")
    return value


def _descriptor(kind: str, blob: Blob) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}{kind}", "digest": blob.digest, "size": blob.size_bytes}


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

"""The images that an image is built on, as files: its base, and the one that CUDA's files are from.

A bundle that needs no network brings them. Where they are loaded they have a name by their content,
which no registry is asked for, whatever they were called where they came from. They are packed by
gzip, which every machine unpacks.

Owns: the files, which are kept in the cache, and loading them. Does not own: the archive
(`carried`), what a bundle says of them (`bundle`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from repropack.bundle.contents import Brought
from repropack.bundle.image import CarriedImage, from_json
from repropack.engines.carried import Carrier, load_image, write_image
from repropack.engines.model import Engine, Image, Progress
from repropack.errors import BuildError, IntegrityError
from repropack.workspace import write_atomically


@runtime_checkable
class Keeper(Protocol):
    """An engine that has images."""

    def image(self, tag: str) -> Image | None:
        """Return the image of that name, or `None`."""

    def tag(self, image: Image, tags: tuple[str, ...]) -> None:
        """Give an image more tags."""

    def save(self, image: Image) -> Iterator[bytes]:
        """An image with its tag, as an archive of Docker's format."""

    def remove_image(self, tag: str) -> None:
        """Remove the tag, and the image with its last one; an absent image is no error."""


def saved_image(engine: Engine, image: Image, what: str, *, cache: Path) -> Brought:
    """An image as an archive in the cache; `what` it is: `base`, `cuda`. Raises `BuildError`."""
    assert isinstance(engine, Carrier), "it has images"
    content = image.id.rpartition(":")[2]
    path = cache / "bases" / f"{what}-{content}.tar.gz"
    record = path.with_name(f"{what}-{content}.json")
    try:
        return Brought(path=path, record=from_json(json.loads(record.read_bytes())))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # it is only written again
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name of a registry, with its digest, would not survive the archive.
        by_id = replace(image, tag=image.id)
        carried = write_image(engine, by_id, path, name=f"repropack/{what}")
        write_atomically(record, carried.to_text())
    except OSError as error:
        raise BuildError(
            f"cannot write {path}: {error.strerror}", hint="is the disk full? try `df -h`"
        ) from error
    return Brought(path=path, record=carried)


def brought_image(engine: Engine, path: Path, record: CarriedImage, progress: Progress) -> Image:
    """An image that a bundle brings, by its name here; it is loaded where the engine lacks it.

    Raises `IntegrityError` (exit code 7) for another image than the bundle's, and `BuildError` (5).
    """
    assert isinstance(engine, Carrier) and isinstance(engine, Keeper), "it has images"
    found = _of(engine, record)
    if found is None:
        progress(f"loading {path.name} of the bundle")
        load_image(engine, path, record)
        found = _of(engine, record)
    if found is None:
        raise IntegrityError(f"{path} was loaded, and is not the image of repropack.json")
    engine.tag(found, (record.tag,))
    return replace(found, tag=record.tag)


def _of(engine: Keeper, record: CarriedImage) -> Image | None:
    return next((image for image in map(engine.image, record.ids) if image is not None), None)

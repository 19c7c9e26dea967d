"""Images as files: kept in the cache, so that bundles that need no network are written soon.

Owns: the file, which is the same for the same image and the same engine. Does not own: what is in
it (the archive of `docker save`, which every engine loads).
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from repropack.engines.base import BaseSpec, base_tag
from repropack.engines.model import Engine, Image
from repropack.errors import BuildError
from repropack.marks import scratch

_LEVEL = 6


@runtime_checkable
class Keeper(Protocol):
    """What this module needs of an engine."""

    def image(self, tag: str) -> Image | None:
        """Return the image of that name, or `None`."""

    def save(self, image: Image) -> Iterator[bytes]:
        """An image with its tag, as the archive that `load` takes."""

    def load(self, path: Path) -> None:
        """Take the images of a compressed archive."""

    def remove_image(self, tag: str) -> None:
        """Remove the tag, and the image with its last one; an absent image is no error."""


def saved_base(engine: Engine, base: Image, spec: BaseSpec, *, cache: Path) -> Path:
    """The base as a compressed archive in the cache. Raises `BuildError`."""
    assert isinstance(engine, Keeper), "it has a base"
    image = replace(base, tag=base_tag(spec))  # a digest would not survive the archive
    # The tag is in the archive, and each engine has its own way of writing one.
    tag = image.tag.replace("/", "-").replace(":", "-")
    name = f"{image.id.rpartition(':')[2]}-{tag}-{type(engine).__name__}.tar.gz"
    path = cache / "bases" / name
    if path.is_file():
        return path
    try:
        write_image(engine, image, path)
    except OSError as error:
        raise BuildError(
            f"cannot write {path}: {error.strerror}", hint="is the disk full? try `df -h`"
        ) from error
    return path


def write_image(engine: Keeper, image: Image, path: Path) -> None:
    """Write an image to a file, whole or not at all. Raises `OSError` and `BuildError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch(path.parent, ".image-") as directory:
        part = directory / "image"
        with part.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as file:
            for chunk in engine.save(image):
                file.write(chunk)
        part.chmod(0o644)
        part.replace(path)


def load_base(
    engine: Engine, image: Path | None, spec: BaseSpec, progress: Callable[[str], None]
) -> None:
    """Take the base of a bundle where the engine lacks it."""
    if image is None or not isinstance(engine, Keeper):
        return
    if engine.image(base_tag(spec)) is None:
        progress(f"loading {image.name} of the bundle")
        engine.load(image)

"""Whether an image is the same as another of its bundle: a second build here, or the author's.

Owns: the level that is reached, and the list of an image's files that travels with a bundle. Does
not own: reading and comparing images (`judge.imagefiles`, `judge.imagediff`), building (`images`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from repropack.bundle import Bundle, checksums
from repropack.bundle.image import CarriedImage
from repropack.engines.archive import reader
from repropack.engines.carried import checked
from repropack.errors import BuildError, UsageError
from repropack.images import built_again, finish
from repropack.judge.imagediff import Comparison, compare, load, save, told
from repropack.judge.imagefiles import Listing, read_image
from repropack.judge.imagelayers import ImageError
from repropack.marks import scratch
from repropack.metadata.provenance import FILES, recorded
from repropack.remade import listing_of, remade
from repropack.retrieval.streams import DamagedError
from repropack.settings import Built, Level, Sameness
from repropack.workshop import Workshop


def refuse_without_images(workshop: Workshop) -> None:
    """Raises `UsageError` where two images are to be compared and there is none."""
    if workshop.settings.check_reproducible and workshop.base is None:
        raise UsageError(
            f"the {workshop.engine.name} engine makes no image that could be made again",
            hint="--check-reproducible needs --engine docker or --engine podman",
        )


def finished(bundle: Bundle, workshop: Workshop, lock: Path | None = None) -> Built:
    """The bundle with its image, compared with another one where that was asked for.

    Raises as `finish`, and `BuildError` if an image cannot be read.
    """
    refuse_without_images(workshop)
    if workshop.settings.check_reproducible:
        workshop = replace(workshop, settings=replace(workshop.settings, rebuild=True))
    built = finish(bundle, workshop, lock)
    if workshop.base is None:
        return built
    try:
        built = replace(built, remade=remade(bundle, workshop))
        if workshop.settings.check_reproducible:
            return replace(built, sameness=compared_with_second(built, workshop))
        if workshop.settings.rebuild:
            return replace(built, sameness=compared_with_author(built, workshop))
    except (ImageError, DamagedError, OSError) as error:
        raise BuildError(f"{built.image.tag} could not be compared: {error}") from error
    return built


def compared_with_second(built: Built, workshop: Workshop) -> Sameness:
    """Build the image again, of nothing that was built before, and compare.

    The list of the image's files is written beside what the bundle's checksums list.
    """
    workshop.reporter.step("building it a second time, to compare")
    with built_again(built.bundle, workshop) as second:
        workshop.reporter.step("comparing the two images, file by file")
        with listing_of(built.image, workshop) as first:
            sha256 = write_list(first, built.bundle.directory / FILES)
            if second.id == built.image.id:
                return Sameness(level=Level.IMAGE, lines=(SAME_ID,), files_sha256=sha256)
            with listing_of(second, workshop) as other:
                found = compare(first, other)
                layers = shared(first, other)
    level = Level.CONTENTS if found.same else pinned(built.bundle)
    lines = (*told(found, "the first build"), *times(found), layers)
    return Sameness(level=level, lines=lines, files_sha256=sha256)


SAME_ID = "both builds have the same id"


def shared(first: Listing, other: Listing) -> str:
    """How many layers from the lowest on are the same to the bit."""
    pairs = zip(first.layers, other.layers, strict=False)
    same = next((n for n, (one, two) in enumerate(pairs) if one != two), len(first.layers))
    return f"{same} of {len(first.layers)} layers are the same to the bit"


def times(found: Comparison) -> tuple[str, ...]:
    """Some of the files that differ in their time alone, where nothing else does."""
    if not found.same or not found.timed:
        return ()
    return (f"such as {', '.join(each.path for each in found.named[:3])}: {found.named[0].why}",)


def compared_with_author(built: Built, workshop: Workshop) -> Sameness | None:
    """Hold an image that was built here against what its author recorded of theirs, and tell it.

    None where nothing was recorded.
    """
    bundle, found = built.bundle, recorded(built.bundle.directory)
    ids = (*((found.image_id,) if found else ()), *(bundle.carried.ids if bundle.carried else ()))
    if not ids:
        return None
    if built.image.id in ids:
        said = Sameness(
            level=Level.IMAGE, lines=(f"what was built here is the author's image, {ids[0]}",)
        )
    elif (bundle.directory / FILES).is_file():
        said = compared_with_list(built, bundle.directory / FILES, workshop)
    elif bundle.carried:
        said = compared_with_carried(built, bundle.carried, workshop)
    else:
        said = Sameness(level=None, lines=(UNKNOWN,))
    for line in said.lines:
        workshop.reporter.note(f"image: {line}")
    return said


UNKNOWN = (
    "what was built here has another id than the author's image; whether its files are the same is "
    "not known: they did not build with --check-reproducible"
)


def compared_with_list(built: Built, path: Path, workshop: Workshop) -> Sameness:
    """By the list of the files of the author's image."""
    with path.open("rb") as stream, load(stream) as first:
        return compared_with_files(built, first, workshop)


def compared_with_carried(built: Built, carried: CarriedImage, workshop: Workshop) -> Sameness:
    """By the author's image, which the bundle brings.

    Its files are compared and not its layers: those have owners' names left out, and in an
    anonymous bundle times, so that they may be nobody else's.
    """
    archive = built.bundle.directory / checksums.IMAGE_ARCHIVE
    with reader(checked(archive, carried)) as stream, read_image(stream) as first:
        return compared_with_files(built, first, workshop)


def compared_with_files(built: Built, first: Listing, workshop: Workshop) -> Sameness:
    """By the files of the author's image."""
    workshop.reporter.step("comparing the image with the author's, file by file")
    with listing_of(built.image, workshop) as other:
        found = compare(first, other)
    level = Level.CONTENTS if found.same else pinned(built.bundle)
    return Sameness(level=level, lines=tuple(told(found, "the author's image")))


def pinned(bundle: Bundle) -> Level:
    """What holds without comparing: whether all that an image is made of is named by its hash."""
    base = "@sha256:" in bundle.base_reference or (
        bool(bundle.debs) and all(len(deb.sha256) == 64 for deb in bundle.debs)
    )
    cuda = bundle.base.cuda is None or "@sha256:" in bundle.base.cuda
    return Level.PINNED if base and cuda else Level.RECIPE


def write_list(listing: Listing, path: Path) -> str:
    """Write the list of an image's files, whole or not at all; its hash."""
    with scratch(path.parent.parent, ".image-files.") as directory:
        part = directory / path.name
        with part.open("wb") as stream:
            sha256 = save(listing, stream)
        part.chmod(0o644)
        part.replace(path)
    return sha256

"""What a bundle gets once its image is there: the image, what is attested, and the one file.

Owns: the order, and SHA256SUMS with the image in it. Does not own: the image's archive
(`engines.carried`), the attestations (`attesting`), the bundle's archive (`archives`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from repropack.anonymous import Guard
from repropack.archives import write_archive
from repropack.attesting import attest
from repropack.bundle import Check, checksums
from repropack.bundle.image import REWRITTEN, CarriedImage
from repropack.engines.carried import Carrier, write_image
from repropack.engines.owner_names import OwnerNames
from repropack.environment.store import exclusively
from repropack.errors import AnonymityError, BuildError
from repropack.progress import Reporter
from repropack.settings import Built, Settings
from repropack.workspace import write_atomically


@contextmanager
def alone(out: Path, cache: Path, reporter: Reporter) -> Iterator[None]:
    """Nobody else writes this bundle meanwhile: another call waits. Raises `BuildError`."""
    key = hashlib.sha256(os.fsencode(out.absolute())).hexdigest()
    with exclusively(cache / "locks" / f"bundle-{key[:32]}"):
        reporter.step(f"writing {out}")
        yield


def hand_over(built: Built, settings: Settings, reporter: Reporter, check: Check) -> Built:
    """The bundle as its author hands it in. `check` looks through the image, too, if it can.

    Raises `BuildError` (exit code 5), `UsageError`, and `AnonymityError` (3): no bundle is left.
    """
    if settings.with_image:
        built = add_image(built, reporter, check)
    built = attest(built, settings)
    if settings.archive is not None:
        reporter.step(f"writing {settings.archive}")
        directory, top = built.bundle.directory, top_of(built.bundle.tag)
        path, part_bytes = settings.archive, settings.part_bytes
        archive = write_archive(directory, top, path, part_bytes=part_bytes)
        built = replace(built, archive=archive)
    return built


def top_of(tag: str) -> str:
    """The directory that everything in an archive is below: `digits-svm-0123456789ab`."""
    return tag.removeprefix("repropack/").replace(":", "-")


def add_image(built: Built, reporter: Reporter, check: Check) -> Built:
    """Put the image into its bundle. SHA256SUMS, which makes it a part of that, comes last."""
    engine, directory = built.engine, built.bundle.directory
    assert isinstance(engine, Carrier), "the engine makes images"
    looker = check.looker(built.bundle) if isinstance(check, Guard) else None
    doing = "looking through the image, and adding it" if looker else "adding the image"
    look = looker or OwnerNames()
    reporter.step(f"{doing} to the bundle")
    try:
        image = replace(built.image, tag=built.bundle.tag)
        carried = write_image(engine, image, directory / checksums.IMAGE_ARCHIVE, look)
        facts = built.facts
        built_by = (
            *(("engine", facts.name), ("version", facts.version), ("builder", facts.builder)),
            *(((REWRITTEN, look.left_out),) if look.left_out else ()),
        )
        return list_image(built, replace(carried, built_by=built_by))
    except AnonymityError:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    except OSError as error:
        raise BuildError(
            f"cannot write to {directory}: {error.strerror or error}",
            hint="is the disk full? try `df -h`",
        ) from error


def list_image(built: Built, carried: CarriedImage) -> Built:
    """Write image.json and SHA256SUMS, with the time that everything in a bundle has."""
    directory = built.bundle.directory
    sums, record = directory / checksums.SUMS, directory / checksums.IMAGE_RECORD
    archive = directory / checksums.IMAGE_ARCHIVE
    before = sums.stat().st_mtime_ns
    write_atomically(record, carried.to_text())
    text = sums.read_bytes().decode("utf-8", "surrogateescape")
    more = {path.name: checksums.sha256_of(path) for path in (record, archive)}
    text = checksums.with_image(text, more)
    write_atomically(sums, text)
    for path in (archive, record, sums, directory):
        os.utime(path, ns=(before, before))
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return replace(built, bundle=replace(built.bundle, sums_sha256=digest, carried=carried))

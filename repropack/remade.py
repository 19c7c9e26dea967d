"""A bundle's base made again, of the Debian packages that the bundle brings.

What is built stays on the recorded base: another version of mmdebstrap may lay out the same
packages in another way. Owns: when that is done, holding the one against the other, and listing the
files of an image. Does not own: making it (`engines.bootstrap`).
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from repropack.bundle import Bundle
from repropack.bundle.contents import DEB_FILES
from repropack.engines import Image
from repropack.engines.archive import reader
from repropack.engines.base import RECIPE_LABEL, ROOTFS, BaseEngine, build_rootfs
from repropack.engines.bootstrap import bootstrap, can_bootstrap
from repropack.engines.owners import mark
from repropack.engines.saved import Keeper
from repropack.errors import BuildError, RunError, TemporaryError
from repropack.images import again_tag
from repropack.judge.imagediff import compare, told
from repropack.judge.imagefiles import Listing, read_image
from repropack.marks import scratch
from repropack.workshop import Workshop

ALLOWED = "debs"
"""What `--allow` calls running the scripts of a stranger's packages outside of a container."""


def remade(bundle: Bundle, workshop: Workshop) -> tuple[str, ...]:
    """What comes out where the base is made again, in lines; none where that is not asked for.

    It is for a bundle that somebody sent, with its base and its packages. Raises `IntegrityError`
    (exit code 7) for a package that is not the recorded one.
    """
    base, brought = workshop.base, bundle.base_image
    if not (workshop.settings.rebuild and bundle.brings_debs and base and brought):
        return ()
    if base.tag != brought.tag:  # its author builds it
        return ()
    of_them, tell = f"its {len(bundle.debs)} Debian packages", workshop.reporter.note
    if refused := _refused(workshop):
        tell(f"base: not made again of {of_them}: {refused}")
        return ()
    workshop.reporter.step(f"making the base again of {of_them}")
    try:
        lines = _compared(bundle, workshop, base, f"made again of {of_them}")
    except (BuildError, TemporaryError) as error:
        log = f" (see {error.log})" if error.log else ""
        lines = (f"could not be made again of {of_them}: {error.what}{log}",)
    for line in lines:
        tell(f"base: {line}")
    return lines


def _refused(workshop: Workshop) -> str:
    """Why nothing of it is done, or ""."""
    if ALLOWED not in workshop.settings.allow:
        return (
            "their scripts would run on this machine, outside of a container (if you trust the "
            f"bundle's authors with that: --allow {ALLOWED})"
        )
    return "" if can_bootstrap() else "mmdebstrap is not installed"


def _compared(bundle: Bundle, workshop: Workshop, base: Image, made: str) -> tuple[str, ...]:
    engine, detail = workshop.engine, workshop.reporter.detail
    assert isinstance(engine, BaseEngine) and isinstance(engine, Keeper), "it has images"
    log = workshop.settings.cache / "logs" / f"base-again-{os.getpid()}.log"
    tag = again_tag(replace(workshop, again=mark()), "base")
    with scratch(Path(tempfile.gettempdir()), "repropack-base-") as context:
        bootstrap(
            *(bundle.base.suite, (), context / ROOTFS),
            log=log,
            progress=detail,
            python=bundle.archive,
            debs=bundle.directory.absolute() / DEB_FILES,
        )
        labels = tuple(each for each in base.labels if each[0] != RECIPE_LABEL)
        second = build_rootfs(engine, context, tag, labels, log, detail)
    try:
        if second.layers and second.layers == base.layers:
            return (f"{made}, the same to the bit",)
        return _by_files(base, second, workshop, made)
    finally:
        with suppress(RunError):  # the next call removes it
            engine.remove_image(tag)


def _by_files(base: Image, second: Image, workshop: Workshop, made: str) -> tuple[str, ...]:
    with listing_of(base, workshop) as first, listing_of(second, workshop) as other:
        found = compare(first, other)
    if found.same:
        files = f"{found.files} files, every byte, owner and mode"
        why = "with other times, which are the builder's" if found.timed else "in another layer"
        return (f"{made}, the same: {files} ({why})",)
    return (f"{made}, compared with the bundle's:", *told(found, "the bundle's base"))


def listing_of(image: Image, workshop: Workshop) -> Listing:
    """The files of an image. Raises `ImageError`, and what saving raises."""
    engine = workshop.engine
    assert isinstance(engine, Keeper), "it has images"
    with reader(engine.save(image)) as stream:
        return read_image(stream)

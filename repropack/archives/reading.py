"""A bundle that is one file, as a directory for as long as it is needed.

Owns: unpacking it below the user's cache, what is refused, and that it is gone afterwards. Does not
own: checking the bundle (`bundle`), which comes next, as for every bundle.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repropack.archives.parts import LIST, joined
from repropack.bundle import is_bundle
from repropack.errors import DataError, IntegrityError, UsageError
from repropack.marks import new_scratch
from repropack.progress import Reporter
from repropack.retrieval.members import ending
from repropack.retrieval.unpacking import Limits, refuse_outward, unpack

FOLDER = "unpacked"
#: As large as the largest disks; a bundle's packages and images do not pack well.
_LIMITS = Limits(n_files=2_000_000)
_ELSEWHERE = "REPROPACK_CACHE names another place, or unpack it yourself and name the directory"


def is_archive(path: Path) -> bool:
    """Whether this is a file that may be a bundle, or a part or the list of the parts of one."""
    name = path.name.removesuffix(LIST).removesuffix(".001")
    return bool(ending(name)) and path.is_file()


@contextmanager
def at_hand(path: Path, *, cache: Path, reporter: Reporter) -> Iterator[Path]:
    """The directory of a bundle: `path` itself, or what is in the archive of that name.

    Raises `IntegrityError` (exit code 7) for an archive that is damaged, hostile or no bundle, and
    `UsageError` where the cache has no room for it.
    """
    if not is_archive(path):
        yield path
        return
    folder = cache / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = new_scratch(folder, "bundle-")
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}", hint=_ELSEWHERE) from error
    try:
        yield unpacked(path, scratch, reporter)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def unpacked(path: Path, scratch: Path, reporter: Reporter) -> Path:
    """The bundle of an archive, below an empty directory. Raises as `at_hand`."""
    reporter.step(f"unpacking {path}")
    try:
        archive = joined(path)
        whole = archive.paths[0] if len(archive.paths) == 1 else archive
        links = unpack(whole, archive.name, scratch, limits=_LIMITS, reporter=reporter, modes=True)
        refuse_outward(scratch, links, archive.name)
        for parent, folders, _ in os.walk(scratch):
            for folder in (Path(parent, name) for name in folders):
                if not folder.is_symlink():
                    folder.chmod(0o755)  # whatever the umask: images are made of them
    except DataError as error:
        raise IntegrityError(
            error.what, hint="get it again from where it was published, or ask its authors"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{path} cannot be unpacked to {scratch.parent}: {error.strerror or error}",
            hint=_ELSEWHERE,
        ) from error
    inside = [each for each in (scratch, *scratch.iterdir()) if is_bundle(each)]
    if len(inside) != 1:
        raise IntegrityError(
            f"there is no bundle in {path}", hint="name what `repropack build --archive` wrote"
        )
    return inside[0]

"""The .deb files that a base is made of: kept when it is made, or fetched while a mirror has them.

CACHE/debs/SHA256/NAME_VERSION_ARCHITECTURE.deb
Owns: the cache of them. Does not own: which a base has (`base`), running the tools (`bootstrap`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from repropack.debian.debs import Deb, all_known, debs_text
from repropack.engines.bootstrap import fetch_debs
from repropack.engines.model import Progress
from repropack.environment.store import digest, explained, move, workspace
from repropack.errors import TemporaryError

SHOWN = 10
"""How many packages that a mirror no longer has are named."""


def deb_path(cache: Path, deb: Deb) -> Path:
    """Where the file is, or would be."""
    return cache / "debs" / deb.sha256 / deb.filename


def keep_debs(directory: Path, debs: Sequence[Deb], cache: Path) -> None:
    """Move those files of a directory into the cache that are what the record says."""
    for deb in debs:
        file = directory / deb.filename
        with suppress(OSError):  # they can be fetched
            if digest(file, "sha256") == deb.sha256:
                move(file, deb_path(cache, deb))


def provide_debs(
    suite: str, debs: Sequence[Deb], *, cache: Path, progress: Progress, base: str
) -> tuple[tuple[Deb, Path], ...]:
    """Every .deb of a base with its file; none where it is not known which they were.

    Raises `TemporaryError` (75) where the mirror cannot be reached, or no longer has one.
    """
    if not all_known(debs):
        return ()
    missing = [deb for deb in debs if not _is_whole(cache, deb)]
    if missing:
        progress(f"fetching {len(missing)} Debian packages of the base")
        _fetch(suite, missing, cache, progress, base)
    return tuple((deb, deb_path(cache, deb)) for deb in debs)


def _is_whole(cache: Path, deb: Deb) -> bool:
    try:
        return digest(deb_path(cache, deb), "sha256") == deb.sha256
    except OSError:
        return False


def _fetch(suite: str, debs: Sequence[Deb], cache: Path, progress: Progress, base: str) -> None:
    _refuse_without_tools(base)
    log = cache / "logs" / f"debs-{os.getpid()}.log"
    with explained(cache), workspace(cache) as directory:
        listed, files = directory / "list", directory / "files"
        files.mkdir()
        listed.write_text(debs_text(debs), "utf-8")
        gone = fetch_debs(suite, listed, files, log=log, progress=progress)
        if gone:
            raise _vanished(gone, base)
        keep_debs(files, debs, cache)
    lacking = [str(deb) for deb in debs if not _is_whole(cache, deb)]
    if lacking:
        raise TemporaryError(f"packages of the base could not be fetched: {_some(lacking)}")


def _refuse_without_tools(base: str) -> None:
    if shutil.which("mmdebstrap") is None:
        raise TemporaryError(
            f"the Debian packages of the base {base} are not in the cache, and there is no "
            "mmdebstrap to fetch them with",
            hint="apt-get install mmdebstrap",
        )


def _vanished(gone: Sequence[str], base: str) -> TemporaryError:
    return TemporaryError(
        f"the mirror no longer has {len(gone)} of the Debian packages of the base: {_some(gone)}",
        hint=f"make the base of today's packages: remove the image {base} and build with --base "
        "bootstrap; or set REPROPACK_DEBIAN_MIRROR to an archive of the day when it was made",
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")

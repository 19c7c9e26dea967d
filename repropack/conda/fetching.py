"""Fetching conda packages into the cache: content-addressed, each hash checked, shared.

Owns: `conda/SHA256/FILENAME` and `conda/known/KEY.json` below the cache directory, safe for several
processes at once. Does not own: one download (`fetcher`), what is fetched (`locks`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from repropack.conda import fetcher
from repropack.conda.channels import mirrors
from repropack.environment.condamodel import CondaEnvironment, CondaFile, CondaPackage, is_local
from repropack.environment.store import CHECKED_NS, digest, explained, key_of, workspace
from repropack.errors import IntegrityError, InvalidError, RepropackError, TemporaryError
from repropack.workspace import write_atomically

Progress = Callable[[str], None]


def conda_path(cache: Path, file: CondaFile) -> Path:
    """Where the package is, or would be."""
    return cache / "conda" / file.sha256 / file.filename


def fetch_conda(
    packages: Iterable[CondaPackage], *, cache: Path, progress: Progress
) -> tuple[CondaFile, ...]:
    """Every package as a checked file in the cache, by name.

    Raises `IntegrityError` for a hash that differs, `InvalidError` for what its channel no longer
    has, `TemporaryError` for a channel that does not answer, `BuildError` for a full disk.
    """
    wanted = tuple(packages)
    found = {package: known(cache, package) for package in wanted}
    missing = [package for package, file in found.items() if file is None]
    if missing:
        progress(f"fetching {len(missing)} of {len(wanted)} conda packages")
        instead = mirrors()
        with ThreadPoolExecutor(fetcher.AT_ONCE) as pool, explained(cache):
            for asked, got in zip(
                missing, pool.map(lambda each: obtain(each, cache, instead), missing), strict=True
            ):
                progress(f"fetched {got.filename} ({got.size_bytes / 1e6:.1f} MB)")
                found[asked] = got
    files = (each for each in found.values() if each is not None)
    return tuple(sorted(files, key=lambda each: each.name))


def known(cache: Path, package: CondaPackage) -> CondaFile | None:
    """The file that the package is, if it is in the cache and whole."""
    sha256 = next((h[7:] for h in package.hashes if h.startswith("sha256:")), "")
    try:
        stored = CondaFile(**json.loads(_record(cache, package).read_bytes()))
    except (OSError, ValueError, TypeError):
        adoptable = adopted(cache, package, sha256) if sha256 else None
        return adoptable if adoptable is not None and whole(cache, adoptable) else None
    return replace(stored, depends=package.depends) if whole(cache, stored) else None


def adopted(cache: Path, package: CondaPackage, sha256: str) -> CondaFile | None:
    """The file of a package with a strong hash, if another project brought it."""
    path = cache / "conda" / sha256 / package.filename
    return file_of(path, package) if path.is_file() else None


def whole(cache: Path, file: CondaFile) -> bool:
    """Whether the file is there and what it was; one that differs is removed."""
    path = conda_path(cache, file)
    with suppress(OSError):
        state = path.stat()
        if state.st_size == file.size_bytes and state.st_mtime_ns == CHECKED_NS:
            return True
        if digest(path, "sha256") == file.sha256:
            os.utime(path, ns=(CHECKED_NS, CHECKED_NS))
            return True
        path.unlink()
    return False


def obtain(package: CondaPackage, cache: Path, instead: dict[str, str]) -> CondaFile:
    """Download one package, check it, keep it, and remember what it is."""
    with workspace(cache) as directory:
        path = directory / package.filename
        try:
            fetcher.fetch(located(package.url, instead), package.hashes, path)
        except fetcher.MismatchError as error:
            raise IntegrityError(
                f"{package.where or package}: not the package that was locked: {error}",
                hint="was the channel changed? fetch it from another mirror, or lock again",
            ) from error
        except fetcher.UnreachableError as error:
            raise unreachable(package, error) from error
        file = file_of(path, package)
        keep(path, conda_path(cache, file))
    record = _record(cache, package)
    record.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(record, json.dumps(asdict(file)))
    return file


def located(url: str, instead: dict[str, str]) -> str:
    """Where this machine asks for an address."""
    for usual, mirror in instead.items():
        if url.startswith(usual):
            return mirror + url[len(usual) :]
    return url


def unreachable(package: CondaPackage, error: fetcher.UnreachableError) -> RepropackError:
    """What a channel that does not give a package means."""
    where = f"{package.where}: " if package.where else ""
    if error.gone:
        return InvalidError(
            f"{where}{package} is no longer in its channel ({error})",
            hint="lock again, or name a mirror that still has it with CONDA_CHANNEL_ALIAS",
        )
    return TemporaryError(
        f"{where}{package} cannot be fetched ({error})",
        hint="try again later; behind a proxy set HTTPS_PROXY and SSL_CERT_FILE",
    )


def keep(path: Path, place: Path) -> None:
    """Move a checked file to its place."""
    path.chmod(0o644)
    os.utime(path, ns=(CHECKED_NS, CHECKED_NS))
    place.parent.mkdir(parents=True, exist_ok=True)
    path.replace(place)


def file_of(path: Path, package: CondaPackage) -> CondaFile:
    """The value that tells of a package's file."""
    return CondaFile(
        name=package.name,
        version=package.version,
        build=package.build,
        url=package.address,
        filename=package.filename,
        size_bytes=path.stat().st_size,
        sha256=digest(path, "sha256"),
        md5=digest(path, "md5"),
        depends=package.depends,
        carried=is_local(package.url),
    )


def place_conda(
    files: tuple[CondaFile, ...], cache: Path, directory: Path, *, link: bool = True
) -> None:
    """Put packages into a directory, as hard links where possible.

    Raises `IntegrityError` if one has left the cache since it was fetched.
    """
    with explained(directory):
        for file in files:
            if not whole(cache, file):
                raise IntegrityError(
                    f"{file.filename} is no longer whole in {cache}", hint="run the command again"
                )
            directory.mkdir(parents=True, exist_ok=True)
            put(conda_path(cache, file), directory / file.filename, link=link)


def put(source: Path, destination: Path, *, link: bool) -> None:
    """One file, linked or copied."""
    destination.unlink(missing_ok=True)
    if link:
        with suppress(OSError):
            os.link(source, destination)
            return
    shutil.copy2(source, destination)


def _record(cache: Path, package: CondaPackage) -> Path:
    identity = [package.url, sorted(package.hashes)]
    return cache / "conda" / "known" / f"{key_of(identity)}.json"


def requirements_of(environment: CondaEnvironment | None) -> tuple[CondaPackage, ...]:
    """The packages of an environment that may not be conda's at all."""
    return environment.packages if environment else ()

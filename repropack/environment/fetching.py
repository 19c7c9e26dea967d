"""Fetching: every requirement of a lock becomes one wheel in the cache, its hash checked.

Owns: what is asked for, from the cache first, and checking what came.
Does not own: the cache's files (`store`), running pip (`downloading`), its errors (`failures`).
A lock that is in the cache already is answered without a process and without the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from repropack.environment.downloading import PipFailedError, download, download_sources
from repropack.environment.failures import Failure, SourcesOnlyError, classify, differs
from repropack.environment.model import (
    Kind,
    Lock,
    Origin,
    Requirement,
    Target,
    Wheel,
    normalise,
)
from repropack.environment.store import (
    digest,
    explained,
    keep,
    known,
    remember,
    source_files,
    sources_mark,
    whole,
    workspace,
)
from repropack.errors import BuildError

Progress = Callable[[str], None]


def fetch(lock: Lock, target: Target, *, cache: Path, progress: Progress) -> tuple[Wheel, ...]:
    """The lock's wheels for the target, in the lock's order, all in `cache`.

    What has to be built (`Lock.unbuilt`) is left out. `progress` gets one line per wheel that is
    not there yet. Raises `IntegrityError` for a hash that differs, `InvalidError` for what does not
    exist, `TemporaryError` for the network, `BuildError` for a full disk.
    """
    wanted = tuple(item for item in lock.requirements if item.origin is None)
    found = {item: known(cache, item, target) for item in wanted}
    with explained(cache):
        found |= {item: adopted(cache, item, target) for item in absent(found)}
    missing = absent(found)
    if missing:
        progress(f"fetching {len(missing)} of {len(found)} packages")
    for batch in batches(missing):
        found |= fetch_missing(batch, lock, target, cache, progress)
    return tuple(wheel for wheel in found.values() if wheel is not None)


def fetch_lock(
    lock: Lock, target: Target, *, cache: Path, progress: Progress
) -> tuple[Lock, tuple[Wheel, ...]]:
    """The lock's wheels, and the lock that says which packages have none and must be built.

    A lock that has hashes alone does not tell a source distribution from a wheel; the index does,
    and its answer is remembered. Raises as `fetch`.
    """
    lock = replace(lock, requirements=tuple(as_known(r, target, cache) for r in lock.requirements))
    while True:
        try:
            return lock, fetch(lock, target, cache=cache, progress=progress)
        except SourcesOnlyError as only:
            mark = sources_mark(cache, only.requirement, target)
            with explained(cache):
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.touch()
            items = (as_known(item, target, cache) for item in lock.requirements)
            lock = replace(lock, requirements=tuple(items))


def as_known(item: Requirement, target: Target, cache: Path) -> Requirement:
    """The requirement; one that has only sources, as an index said before, says so."""
    if item.origin is None and sources_mark(cache, item, target).exists():
        return replace(item, origin=Origin(kind=Kind.SDIST, url=item.url or ""))
    return item


def absent(found: Mapping[Requirement, Wheel | None]) -> tuple[Requirement, ...]:
    """The requirements that have no wheel yet."""
    return tuple(item for item, wheel in found.items() if wheel is None)


def batches(requirements: tuple[Requirement, ...]) -> Iterator[tuple[Requirement, ...]]:
    """Parts in which each name stands once: a project may use uv, and another one installs it."""
    rest = requirements
    while rest:
        batch = {item.name: item for item in reversed(rest)}
        yield tuple(item for item in rest if batch[item.name] is item)
        rest = tuple(item for item in rest if batch[item.name] is not item)


def adopted(cache: Path, requirement: Requirement, target: Target) -> Wheel | None:
    """The wheel of a lock with one hash, if the cache has it because of another lock."""
    if len(requirement.hashes) != 1 or not requirement.hashes[0].startswith("sha256:"):
        return None
    sha256 = requirement.hashes[0].removeprefix("sha256:")
    for file in (cache / "wheels" / sha256).glob("*.whl"):
        if not fits(file, requirement, target):
            continue
        wheel = wheel_of(file, requirement, sha256)
        if whole(cache, wheel):
            remember(cache, requirement, target, wheel)
            return wheel
    return None


def fits(file: Path, requirement: Requirement, target: Target) -> bool:
    """Whether a wheel, by its name, is what the requirement names, and runs on the target."""
    from packaging.specifiers import SpecifierSet
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    from repropack.environment.target import tags_of

    try:
        name, version, _, tags = parse_wheel_filename(file.name)
    except InvalidWheelFilename:
        return False
    wanted = SpecifierSet(f"=={requirement.version}", prereleases=True)
    return name == requirement.name and version in wanted and not tags.isdisjoint(tags_of(target))


def fetch_missing(
    missing: tuple[Requirement, ...], lock: Lock, target: Target, cache: Path, progress: Progress
) -> dict[Requirement, Wheel]:
    """Download, check and keep. What an index does not have is asked for at the lock's address."""
    by_url: frozenset[Requirement] = frozenset()
    while True:
        with workspace(cache) as directory, explained(cache):
            try:
                files = download(missing, lock, target, directory, by_url=by_url, progress=progress)
                return kept(files, missing, target, cache)
            except PipFailedError as failed:
                failure = classify(failed.lines, missing, target)
            more = elsewhere(failure.requirement, missing) - by_url
            if not more:
                raise explain(failure, lock, target, directory).error
            by_url |= more


def elsewhere(
    refused: Requirement | None, requirements: tuple[Requirement, ...]
) -> frozenset[Requirement]:
    """The requirements to ask for by address: all that the lock has from the same place."""
    if refused is None or refused.url is None:
        return frozenset()
    place = place_of(refused)
    return frozenset(item for item in requirements if item.url and place_of(item) == place)


def place_of(requirement: Requirement) -> str:
    """The index that the lock names, or the host of the address."""
    return requirement.index or "/".join((requirement.url or "").split("/")[:3])


def explain(failure: Failure, lock: Lock, target: Target, directory: Path) -> Failure:
    """Ask pip again with many words where its ordinary ones do not tell why."""
    if not failure.open or failure.requirement is None:
        return failure
    single = (failure.requirement,)
    try:
        download(single, lock, target, directory, verbose=True, progress=lambda line: None)
    except PipFailedError as failed:
        return classify(failed.lines, single, target)
    return failure


def kept(
    files: tuple[Path, ...], requirements: tuple[Requirement, ...], target: Target, cache: Path
) -> dict[Requirement, Wheel]:
    """Check each file against the lock ourselves, then move it into the cache."""
    by_name = {normalise(file.name.split("-")[0]): file for file in files}
    wheels = {}
    for requirement in requirements:
        file = by_name.get(requirement.name)
        if file is None:
            raise BuildError(
                f"pip said nothing, but there is no wheel for {requirement}",
                hint="run the command again",
            )
        wheels[requirement] = checked(file, requirement)
        keep(cache, requirement, target, wheels[requirement], file)
    return wheels


def checked(file: Path, requirement: Requirement) -> Wheel:
    """The wheel that a file is. Raises `IntegrityError` unless one of the lock's hashes is its."""
    sha256 = digest(file, "sha256")
    algorithms = {value.partition(":")[0] for value in requirement.hashes}
    sums = {f"{name}:{digest(file, name)}" for name in algorithms - {"sha256"}}
    if not (sums | {f"sha256:{sha256}"}) & set(requirement.hashes):
        raise differs(requirement, sha256)
    return wheel_of(file, requirement, sha256)


def wheel_of(file: Path, requirement: Requirement, sha256: str) -> Wheel:
    """The value that tells of a wheel file."""
    from packaging.utils import parse_wheel_filename

    return Wheel(
        name=requirement.name,
        version=str(parse_wheel_filename(file.name)[1]),
        filename=file.name,
        size_bytes=file.stat().st_size,
        sha256=sha256,
        index=requirement.index,
    )


def fetch_source(
    item: Requirement, lock: Lock, target: Target, cache: Path, progress: Progress
) -> Path:
    """The source distribution of a requirement, in the cache; nothing of it is executed.

    Raises as `fetch`.
    """
    for value in item.hashes:
        files = source_files(cache, value.removeprefix("sha256:")).glob("*")
        for file in (file for file in files if f"sha256:{digest(file, 'sha256')}" == value):
            return file
    progress(f"fetching the sources of {item}")
    with workspace(cache) as directory, explained(cache):
        try:
            files_ = download_sources((item,), lock, target, directory, progress=lambda line: None)
        except PipFailedError as failed:
            raise classify(failed.lines, (item,), target).error from failed
        place = source_files(cache, digest(files_[0], "sha256")) / files_[0].name
        place.parent.mkdir(parents=True, exist_ok=True)
        files_[0].replace(place)
    return place

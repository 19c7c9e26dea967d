"""From the sources of a package to its wheel: built once, kept by what it was built from.

Owns: the order of tries (as declared, with what the backend asks for, with a compiler), and the
record of what was built. Does not own: the sources (`materials`), the requirements (`systems`),
what a failure means (`diagnosing`), the build itself (`worker`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from repropack.building.diagnosing import failure, remedy
from repropack.building.materials import Material, Store, material_of, whole
from repropack.building.placing import placed_files
from repropack.building.ready import ready_wheel
from repropack.building.records import remembered
from repropack.building.systems import (
    SETUPTOOLS,
    BuildSystem,
    Needs,
    build_lock,
    build_system,
    python_settled,
)
from repropack.building.trying import Try, attempt, compiler_base
from repropack.building.worker import MISSING, NO_HOOK
from repropack.building.zips import normalised
from repropack.bundle import Placed
from repropack.environment import (
    BuiltWheel,
    Editable,
    Kind,
    Lock,
    Made,
    Origin,
    Provenance,
    Requirement,
    Target,
    Wheel,
    fetch,
)
from repropack.environment.fetching import fits
from repropack.environment.store import (
    digest,
    exclusively,
    explained,
    keep_file,
    key_of,
    source_files,
    workspace,
)
from repropack.errors import BuildError
from repropack.images import Workshop
from repropack.locking import as_of_commit
from repropack.source import Source
from repropack.workspace import write_atomically

SCHEMA = 1
MOST_TRIES = 8
EDITABLE_SETUPTOOLS = "setuptools>=64"  # the first that knows editable installs by PEP 660


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One package to build."""

    item: Requirement
    origin: Origin
    material: Material
    system: BuildSystem
    store: Store
    workshop: Workshop
    as_of: datetime | None

    @property
    def editable(self) -> bool:
        """Directories of the project are installed where they stand."""
        return self.origin.kind is Kind.DIRECTORY

    @property
    def label(self) -> str:
        """The package in messages."""
        return f"{self.item.where}: {self.item} ({self.origin})"


def make_all(
    lock: Lock, *, source: Source, workshop: Workshop, target: Target, all_files: bool = False
) -> tuple[Made, tuple[Placed, ...]]:
    """What `make_wheels` gives, of a lock that has something to build.

    With `all_files` any change of a directory's files makes it anew, not only of those that tell.
    """
    reporter, cache = workshop.reporter, workshop.settings.cache
    reporter.step(f"building {len(lock.unbuilt)} packages that are no wheels")
    if workshop.base is None:
        reporter.note("built on this machine itself: the venv engine has no container")
    store = Store(lock=lock, source=source, target=workshop.target, cache=cache,
        progress=reporter.detail)  # fmt: skip
    as_of = as_of_commit(source).time
    wheels, editables = [], []
    for item in lock.unbuilt:
        assert item.origin is not None, "the lock says so"
        made = make(item, item.origin, store, workshop, as_of, all_files=all_files)
        refuse_other(made, item, target)
        if isinstance(made, Editable):
            editables.append(made)
        else:
            wheels.append(made)
    every = Made(wheels=tuple(wheels), editables=tuple(editables))
    return every, placed_files(every, cache, target.minor)


def refuse_other(made: BuiltWheel | Editable, item: Requirement, target: Target) -> None:
    """What was compiled for the base's Python serves no environment that has another."""
    version = made.wheel.version
    named = Requirement(name=made.wheel.name, version=version, hashes=(), where=item.where)
    if not fits(Path(made.wheel.filename), named, target):
        raise BuildError(
            f"{item.where}: {made.wheel.filename} was built, and the environment is {target}",
            hint="lock a version of it that has a wheel, or take it from conda",
        )


def make(
    item: Requirement,
    origin: Origin,
    store: Store,
    workshop: Workshop,
    as_of: datetime | None,
    *,
    all_files: bool = False,
) -> BuiltWheel | Editable:
    """One package."""
    if origin.kind is Kind.FILE and origin.path.endswith(".whl"):
        return ready_wheel(item, origin, store)
    material = material_of(item, origin, store)
    system = build_system(material.read, f"{item.where}: {material.label}")
    if origin.kind is Kind.DIRECTORY and (system.compiles or all_files):
        material = whole(material, store.source)
    job = Job(
        item=item, origin=origin, material=material, system=system,
        store=store, workshop=workshop, as_of=as_of,
    )  # fmt: skip
    first = first_try(job)
    record = store.cache / "built" / f"{key_of(identity(job, first))}.json"
    with exclusively(record.with_suffix(".lock")):
        made = remembered(record, store.cache)
        if made is None:
            made = built(job, first)
            with explained(store.cache):
                write_atomically(record, json.dumps(asdict(made)))
    return made


def first_try(job: Job) -> Try:
    """What is declared; a project's own editable install needs a setuptools that knows it."""
    requires = job.system.requires
    if job.editable and job.system.backend in (SETUPTOOLS, "setuptools.build_meta"):
        requires = (*requires, EDITABLE_SETUPTOOLS)
    return Try(requires=requires, as_of=date_of(job), compiler=job.system.compiles)


def date_of(job: Job) -> datetime | None:
    """The date that the tools of a build are of; no commit of the project changes it.

    For a release or a commit of others its own date, but none before the Python had been out for
    a year; for the project itself the first day of its commit's month.
    """
    if job.editable:
        return (
            None if job.as_of is None else datetime(job.as_of.year, job.as_of.month, 1, tzinfo=UTC)
        )
    own = datetime.fromtimestamp(job.material.time_s, UTC)
    return max(own, python_settled(job.workshop.target.minor))


def identity(job: Job, first: Try) -> list[object]:
    """All that a built wheel depends on: equal values share it."""
    base = job.workshop.base_record
    locked = requirements_of(job, first)
    return [
        *(SCHEMA, job.material.identity, job.material.path, job.editable, job.item.version),
        *(job.system.backend, list(job.system.backend_path), first.compiler),
        sorted([item.name, sorted(item.hashes)] for item in locked.requirements),
        *(base.reference if job.workshop.base else "", base.packages_sha256),
        *(job.workshop.target.minor, job.workshop.target.platform),
    ]


def requirements_of(job: Job, chosen: Try) -> Lock:
    """The requirements of a try, exactly."""
    needs = Needs(
        name=job.item.name,
        requires=chosen.requires,
        as_of=chosen.as_of,
        locked=job.store.lock,
        target=job.workshop.target,
    )
    return build_lock(needs, job.store.cache)


def built(job: Job, first: Try) -> BuiltWheel | Editable:
    """Build it. Raises `BuildError` with the reason and what to do."""
    chosen, log = first, job.workshop.log.with_suffix(f".{job.item.name}.log")
    log.unlink(missing_ok=True)
    for _ in range(MOST_TRIES):
        locked = requirements_of(job, chosen)
        wheels = fetch(
            locked, job.workshop.target, cache=job.store.cache, progress=job.store.progress
        )
        with workspace(job.store.cache) as directory:
            result = attempt(job.material, job.system, chosen, wheels, job.workshop,
                source=job.store.source, directory=directory, log=log,
                name=job.item.name, version=job.item.version, editable=job.editable)  # fmt: skip
            if result.exit_code == 0:
                return collected(job, chosen, wheels, directory)
            following = next_try(job, chosen, result.exit_code, directory, result.said)
        if following is None:
            raise failure(job.label, result.said, log)
        chosen = following
    raise failure(job.label, result.said, log)


def next_try(job: Job, chosen: Try, code: int, directory: Path, said: str) -> Try | None:
    """What to change after a try that failed; None where nothing is left."""
    if code == MISSING:
        missing = json.loads((directory / "out" / "missing.json").read_text("utf-8"))
        requires = tuple(dict.fromkeys((*chosen.requires, *map(str, missing))))
        return replace(chosen, requires=requires, settled=True)
    if code == NO_HOOK:  # a backend of that date does not know editable installs yet
        return replace(chosen, as_of=None) if chosen.as_of is not None else None
    found = remedy(said, compiler=chosen.compiler, requires=chosen.requires, locked=job.store.lock)
    if found is None:  # the tools of that date may be the reason
        return replace(chosen, as_of=None) if chosen.as_of is not None else None
    requires = (*chosen.requires, found.requires) if found.requires else chosen.requires
    return replace(chosen, compiler=chosen.compiler or found.compiler, requires=requires)


def collected(
    job: Job, chosen: Try, wheels: tuple[Wheel, ...], directory: Path
) -> BuiltWheel | Editable:
    """What a try left, in the cache."""
    out = directory / "out"
    said = json.loads((out / "result.json").read_text("utf-8"))
    made = out / Path(str(said["wheel"])).name
    file = directory / made.name
    try:
        root = directory / "root" / "work" if job.workshop.base is None else ""
        normalised(made, file, root=str(root))
    except (OSError, ValueError) as error:
        raise BuildError(f"{job.label}: its build left no wheel: {error}") from error
    wheel = keep_file(job.store.cache, file)
    provenance = Provenance(
        kind=job.origin.kind.value,
        source=job.material.label,
        sha256=job.material.sha256,
        requires=tuple(sorted(item.filename for item in wheels)),
        base=base_name(job.workshop, chosen),
        compiler=chosen.compiler,
        because=f"{job.item.where} has no wheel of it",
    )
    if not job.editable:
        return BuiltWheel(wheel=wheel, provenance=provenance)
    overlay = []
    for path in map(str, said["overlay"]):
        content = out / "overlay" / path
        place = source_files(job.store.cache, digest(content, "sha256"))
        overlay.append((path, place.name))
        place.mkdir(parents=True, exist_ok=True)
        content.replace(place / "file")
    return Editable(
        wheel=wheel, directory=job.origin.path, overlay=tuple(overlay), provenance=provenance
    )


def base_name(workshop: Workshop, chosen: Try) -> str:
    """The image that a try was made in; "" on the machine itself."""
    if workshop.base is None:
        return ""
    return compiler_base(workshop).tag if chosen.compiler else workshop.base.tag

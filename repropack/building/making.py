"""From the sources of a package to its wheel: built once, kept by what it was built from.

Owns: the order of tries (as declared, with what the backend asks for, with a compiler), and the
record of what was built. Does not own: the sources (`materials`), the requirements (`systems`),
what a failure means (`diagnosing`), the build itself (`worker`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from repropack.building.diagnosing import failure, missing_part, remedy
from repropack.building.jobs import Job, job_of, ready_of
from repropack.building.materials import Store
from repropack.building.placing import placed_files
from repropack.building.records import remembered
from repropack.building.systems import (
    SETUPTOOLS,
    Needs,
    build_lock,
    python_settled,
    with_toolkit,
)
from repropack.building.trying import Try, attempt, image_of
from repropack.building.worker import MISSING, NO_HOOK
from repropack.building.zips import normalised
from repropack.bundle import Placed
from repropack.environment import (
    BuiltWheel,
    Editable,
    Lock,
    Made,
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
from repropack.locking import as_of_commit
from repropack.plan import Plan
from repropack.source import Source
from repropack.workshop import Workshop
from repropack.workspace import write_atomically

SCHEMA = 1
MOST_TRIES = 8
EDITABLE_SETUPTOOLS = "setuptools>=64"  # the first that knows editable installs by PEP 660


def make_all(
    lock: Lock,
    *,
    source: Source,
    workshop: Workshop,
    target: Target,
    plan: Plan | None = None,
    all_files: bool = False,
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
    as_of, wheels, editables = as_of_commit(source).time, [], []
    jobs = [job_of(item, store, workshop, as_of, plan, all_files) for item in lock.unbuilt]
    for item, job in zip(lock.unbuilt, jobs, strict=True):
        made = ready_of(item, store) if job is None else make(job)
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


def make(job: Job) -> BuiltWheel | Editable:
    """One package."""
    first = first_try(job)
    record = job.store.cache / "built" / f"{key_of(identity(job, first))}.json"
    with exclusively(record.with_suffix(".lock")):
        made = remembered(record, job.store.cache)
        if made is None:
            made = built(job, first)
            with explained(job.store.cache):
                write_atomically(record, json.dumps(asdict(made)))
    return made


def first_try(job: Job) -> Try:
    """What is declared; a project's own editable install needs a setuptools that knows it."""
    requires = job.system.requires
    if job.editable and job.system.backend in (SETUPTOOLS, "setuptools.build_meta"):
        requires = (*requires, EDITABLE_SETUPTOOLS)
    compiler = job.system.compiles or job.nvcc is not None
    return Try(requires=requires, as_of=date_of(job), compiler=compiler, nvcc=job.nvcc)


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
        *((job.nvcc.choice.value, job.nvcc.gcc, *job.settings) if job.nvcc else ()),
    ]


def requirements_of(job: Job, chosen: Try) -> Lock:
    """The requirements of a try, exactly; with the packages that nvcc is in."""
    needs = Needs(
        name=job.item.name,
        requires=chosen.requires,
        as_of=chosen.as_of,
        locked=job.store.lock,
        target=job.workshop.target,
    )
    found = build_lock(needs, job.store.cache)
    if chosen.nvcc is None or not chosen.nvcc.requires:
        return found
    return with_toolkit(found, needs, (chosen.nvcc.requires, *chosen.parts), job.store.cache)


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
                name=job.item.name, version=job.item.version, editable=job.editable,
                settings=dict(job.settings))  # fmt: skip
            if result.exit_code == 0:
                return collected(job, chosen, wheels, directory)
            following = next_try(job, chosen, result.exit_code, directory, result.said)
        if following is None:
            break
        chosen = following
    raise failure(job.label, result.said, log, cuda=chosen.nvcc is not None)


def next_try(job: Job, chosen: Try, code: int, directory: Path, said: str) -> Try | None:
    """What to change after a try that failed; None where nothing is left."""
    if code == MISSING:
        missing = json.loads((directory / "out" / "missing.json").read_text("utf-8"))
        requires = tuple(dict.fromkeys((*chosen.requires, *map(str, missing))))
        return replace(chosen, requires=requires, settled=True)
    if code == NO_HOOK:  # a backend of that date does not know editable installs yet
        return replace(chosen, as_of=None) if chosen.as_of is not None else None
    part = missing_part(said) if chosen.nvcc and chosen.nvcc.requires else ""
    if part and part not in chosen.parts:
        return replace(chosen, parts=(*chosen.parts, part))
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
        base="" if job.workshop.base is None else image_of(chosen, job.workshop).tag,
        compiler=chosen.compiler,
        cuda=told_of(job),
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


def told_of(job: Job) -> str:
    """What compiled for CUDA, and for which GPUs."""
    if job.nvcc is None:
        return ""
    architectures = dict(job.settings).get("TORCH_CUDA_ARCH_LIST", "")
    what = f"CUDA {job.nvcc.cuda}, {job.nvcc.choice.value}"
    return what + (f", for {architectures}" if architectures else "")

"""Which build of torch a lock has, and what it has code for.

Owns: torch. Does not own: other frameworks (`frameworks`), torch from conda (`conda`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from repropack.cuda import tables
from repropack.cuda.evidence import (
    NOT_CUDA,
    has_packages,
    index_tag,
    local_of,
    lock_tag,
    pin_of,
)
from repropack.cuda.model import Build, Coverage, Evidence, Libraries, Strength, pinned
from repropack.cuda.version import cuda_of_tag, key, minor, public, tag_of_cuda
from repropack.environment import Lock, Requirement
from repropack.findings import Finding, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read of one framework. `cpu` says why it is a build without CUDA."""

    build: Build | None = None
    evidence: tuple[Evidence, ...] = ()
    cpu: str | None = None
    unknown: str | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The CUDA of one torch wheel and how it is known. `cuda` None: a build without CUDA."""

    cuda: str | None
    because: str
    strength: Strength | None = None


def read_torch(requirement: Requirement, lock: Lock, machine: str) -> Reading:
    """The build of torch that a lock pins. `machine` is `x86_64` or `aarch64`."""
    release = tables.torch_release(requirement.version)
    origin = origin_of(requirement, release, lock, machine)
    if origin is None:
        return unknown(requirement)
    if origin.cuda is None:
        return Reading(cpu=origin.because)
    build = build_of(requirement, release, origin, lock)
    return Reading(
        build=build,
        evidence=evidence(requirement, origin),
        findings=(*newer(requirement, release, build), *missing(requirement, build)),
    )


def origin_of(
    requirement: Requirement, release: tables.TorchRelease | None, lock: Lock, machine: str
) -> Origin | None:
    """The CUDA of the wheel, from the strongest sign; None when nothing says."""
    reason = pinned(requirement)
    tag, text = index_tag(requirement), local_of(requirement)
    if text.startswith("cpu") or (NOT_CUDA.search(text)):
        return Origin(cuda=None, because=reason)
    cuda = cuda_of_tag(text) if text else None
    if cuda is not None:
        return Origin(cuda=cuda, because=reason)  # the local version is evidence by itself
    if tag is not None:
        said = f"{reason}, from an index for {tag}"
        return Origin(cuda=cuda_of_tag(tag), because=said)
    return pinned_beside(requirement, release, lock) or offered(requirement, release, lock, machine)


def pinned_beside(
    requirement: Requirement, release: tables.TorchRelease | None, lock: Lock
) -> Origin | None:
    """The CUDA of the runtime that is locked beside torch, if torch has a build for it.

    A release that the table does not know is believed to fit the one runtime that is there.
    """
    pins = [(pin, item) for item in lock.requirements if (pin := pin_of(item)) is not None]
    if release is None:
        pins = pins if len({pin for pin, _ in pins}) == 1 else []
    else:
        known = {build.cuda for build in release.builds}
        pins = [(pin, item) for pin, item in pins if pin in known]
    for pin, item in pins:
        return Origin(cuda=pin, because=f"{pinned(requirement)} beside {pinned(item)}")
    return None


def offered(
    requirement: Requirement, release: tables.TorchRelease | None, lock: Lock, machine: str
) -> Origin | None:
    """What the lock's indexes offer, else what the ordinary index has by the table."""
    reason = pinned(requirement)
    tag = lock_tag(lock) if requirement.index is None and requirement.url is None else None
    if tag is not None:
        said = f"{reason}, and {lock.origin or 'the lock'} names an index for {tag}"
        return Origin(cuda=cuda_of_tag(tag), because=said, strength=Strength.INDEX)
    if release is None or release.default is None:
        return None
    said = f"{reason}: its wheel on the package index, by the {tables.stamp('torch')}"
    if machine == "aarch64" and not release.aarch64_cuda:
        return Origin(cuda=None, because=f"{said}, has no CUDA on {machine}")
    return Origin(cuda=cuda_of_tag(release.default), because=said, strength=Strength.TABLE)


def evidence(requirement: Requirement, origin: Origin) -> tuple[Evidence, ...]:
    """What this adds to the evidence that the requirement shows by itself."""
    if origin.strength is None or origin.cuda is None:
        return ()
    return (
        Evidence(
            strength=origin.strength,
            cuda=origin.cuda,
            because=origin.because,
            package=str(requirement),
            where=requirement.where,
        ),
    )


def build_of(
    requirement: Requirement, release: tables.TorchRelease | None, origin: Origin, lock: Lock
) -> Build:
    """The build, with what the table knows of it."""
    cuda = origin.cuda or ""
    tag = tag_of_cuda(cuda)
    row = release.build(tag) if release else None
    return Build(
        package="torch",
        version=requirement.version,
        tag=tag,
        cuda=cuda,
        because=origin.because,
        toolkit=row.toolkit if row else None,
        cudnn=row.cudnn if row else None,
        coverage=coverage_of(row),
        libraries=libraries_of(release, tag, origin, lock),
        where=requirement.where,
    )


def coverage_of(row: tables.TorchBuild | None) -> Coverage | None:
    """The compute capabilities of a build of the table."""
    if row is None or not row.sm:
        return None
    doubt = ", inferred from neighbouring releases" if row.inferred else ""
    because = f"the {row.tag} build, by the {tables.stamp('torch')}{doubt}"
    return Coverage(sm=row.sm, ptx=row.ptx, because=because)


def libraries_of(
    release: tables.TorchRelease | None, tag: str, origin: Origin, lock: Lock
) -> Libraries:
    """Where cuBLAS, cuDNN and the others are. Only the ordinary index's build is surely known."""
    if has_packages(lock):
        return Libraries.LOCK
    default = release is not None and release.default == tag and not release.in_wheel
    if default and origin.strength is Strength.TABLE:
        return Libraries.MISSING
    return Libraries.WHEEL


def unknown(requirement: Requirement) -> Reading:
    """torch that is not in the table, and a lock that does not say its CUDA."""
    what = f"which CUDA {requirement} carries is unknown: {why_unknown(requirement)}"
    return Reading(
        unknown=what,
        findings=(
            Finding(
                kind="cuda.unknown",
                value=str(requirement),
                because=f"{what}; neither a local version (+cuNNN), nor an index, nor nvidia-* "
                "packages in the lock say it",
                where=requirement.where,
                severity=Severity.WARNING,
            ),
        ),
    )


def why_unknown(requirement: Requirement) -> str:
    """How a version stands to the table."""
    releases = tables.torch_releases()
    version, stamp = key(public(requirement.version)), tables.stamp("torch")
    if version > key(releases[-1].version):
        return f"it is newer than {releases[-1].version}, the newest in the {stamp}"
    if version < key(releases[0].version):
        return f"it is older than {releases[0].version}, the oldest in the {stamp}"
    return f"the {stamp} does not have it"


def newer(
    requirement: Requirement, release: tables.TorchRelease | None, build: Build
) -> Iterator[Finding]:
    """A version or a build that the table does not know is taken as the lock says, and reported."""
    if release is not None and release.build(build.tag) is not None:
        return
    why = (
        why_unknown(requirement)
        if release is None
        else f"the {tables.stamp('torch')} has no {build.tag} build of it"
    )
    yield Finding(
        kind="cuda.not-in-table",
        value=str(requirement),
        because=f"CUDA {build.cuda} is taken from {build.because}; which GPUs this build has code "
        f"for is unknown: {why}",
        where=requirement.where,
        severity=Severity.WARNING,
    )


def missing(requirement: Requirement, build: Build) -> Iterator[Finding]:
    """The ordinary index's torch cannot be imported without the nvidia-* packages it requires."""
    if build.libraries is not Libraries.MISSING:
        return
    cuda = minor(build.cuda or "") or build.cuda
    yield Finding(
        kind="cuda.libraries-missing",
        value=str(requirement),
        because=f"its wheel on the package index requires nvidia-* packages of CUDA {cuda}, and "
        "the lock has none: it was probably made on another platform. Lock again for Linux, or "
        "pin a +cpu build",
        where=requirement.where,
        severity=Severity.WARNING,
    )

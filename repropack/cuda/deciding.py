"""What a lock says about CUDA, decided: the strongest evidence, and what contradicts it.

Owns: `cuda_of`. Does not own: the evidence (`evidence`, `torch`, `tensorflow`, `jax`, `packages`,
`conda`), the base (`base`), the host (`compare`). Pure: the same lock gives the same plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from repropack.cuda import tables
from repropack.cuda.conda import cudnn_of, packages_in, read_conda
from repropack.cuda.conflicts import conflicts
from repropack.cuda.drivers import driver_for, knows
from repropack.cuda.evidence import cudnn_pin, evidence_of
from repropack.cuda.jax import PLUGIN, read_jaxlib, read_plugin
from repropack.cuda.model import (
    Build,
    CondaPackage,
    CudaPlan,
    Evidence,
    Need,
    State,
    Strength,
    pinned,
)
from repropack.cuda.packages import cpu_reason, needs_of, read_package
from repropack.cuda.tensorflow import NAMES as TENSORFLOW
from repropack.cuda.tensorflow import read_tensorflow
from repropack.cuda.torch import Reading, read_torch
from repropack.cuda.version import key, major, minor, release
from repropack.environment import Lock, Requirement, normalise
from repropack.findings import Choice, Finding, Severity

NOTHING = "no locked package carries CUDA"


def cuda_of(lock: Lock, *, conda: Sequence[CondaPackage] = (), machine: str = "x86_64") -> CudaPlan:
    """Everything that a lock (and the conda packages beside it) says about CUDA.

    Never raises: what is not known or contradicts itself is a finding.
    """
    readings = [(item, read(item, lock, machine)) for item in lock.requirements]
    conda = conda or packages_in(lock.conda)
    from_conda = read_conda(conda)
    together = [*(reading for _, reading in readings), from_conda]
    evidence = ordered(
        [
            *(sign for item in lock.requirements for sign in evidence_of(item)),
            *(sign for reading in together for sign in reading.evidence),
        ]
    )
    builds = tuple(reading.build for reading in together if reading.build is not None)
    evidence = (*evidence, *unheard(builds, evidence))
    needs = tuple(need for item, reading in readings for need in needs_of(item, reading, lock))
    cpu = [reading.cpu for reading in together if reading.cpu is not None]
    unknown = [reading.unknown for reading in together if reading.unknown is not None]
    findings = tuple(finding for reading in together for finding in reading.findings)
    if not evidence:
        return without(cpu, unknown, needs, findings)
    return decided(lock, conda, evidence, builds, needs, (*findings, *mixed(cpu, evidence)))


def read(requirement: Requirement, lock: Lock, machine: str) -> Reading:
    """What one locked package says, by the module that knows it."""
    name = normalise(requirement.name)
    if name == "torch":
        return read_torch(requirement, lock, machine)
    if name in TENSORFLOW:
        return read_tensorflow(requirement, lock)
    if name == "jaxlib":
        return read_jaxlib(requirement, lock)
    if PLUGIN.match(name):
        return read_plugin(requirement, lock)
    cpu = cpu_reason(requirement)
    return Reading(cpu=cpu) if cpu else read_package(requirement, lock)


def ordered(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Strongest first; of the same strength, a named minor before a major, then the lock's order.

    Where runtimes of several CUDA majors are pinned, the one that a framework agrees with decides.
    """
    framework = next((sign for sign in evidence if sign.strength is Strength.LOCAL), None) or next(
        (sign for sign in evidence if sign.strength is Strength.TABLE), None
    )
    wanted = major(framework.cuda) if framework else ""
    return tuple(
        sorted(
            evidence,
            key=lambda sign: (
                sign.strength,
                minor(sign.cuda) is None,
                sign.strength is Strength.PIN and major(sign.cuda) != wanted,
            ),
        )
    )


def unheard(builds: Sequence[Build], evidence: Sequence[Evidence]) -> Iterator[Evidence]:
    """A build that no evidence speaks for, such as jaxlib's, speaks for itself."""
    spoken = {sign.package for sign in evidence}
    for build in builds:
        if build.cuda is not None and not evidence and str(build) not in spoken:
            yield Evidence(
                strength=Strength.NAME,
                cuda=build.cuda,
                because=build.because,
                package=str(build),
                where=build.where,
            )


def without(
    cpu: Sequence[str],
    unknown: Sequence[str],
    needs: tuple[Need, ...],
    findings: tuple[Finding, ...],
) -> CudaPlan:
    """No sign of CUDA: a CPU build, a build of which nothing is known, or nothing at all."""
    if unknown:
        state, because = State.UNKNOWN, unknown[0]
    elif cpu:
        state, because = State.CPU, cpu[0]
    else:
        state, because = State.NONE, NOTHING
    choice = Choice(value=state.value, because=because)
    return CudaPlan(state=state, cuda=choice, needs=needs, findings=findings)


def decided(
    lock: Lock,
    conda: Sequence[CondaPackage],
    evidence: tuple[Evidence, ...],
    builds: tuple[Build, ...],
    needs: tuple[Need, ...],
    findings: tuple[Finding, ...],
) -> CudaPlan:
    """The plan from the strongest evidence."""
    first = evidence[0]
    return CudaPlan(
        state=State.CUDA,
        cuda=Choice(value=first.cuda, because=first.because),
        toolkit=toolkit_of(lock, first, builds),
        cudnn=cudnn_choice(lock, conda, first, builds),
        driver=driver_of(first, builds),
        builds=builds,
        needs=needs,
        evidence=evidence,
        findings=(*findings, *conflicts(evidence, lock), *beyond(first)),
    )


def toolkit_of(lock: Lock, first: Evidence, builds: Sequence[Build]) -> Choice | None:
    """The patch version of the toolkit, where the lock or a table says it."""
    for item in lock.requirements:
        if normalise(item.name) == "cuda-toolkit" and minor(item.version) == first.cuda:
            return Choice(value=item.version, because=pinned(item))
    for build in builds:
        if build.toolkit is not None and build.cuda == first.cuda:
            return Choice(value=build.toolkit, because=of_build(build))
    return None


def cudnn_choice(
    lock: Lock, conda: Sequence[CondaPackage], first: Evidence, builds: Sequence[Build]
) -> Choice | None:
    """cuDNN: the locked package's version, else what the build is known to carry or to want."""
    wheel = cudnn_pin(lock, first.cuda)
    if wheel is not None:
        return Choice(value=wheel.version, because=pinned(wheel))
    package = cudnn_of(conda)
    if package is not None:
        return Choice(value=package.version, because=pinned(package))
    for build in builds:
        if build.cudnn is not None and build.cudnn != "0":
            return Choice(value=build.cudnn, because=of_build(build))
    return None


def of_build(build: Build) -> str:
    """The reason for what a table knows of a build."""
    if build.package != "torch":
        return build.because
    place = "" if build.where is None else f" in {build.where}"
    return f"the {build.tag} build of {build}{place}, by the {tables.stamp('torch')}"


def driver_of(first: Evidence, builds: Sequence[Build]) -> Choice | None:
    """The newest of the drivers that the environment and its builds need."""
    wanted = [(first.cuda, None), *((build.cuda, build.toolkit) for build in builds)]
    choices = [driver_for(cuda, toolkit=toolkit) for cuda, toolkit in wanted if cuda is not None]
    known = [choice for choice in choices if choice is not None]
    return max(known, key=lambda choice: key(choice.value)) if known else None


def mixed(cpu: Sequence[str], evidence: Sequence[Evidence]) -> Iterator[Finding]:
    """A framework for CPUs beside CUDA packages: it will not use a GPU. jaxlib alone is common."""
    for because in cpu:
        if because.startswith(("torch==", "tensorflow==", "pytorch=")):
            yield Finding(
                kind="cuda.cpu-build",
                value=because.partition(" ")[0],
                because=f"{because} is a build for CPUs, though {evidence[0].because} brings CUDA "
                f"{evidence[0].cuda}: it does not use a GPU",
                severity=Severity.WARNING,
            )


def beyond(first: Evidence) -> Iterator[Finding]:
    """CUDA that is newer than the table: accepted as the lock says it."""
    if knows(first.cuda):
        return
    newest = tables.toolkits()[-1].minor
    older = key(first.cuda) < key(newest)
    text = "does not have it" if older else f"ends with {newest}"
    rule = driver_for(first.cuda)
    driver = (
        f"the driver is that of CUDA {release(first.cuda)[0]}.x" if rule else "no driver is known"
    )
    yield Finding(
        kind="cuda.not-in-table",
        value=f"CUDA {first.cuda}",
        because=f"it is taken from {first.because}; the {tables.stamp('drivers')} {text}: {driver}",
        where=first.where,
        severity=Severity.WARNING,
    )

"""CUDA in a conda environment: build strings, variants, and packages whose version is CUDA's.

Owns: conda packages → evidence. Does not own: reading conda's lock files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from repropack.cuda import tables
from repropack.cuda.model import (
    Build,
    CondaPackage,
    Coverage,
    Evidence,
    Libraries,
    Strength,
    pinned,
)
from repropack.cuda.torch import Reading
from repropack.cuda.version import cuda_of_digits, key, minor
from repropack.environment.condamodel import CondaEnvironment

CPU_VARIANTS = ("cpu", "mkl", "eigen")
FRAMEWORKS = ("pytorch", "tensorflow", "tensorflow-base", "jaxlib", "cupy")


def read_conda(packages: Iterable[CondaPackage]) -> Reading:
    """Everything that a conda lock says. A framework's own build string decides against the rest.

    A `pytorch-cuda` beside a CPU build of pytorch is one that was asked for and not got.
    """
    found = tuple(packages)
    said = [(package, match) for package in found for match in _matches(package)]
    said = [pair for pair in said if pair[0].name in FRAMEWORKS] or said
    evidence = tuple(_evidence(package, match) for package, match in said if cuda_of(match))
    if said and not evidence and any(is_cpu(match) for _, match in said):
        package = next(package for package, match in said if is_cpu(match))
        return Reading(cpu=pinned(package))
    evidence = (*evidence, *_versions(found))
    builds = [_build(package, match) for package, match in said if cuda_of(match)]
    build = next((b for b in builds if b.package == "pytorch"), builds[0] if builds else None)
    return Reading(build=build, evidence=evidence)


def packages_in(environment: CondaEnvironment | None) -> tuple[CondaPackage, ...]:
    """The packages that a lock has of conda."""
    return tuple(
        CondaPackage(
            name=package.name,
            version=package.version,
            build=package.build,
            channel=package.channel,
            where=package.where,
        )
        for package in (environment.packages if environment else ())
    )


def _matches(package: CondaPackage) -> Iterator[dict[str, str]]:
    """What the build string of one package says, by the first pattern that fits."""
    for row in tables.table("conda")["builds"]:
        if re.fullmatch(row["package"], package.name):
            match = re.fullmatch(row["build"], package.build)
            if match:
                yield {name: text for name, text in match.groupdict().items() if text is not None}
                return


def is_cpu(match: dict[str, str]) -> bool:
    """Whether a build string names a build for CPUs."""
    return "cpu" in match or match.get("variant") in CPU_VARIANTS


def cuda_of(match: dict[str, str]) -> str | None:
    """The CUDA that a build string names."""
    if "cuda" in match:
        return minor(match["cuda"])
    return cuda_of_digits(match["cu"]) if "cu" in match else None


def _evidence(package: CondaPackage, match: dict[str, str]) -> Evidence:
    return Evidence(
        strength=Strength.CONDA,
        cuda=cuda_of(match) or "",
        because=pinned(package),
        package=str(package),
        where=package.where,
    )


def _versions(packages: tuple[CondaPackage, ...]) -> Iterator[Evidence]:
    """Packages whose own version is the CUDA version, strongest first."""
    for name in tables.table("conda")["versions"]:
        for package in packages:
            cuda = minor(package.version) if package.name == name else None
            if cuda is not None:
                yield Evidence(
                    strength=Strength.CONDA,
                    cuda=cuda,
                    because=pinned(package),
                    package=str(package),
                    where=package.where,
                )


def cudnn_of(packages: Iterable[CondaPackage]) -> CondaPackage | None:
    """The cuDNN package, if there is one."""
    return next((package for package in packages if package.name == "cudnn"), None)


def _build(package: CondaPackage, match: dict[str, str]) -> Build:
    cuda = cuda_of(match) or ""
    return Build(
        package=package.name,
        version=package.version,
        cuda=cuda,
        cudnn=match.get("cudnn"),
        because=pinned(package),
        coverage=_coverage(package, cuda),
        libraries=Libraries.LOCK,
        where=package.where,
    )


def _coverage(package: CondaPackage, cuda: str) -> Coverage | None:
    """What builds of the channel pytorch have code for; other channels' lists are not known."""
    channel = re.split(r"[/:]+", package.channel.rstrip("/"))[-1]
    if package.name != "pytorch" or channel != "pytorch":
        return None
    for row in tables.table("conda")["sm"]:
        if _holds(row, package.version, cuda):
            because = f"{package} of the channel pytorch, by the {tables.stamp('conda')}"
            sm, ptx = tables.words(row["sm"]), tables.words(row.get("ptx"))
            return Coverage(sm=sm, ptx=ptx, because=because)
    return None


def _holds(row: dict[str, Any], version: str, cuda: str) -> bool:
    """Whether a row is for this torch minor and this CUDA."""
    torch = key(minor(version) or "")
    first, _, last = row["cuda"].partition("-")
    return key(row["first"]) <= torch <= key(row["last"]) and key(first) <= key(cuda) <= key(last)

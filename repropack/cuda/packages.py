"""Packages that need more than their wheel: nvcc, libraries of the image, a C compiler.

Owns: the table's rows applied to a lock. Does not own: torch, TensorFlow and JAX themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from repropack.cuda import tables
from repropack.cuda.evidence import NAMED, cudnn_pin, has_packages
from repropack.cuda.jax import image_minor
from repropack.cuda.model import Build, Evidence, Libraries, Need, NeedKind, Strength, pinned
from repropack.cuda.torch import Reading
from repropack.cuda.version import cuda_of_digits, key, major, minor
from repropack.environment import Lock, Requirement, normalise

ADDRESS_OF_WHEEL = re.compile(r"\.whl(?:$|[?#])")


def row_of(requirement: Requirement) -> dict[str, Any] | None:
    """The table's row for a package, by its distribution name."""
    name = normalise(requirement.name)
    rows = tables.table("packages")["packages"]
    found: dict[str, Any] | None = next((r for r in rows if fnmatchcase(name, r["match"])), None)
    return found


def cpu_reason(requirement: Requirement) -> str | None:
    """Why a package is the CPU variant of something that has a GPU variant."""
    if normalise(requirement.name) in tables.table("packages")["cpu"]:
        return f"{pinned(requirement)} is for CPUs"
    return None


def read_package(requirement: Requirement, lock: Lock) -> Reading:
    """A package that takes its CUDA libraries from outside its wheel."""
    row = row_of(requirement)
    if row is None or row.get("run") not in ("cudnn", "runtime") or row.get("hint"):
        return Reading()
    known = versioned(row, requirement)
    cuda = known.get("cuda") or named_cuda(requirement)
    stamp = tables.stamp("packages")
    because = f"{pinned(requirement)}, by the {stamp}" if "cuda" in known else pinned(requirement)
    if cuda is None:
        return Reading()
    build = Build(
        package=normalise(requirement.name),
        version=requirement.version,
        cuda=cuda,
        cudnn=known.get("cudnn"),
        because=because,
        libraries=libraries_of(row, lock, cuda),
        where=requirement.where,
    )
    return Reading(build=build, evidence=evidence(requirement, cuda, because, known))


def evidence(
    requirement: Requirement, cuda: str, because: str, known: dict[str, Any]
) -> tuple[Evidence, ...]:
    """What the table says of a version; a name is evidence by itself."""
    if "cuda" not in known:
        return ()
    return (
        Evidence(
            strength=Strength.TABLE if minor(cuda) else Strength.NAME,
            cuda=cuda,
            because=because,
            package=str(requirement),
            where=requirement.where,
        ),
    )


def versioned(row: dict[str, Any], requirement: Requirement) -> dict[str, Any]:
    """The part of a row that holds for this version: CUDA, cuDNN, the image to take."""
    parts = [part for part in row.get("cuda", ()) if key(part["from"]) <= key(requirement.version)]
    return dict(parts[-1]) if parts else {}


def named_cuda(requirement: Requirement) -> str | None:
    """The CUDA that a name ends with: `cupy-cuda12x` is 12."""
    match = NAMED.search(normalise(requirement.name))
    return cuda_of_digits(match.group(1)) if match else None


def libraries_of(row: dict[str, Any], lock: Lock, cuda: str) -> Libraries:
    """From the lock when it has a runtime of that major (and cuDNN, if that is needed)."""
    cudnn = row["run"] != "cudnn" or cudnn_pin(lock) is not None
    return Libraries.LOCK if has_packages(lock, cuda) and cudnn else Libraries.IMAGE


def needs_of(requirement: Requirement, reading: Reading, lock: Lock) -> Iterator[Need]:
    """What one package needs beyond its wheel and a driver."""
    row = row_of(requirement) or {}
    wheel = requirement.url is not None and ADDRESS_OF_WHEEL.search(requirement.url)
    because = f"{pinned(requirement)}, by the {tables.stamp('packages')}"
    if row.get("build") == "nvcc" and not wheel:
        yield Need(
            kind=NeedKind.BUILD_NVCC,
            package=str(requirement),
            because=because,
            cudnn="0" if row.get("cudnn_headers") else None,
            variables=tuple(row.get("variables", ())),
            instead=row.get("wheels", ""),
            certain=not may_have_wheel(requirement, lock),
        )
    if row.get("run") == "nvcc":
        yield Need(
            kind=NeedKind.RUN_NVCC,
            package=str(requirement),
            because=because,
            hint=bool(row.get("hint")),
        )
    if reading.build is not None and reading.build.libraries is Libraries.IMAGE:
        yield library_need(requirement, row, reading.build)


def may_have_wheel(requirement: Requirement, lock: Lock) -> bool:
    """Whether a wheel of it may be found where the lock says, besides the ordinary index."""
    elsewhere = lock.indexes or lock.find_links or requirement.index
    return requirement.origin is None and bool(elsewhere)


def library_need(requirement: Requirement, row: dict[str, Any], build: Build) -> Need:
    """The libraries that the image must have for a build. JAX also runs nvcc's ptxas."""
    jax = build.package == "jaxlib" or build.package.startswith("jax-cuda")
    image = versioned(row, requirement).get("image") or (image_minor(build) if jax else None)
    cudnn = build.cudnn
    if cudnn is None and (jax or row.get("run") == "cudnn"):
        cudnn = "0"  # any version of it
    return Need(
        kind=NeedKind.LIBRARIES,
        package=str(build),
        because=f"{build.because}, and no locked package brings CUDA {major(build.cuda or '')}",
        cuda=image or build.cuda,
        cudnn=cudnn,
        devel=jax or bool(row.get("headers")),
    )

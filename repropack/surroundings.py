"""What a verification ran in, layer by layer, from the project down to the GPU, as JSON values.

Owns: which names are in which layer. Does not own: what a run found (`recorded`), differences
(`report.environment`).
"""

from __future__ import annotations

from typing import Any

from repropack import __version__
from repropack.cuda import CudaPlan
from repropack.settings import Built

_BLAS = ("mkl", "openblas", "blis", "intel-openmp", "nvidia-cublas", "scipy-openblas")


def surroundings(built: Built) -> dict[str, dict[str, Any]]:
    """Names and values of each layer."""
    bundle, facts = built.bundle, built.facts
    libraries = {package.name: package.version for package in bundle.conda}
    libraries |= {wheel.name: wheel.version for wheel in bundle.wheels}
    differing = f"{len(built.strange)} differ from the bundle's" if built.strange else "as recorded"
    return {
        "project": {"name": bundle.name, "commit": bundle.commit, "bundle": bundle.digest},
        "libraries": dict(sorted(libraries.items())),
        "CUDA, cuDNN, BLAS": {**cuda(bundle.cuda), **blas(libraries)},
        "operating system": {
            "base": bundle.base_reference,
            "suite": bundle.base.suite,
            "system packages": ", ".join(bundle.base.apt) or "none",
            **({"Debian packages": differing} if bundle.debs else {}),
            **({"base, a second time": "; ".join(built.remade)} if built.remade else {}),
        },
        "driver": {"NVIDIA": ", ".join(sorted({g.driver_version for g in facts.gpus})) or "none"},
        "GPU": {"in the machine": ", ".join(str(gpu) for gpu in facts.gpus) or "none"},
        "engine": {
            "engine": f"{facts.name} {facts.version}".strip(),
            "image": built.image.id,
            "repropack": __version__,
        },
    }


def cuda(plan: CudaPlan) -> dict[str, str]:
    """What the lock has of CUDA; nothing where it has none."""
    told = {"CUDA": plan.cuda, "toolkit": plan.toolkit, "cuDNN": plan.cudnn}
    needs = {name: choice.value for name, choice in told.items() if choice is not None}
    return {**needs, **({"driver needed": plan.driver.value} if plan.driver else {})}


def blas(libraries: dict[str, str]) -> dict[str, str]:
    """The locked packages that compute linear algebra."""
    found = {name: version for name, version in libraries.items() if name.startswith(_BLAS)}
    return found or ({"BLAS": "inside the packages"} if libraries else {})

"""The environment variables that CUDA needs, each with its reason.

Owns: which and why. Does not own: variables for determinism (`plan`), or writing them (`bundle`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from repropack.cuda import tables
from repropack.cuda.base import CudaBase
from repropack.cuda.model import Build, CudaPlan, Setting, State
from repropack.cuda.tensorflow import needs_library_path
from repropack.environment import Lock, normalise

JOBS = "4"
LIBRARY = re.compile(r"nvidia-(?P<name>[a-z0-9-]+?)-cu\d+$")
VALUES = {"FORCE_CUDA": "1", "MAX_JOBS": JOBS, "MMCV_WITH_OPS": "1"}


def variables_of(
    plan: CudaPlan,
    base: CudaBase | None = None,
    *,
    lock: Lock | None = None,
    site_packages: str | None = None,
) -> tuple[Setting, ...]:
    """What an image with this environment must set, and what only its builds of packages need.

    With the lock and the path of its packages in the image, also what a known bug asks for.
    """
    if plan.state in (State.NONE, State.CPU) and base is None:
        return ()
    settings = [*runtime(plan)] if plan.state in (State.CUDA, State.UNKNOWN) else []
    if base is not None and base.run_image is not None:
        settings += toolkit(base)
    if base is not None and base.build is not None:
        settings += building(plan, base)
    if lock is not None and site_packages is not None:
        settings += library_path(plan, lock, site_packages)
    return tuple(settings)


def runtime(plan: CudaPlan) -> Iterator[Setting]:
    """What NVIDIA's own images set, and a slim one must set itself."""
    why = f"the NVIDIA container runtime hands over what it names; {plan.cuda.because}"
    yield Setting(name="NVIDIA_VISIBLE_DEVICES", value="all", because=why)
    yield Setting(name="NVIDIA_DRIVER_CAPABILITIES", value="compute,utility", because=why)


def toolkit(base: CudaBase) -> Iterator[Setting]:
    """Where the copied toolkit is; the linker knows by itself where the libraries are."""
    reasons = tables.table("packages")["variables"]
    if base.run_image is None or "devel" not in base.run_image.flavour:
        return
    yield Setting(name="CUDA_HOME", value="/usr/local/cuda", because=reasons["CUDA_HOME"])
    if base.gcc is not None:
        why = f"nvcc of CUDA {base.run_image.cuda} refuses the release's own, newer GCC"
        yield Setting(name="CC", value=f"gcc-{base.gcc}", because=why)
        yield Setting(name="CXX", value=f"g++-{base.gcc}", because=why)
        yield Setting(name="NVCC_PREPEND_FLAGS", value=f"-ccbin g++-{base.gcc}", because=why)


def building(plan: CudaPlan, base: CudaBase) -> Iterator[Setting]:
    """What compiling CUDA code without a GPU needs."""
    reasons = tables.table("packages")["variables"]
    yield setting("CUDA_HOME", "/usr/local/cuda", reasons["CUDA_HOME"])
    architectures = torch_architectures(plan)
    if architectures is not None:
        yield setting("TORCH_CUDA_ARCH_LIST", architectures, reasons["TORCH_CUDA_ARCH_LIST"])
    for name in base.variables:
        if name in VALUES:
            yield setting(name, VALUES[name], reasons[name])


def setting(name: str, value: str, because: str) -> Setting:
    """A variable of the stage that compiles."""
    return Setting(name=name, value=value, because=because, build_only=True)


def torch_architectures(plan: CudaPlan) -> str | None:
    """What torch's own build has code for: `7.5;8.0;8.6+PTX`. Extensions need no more."""
    for build in plan.builds:
        if build.package in ("torch", "pytorch") and build.coverage is not None:
            return architecture_list(build)
    return None


def architecture_list(build: Build) -> str | None:
    """The compute capabilities as torch.utils.cpp_extension reads them; the newest with PTX."""
    sm = build.coverage.sm if build.coverage else ()
    return ";".join(sm) + "+PTX" if sm else None


def library_path(plan: CudaPlan, lock: Lock, site_packages: str) -> Iterator[Setting]:
    """Where a TensorFlow that does not look for them itself finds the nvidia-* packages."""
    build = next((build for build in plan.builds if needs_library_path(build)), None)
    if build is None:
        return
    matches = (LIBRARY.match(normalise(item.name)) for item in lock.requirements)
    names = sorted({match.group("name").replace("-", "_") for match in matches if match})
    yield Setting(
        name="LD_LIBRARY_PATH",
        value=":".join(f"{site_packages}/nvidia/{name}/lib" for name in names),
        because=f"{build} does not find its nvidia-* packages without it (tensorflow issue 63362)",
    )

"""The environment variables that CUDA needs, each with its reason.

Owns: which and why. Does not own: variables for determinism (`plan`), or writing them (`bundle`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from repropack.cuda import tables
from repropack.cuda.base import CudaBase
from repropack.cuda.model import Build, CudaPlan, Setting, State
from repropack.cuda.nvcc import Nvcc
from repropack.cuda.tensorflow import needs_library_path
from repropack.environment import Lock, normalise

JOBS = "4"
LIBRARY = re.compile(r"nvidia-(?P<name>[a-z0-9-]+?)-cu\d+$")
ALWAYS = ("FORCE_CUDA", "MAX_JOBS")
VALUES = {
    "FORCE_CUDA": "1",
    "MAX_JOBS": JOBS,
    "MMCV_WITH_OPS": "1",
    "FLASH_ATTENTION_FORCE_BUILD": "TRUE",
    "CAUSAL_CONV1D_FORCE_BUILD": "TRUE",
    "MAMBA_FORCE_BUILD": "TRUE",
}


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
    if base is not None and isinstance(base.nvcc, Nvcc):
        settings += building(plan, base, base.nvcc)
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
        yield from compilers(base.gcc, base.run_image.cuda)


def compilers(gcc: int, cuda: str, *, build_only: bool = False) -> Iterator[Setting]:
    """The GCC that nvcc takes, by name."""
    why = f"nvcc of CUDA {cuda} refuses the release's own, newer GCC"
    for name, value in (
        ("CC", f"gcc-{gcc}"),
        ("CXX", f"g++-{gcc}"),
        ("NVCC_PREPEND_FLAGS", f"-ccbin g++-{gcc}"),
    ):
        yield Setting(name=name, value=value, because=why, build_only=build_only)


def building(plan: CudaPlan, base: CudaBase, nvcc: Nvcc) -> Iterator[Setting]:
    """What compiling CUDA code without a GPU needs; where nvcc is, is known when it is there."""
    reasons = tables.table("packages")["variables"]
    build = torch_build(plan)
    if build is not None:
        for name, value in (
            ("TORCH_CUDA_ARCH_LIST", architecture_list(build)),
            ("CUDAARCHS", cmake_architectures(build)),
        ):
            yield setting(name, value, reasons[name])
    for name in ALWAYS + tuple(n for n in base.variables if n in VALUES and n not in ALWAYS):
        yield setting(name, VALUES[name], reasons[name])
    if nvcc.gcc is not None:
        yield from compilers(nvcc.gcc, nvcc.cuda, build_only=True)


def setting(name: str, value: str, because: str) -> Setting:
    """A variable of the stage that compiles."""
    return Setting(name=name, value=value, because=because, build_only=True)


def torch_build(plan: CudaPlan) -> Build | None:
    """torch, if what it has code for is known. Extensions need no more."""
    for build in plan.builds:
        torch = build.package in ("torch", "pytorch")
        if torch and build.coverage is not None and build.coverage.sm:
            return build
    return None


def architecture_list(build: Build) -> str:
    """The compute capabilities as torch.utils.cpp_extension reads them; the newest with PTX."""
    sm = build.coverage.sm if build.coverage else ()
    return ";".join(sm) + "+PTX"


def cmake_architectures(build: Build) -> str:
    """The same as CMake reads them: `75-real;80-real;90`."""
    sm = [name.replace(".", "") for name in (build.coverage.sm if build.coverage else ())]
    return ";".join((*(f"{name}-real" for name in sm[:-1]), sm[-1]))


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

"""What the image is built on as far as CUDA decides it: slim, or one of NVIDIA's images.

Owns: the decision, its reasons, the refusal. Does not own: which Debian release or Python (`plan`),
which tag (`images`). Slim is right whenever the wheels carry CUDA: the host brings only the driver.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from repropack.cuda import tables
from repropack.cuda.alternatives import alternative
from repropack.cuda.compilers import COMPILER_PACKAGES, host_gcc, nvcc_packages
from repropack.cuda.doubts import doubts, hints, refused, vague
from repropack.cuda.images import CudaImage, Wish, image_for
from repropack.cuda.model import CudaPlan, Libraries, Need, NeedKind, State
from repropack.cuda.nvcc import (
    NoNvcc,
    Nvcc,
    glibc_of,
    nvcc_for,
    suite_glibc,
    without_nvcc,
)
from repropack.cuda.version import key, major, minor
from repropack.errors import PlanError
from repropack.findings import Choice, Finding

SLIM = "slim"
NOT_FOR_CUDA = NoNvcc(what="no locked package carries CUDA", optional=True)


class Signal(enum.Enum):
    """What the source shows that wheels do not; the detectors say it."""

    EXTENSION = "builds a CUDA extension (torch.utils.cpp_extension)"
    LOADED_EXTENSION = "compiles a CUDA extension when it runs (cpp_extension.load)"
    COMPILES = "uses torch.compile or triton"


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaBase:
    """`run`: what the image stands on; `build`: what compiles packages, if one is known to need it.

    `run` is `slim` or an image's full name. `nvcc` is what would compile for CUDA, or why nothing
    can: that a package needs it may only be seen when its sources are there. `apt` are Debian
    packages, with their reasons, `gcc` is the compiler to name where nvcc refuses the release's
    own.
    """

    run: Choice
    nvcc: Nvcc | NoNvcc = NOT_FOR_CUDA
    build: Choice | None = None
    run_image: CudaImage | None = None
    apt: tuple[Choice, ...] = ()
    gcc: int | None = None
    variables: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def base_for(
    plan: CudaPlan,
    *,
    gpu: str = "optional",
    python: str | None = None,
    suite: str | None = None,
    signals: Sequence[tuple[Signal, str]] = (),
) -> CudaBase:
    """The base of an environment. `gpu` is what the experiments say: none, optional or required.

    `suite` is the Debian release to which an image's files are copied, `signals` are what the code
    shows, each with where. Raises `PlanError` when an image is needed
    that does not exist (for libraries: only if a GPU is required).
    """
    needs = [*plan.needs, *(need for signal, where in signals for need in of_signal(signal, where))]
    building = [need for need in needs if must_be_compiled(need, plan)]
    running = [] if gpu == "none" else [need for need in needs if at_run_time(need)]
    nvcc = nvcc_for(plan, building, python, suite) if building else None
    findings: list[Finding] = [] if gpu == "none" else list(hints(needs))
    try:
        run = run_image(plan, running, python, suite)
    except PlanError as error:
        if gpu == "required":
            raise
        run = None
        findings.append(refused(error))
    gcc = host_gcc(run.cuda, suite) if run and "devel" in run.flavour else None
    return CudaBase(
        run=named(run, running) or Choice(value=SLIM, because=why_slim(plan, gpu)),
        nvcc=nvcc or without_nvcc(plan, python, suite),
        build=nvcc.choice if nvcc else None,
        run_image=run,
        apt=compiler(needs, gpu, gcc),
        gcc=gcc,
        variables=tuple(sorted({name for need in needs for name in need.variables})),
        findings=(
            *findings,
            *vague(plan, run, running),
            *doubts(run, nvcc.image if nvcc else None, plan, python),
        ),
    )


def of_signal(signal: Signal, where: str) -> Iterator[Need]:
    """What the source's own code needs."""
    kinds = {
        Signal.EXTENSION: NeedKind.BUILD_NVCC,
        Signal.LOADED_EXTENSION: NeedKind.RUN_NVCC,
        Signal.COMPILES: NeedKind.COMPILER,
    }
    yield Need(
        kind=kinds[signal], package="the project", because=f"the code {signal.value}: {where}"
    )


def must_be_compiled(need: Need, plan: CudaPlan) -> bool:
    """Whether a package is surely built with nvcc. Beside a build for CPUs, some do without."""
    if need.kind is not NeedKind.BUILD_NVCC or not need.certain:
        return False
    return not (plan.state is State.CPU and "FORCE_CUDA" in need.variables)


def at_run_time(need: Need) -> bool:
    """Whether a need asks for an image of NVIDIA's for the runs."""
    return need.kind in (NeedKind.RUN_NVCC, NeedKind.LIBRARIES) and not need.hint


def run_image(
    plan: CudaPlan, needs: Sequence[Need], python: str | None, suite: str | None = None
) -> CudaImage | None:
    """The image for the runs, or None when nothing asks for one."""
    if not needs:
        return None
    wish = replace(wish_of(plan, needs, python), host_glibc=suite_glibc(suite))
    return image_for(wish, alternative=alternative(plan, needs, wish))


def wish_of(plan: CudaPlan, needs: Sequence[Need], python: str | None) -> Wish:
    """One image for all needs: the newest minor that one of them names, the largest flavour.

    Raises `PlanError` when they want different CUDA majors, or none that is known.
    """
    wanted = [need.cuda or plan.cuda.value for need in needs]
    majors = {major(cuda) for cuda in wanted}
    if len(majors) > 1:
        who = " and ".join(f"{n.package} (CUDA {c})" for n, c in zip(needs, wanted, strict=True))
        raise PlanError(
            f"no image has the libraries of two CUDA majors: {who}",
            hint="lock versions that use the same CUDA",
        )
    minors = [cuda for cuda in (*wanted, plan.cuda.value) if minor(cuda)]
    minors = [cuda for cuda in minors if major(cuda) in majors]
    if not minors:
        minors = [newest_minor(next(iter(majors)))]
    devel = any(need.devel or need.kind is NeedKind.RUN_NVCC for need in needs)
    cudnn = max((need.cudnn for need in needs if need.cudnn), key=key, default=None)
    flavour = ("cudnn-" if cudnn else "") + ("devel" if devel else "runtime")
    cuda = max(minors, key=key)
    return Wish(cuda=cuda, flavour=flavour, cudnn=cudnn, python=python, glibc=glibc_of(plan))


def newest_minor(cuda: str) -> str:
    """Where only a major is said: its newest minor with a live image, which runs all of them."""
    rows = [row.minor for row in tables.images() if row.status == "live"]
    return max((row for row in rows if major(row) == cuda), key=key, default=cuda or "0")


def named(image: CudaImage | None, needs: Sequence[Need]) -> Choice | None:
    """An image as a choice, with who needs it."""
    if image is None:
        return None
    who = "; ".join(sorted({f"{need.package} needs {what(need)}" for need in needs}))
    return Choice(value=image.reference, because=f"{who}: {image.because}")


def what(need: Need) -> str:
    """What a need is for, in words."""
    return need.kind.value + (" with headers and ptxas" if need.devel else "")


def why_slim(plan: CudaPlan, gpu: str) -> str:
    """Why no image of NVIDIA's."""
    if plan.state is not State.CUDA:
        return plan.cuda.because
    if gpu == "none":
        return "no experiment uses a GPU"
    if any(build.libraries is Libraries.IMAGE for build in plan.builds):
        return "no image has the CUDA libraries that are missing"
    return f"CUDA {plan.cuda.value} comes with the wheels: the host brings only the driver"


def compiler(needs: Sequence[Need], gpu: str, gcc: int | None = None) -> tuple[Choice, ...]:
    """The Debian packages that triton compiles its launchers with, and nvcc its host code."""
    if gpu == "none":
        return ()
    found: dict[str, Choice] = {}
    for need in needs:
        names: tuple[str, ...] = ()
        if need.kind is NeedKind.RUN_NVCC and not need.hint:
            names, what = nvcc_packages(gcc), "which compiles CUDA code when it runs"
        elif need.kind is NeedKind.COMPILER:
            names, what = COMPILER_PACKAGES, "which compiles C code when it runs"
        for name in names:
            found.setdefault(name, Choice(value=name, because=f"{need.because}, {what}"))
    return tuple(found.values())

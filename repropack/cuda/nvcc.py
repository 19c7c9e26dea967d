"""Where nvcc comes from for a package that is compiled for CUDA, and what its build is told.

Owns: the choice between NVIDIA's compiler as packages of the index and a devel image of NVIDIA's,
always of the CUDA minor that the environment has. Does not own: fetching either, or building
(`building`); what compiles when it runs (`base`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from repropack.cuda import tables
from repropack.cuda.alternatives import other_torch
from repropack.cuda.compilers import host_gcc
from repropack.cuda.images import CudaImage, Wish, image_for
from repropack.cuda.model import CudaPlan, Need, State
from repropack.cuda.version import key, minor
from repropack.errors import PlanError
from repropack.findings import Choice
from repropack.tables import GLIBC


@dataclass(frozen=True, slots=True, kw_only=True)
class Nvcc:
    """nvcc of a CUDA minor: of packages (`requires`), else of an image.

    `gcc` is the version of the C++ compiler to have beside it, where the release's own is too new.
    `instead` says where there are wheels.
    """

    cuda: str
    who: str
    because: str
    requires: str = ""
    image: CudaImage | None = None
    gcc: int | None = None
    instead: str = ""

    @property
    def apt(self) -> tuple[str, ...]:
        """The Debian packages of that compiler."""
        return () if self.gcc is None else (f"g++-{self.gcc}", f"gcc-{self.gcc}")

    @property
    def choice(self) -> Choice:
        """The same as a decision."""
        value = self.image.reference if self.image else f"nvcc of {self.requires}"
        return Choice(value=value, because=self.because)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoNvcc:
    """Why nothing can be compiled for CUDA. `optional`: what is built then is for CPUs."""

    what: str
    hint: str = ""
    optional: bool = False


def nvcc_for(
    plan: CudaPlan, needs: Sequence[Need], python: str | None, suite: str | None = None
) -> Nvcc:
    """What compiles for this environment, for those that need it. Raises `PlanError`."""
    who = ", ".join(sorted({need.package for need in needs})) or "a package with CUDA code"
    cuda = torch_cuda(plan)
    if cuda is None:
        raise PlanError(
            f"{who} must be compiled with nvcc, and which CUDA minor is not known: "
            f"{plan.cuda.because}",
            hint="pin torch with its CUDA build (torch==X+cuNNN), or a wheel of the package",
        )
    gcc = host_gcc(cuda, suite)
    row = tables.table("packages")["nvcc"]
    if key(cuda) >= key(row["first"]):
        because = (
            f"{who}: NVIDIA's compiler of CUDA {minor(cuda)}, which packages of the index have "
            f"since CUDA {row['first']}, by the {tables.stamp('packages')}"
        )
        requires = f"{row['package']}[{','.join(row['extras'].split())}]=={minor(cuda)}.*"
        return Nvcc(cuda=cuda, who=who, because=because, requires=requires, gcc=gcc)
    image = toolkit_image(plan, cuda, needs, python, suite)
    return Nvcc(cuda=cuda, who=who, because=f"{who}: {image.because}", image=image,
        gcc=gcc, instead=elsewhere(needs))  # fmt: skip


def elsewhere(building: Sequence[Need]) -> str:
    """Where wheels are of what would have to be compiled; "" if it is not known of any."""
    known = sorted({f"{need.package}: {need.instead}" for need in building if need.instead})
    return "; ".join(known)


def toolkit_image(
    plan: CudaPlan, cuda: str, needs: Sequence[Need], python: str | None, suite: str | None
) -> CudaImage:
    """The devel image that has nvcc of this CUDA minor. Raises `PlanError`."""
    cudnn = "0" if any(need.cudnn for need in needs) else None
    wish = Wish(
        cuda=cuda,
        flavour="cudnn-devel" if cudnn else "devel",
        cudnn=cudnn,
        python=python,
        glibc=glibc_of(plan),
        host_glibc=suite_glibc(suite),
    )
    return image_for(wish, alternative=other_torch(plan, wish))


def without_nvcc(plan: CudaPlan, python: str | None, suite: str | None) -> Nvcc | NoNvcc:
    """What compiles for an environment of which nothing is known to need it, or why nothing can."""
    if plan.state in (State.CPU, State.NONE):
        return NoNvcc(what=plan.cuda.because, hint=PIN_CUDA, optional=True)
    try:
        return nvcc_for(plan, (), python, suite)
    except PlanError as error:
        return NoNvcc(what=error.what, hint=error.hint or "")


PIN_CUDA = "lock what says the CUDA: torch with its build (torch==X+cuNNN) or nvidia-cuda-runtime"


def torch_cuda(plan: CudaPlan) -> str | None:
    """The minor that nvcc must have: torch's, because torch refuses another; else the plan's."""
    builds = [build.cuda for build in plan.builds if build.package in ("torch", "pytorch")]
    return next((cuda for cuda in (*builds, plan.cuda.value) if cuda and minor(cuda)), None)


def glibc_of(plan: CudaPlan) -> str | None:
    """The oldest glibc that torch's wheels run on."""
    for build in plan.builds:
        found = tables.torch_release(build.version) if build.package == "torch" else None
        row = tables.table("torch")["releases"].get(found.version, {}) if found else {}
        if "glibc" in row:
            return str(row["glibc"])
    return None


def suite_glibc(suite: str | None) -> str | None:
    """The glibc of a Debian release: `2.36`."""
    return ".".join(map(str, GLIBC[suite])) if suite in GLIBC else None


def extra_of(header: str) -> str:
    """The requirement that has a CUDA header; "" for one that is not CUDA's."""
    row = tables.table("packages")["nvcc"]
    name = header.rpartition("/")[2]
    extra = row["headers"].get(name) or row["headers"].get(header.partition("/")[0])
    return f"{row['package']}[{extra}]" if extra else ""


def built_with_nvcc(name: str) -> bool | None:
    """Whether installing a package from its sources compiles CUDA code; None: it is not known."""
    rows = tables.table("packages")["packages"]
    row = next((row for row in rows if fnmatchcase(name, row["match"])), None)
    return None if row is None else row.get("build") == "nvcc"

"""What is said about CUDA: evidence, builds, what they need, the plan.

Owns: the values. Does not own: reading them from a lock (`evidence`, `frameworks`), deciding
(`deciding`, `base`), a host (`host`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from repropack.cuda.version import key, major
from repropack.environment import Requirement
from repropack.findings import Choice, Finding, Where


class State(enum.Enum):
    """Whether the environment has CUDA. `unknown`: it may, and neither lock nor table says."""

    NONE = "none"
    CPU = "cpu"
    CUDA = "cuda"
    UNKNOWN = "unknown"


class Strength(enum.IntEnum):
    """How much a piece of evidence counts; the smallest decides."""

    PIN = 1  # cuda-toolkit==X, nvidia-cuda-runtime==X
    LOCAL = 2  # torch==2.4.1+cu121
    INDEX = 3  # …/whl/cu121
    CONDA = 4  # a build string or a version of a conda package
    COMPONENT = 5  # nvidia-cuda-nvrtc-cu12==12.1.105
    TABLE = 6  # what that release of torch or TensorFlow is known to be built with
    NAME = 7  # cupy-cuda12x: the major version only


class Libraries(enum.Enum):
    """Where the CUDA libraries of a build come from."""

    WHEEL = "inside the wheel"
    LOCK = "locked packages"
    IMAGE = "the image"
    MISSING = "nowhere"


class Match(enum.Enum):
    """How a build covers a GPU. `assumed`: its range is known, its list is not."""

    MACHINE_CODE = "machine code"
    PTX = "PTX"
    ASSUMED = "assumed"
    NONE = "none"


class NeedKind(enum.Enum):
    """What something needs beyond wheels and a driver."""

    BUILD_NVCC = "nvcc when it is built"
    RUN_NVCC = "nvcc when it runs"
    LIBRARIES = "CUDA libraries of the image"
    COMPILER = "a C compiler when it runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One sign of CUDA. `cuda` is `12.1`, or `12` where only the major version is said."""

    strength: Strength
    cuda: str
    because: str
    package: str
    where: Where | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which GPUs a build has code for: compute capabilities with machine code and with PTX.

    `oldest` stands instead where only the lower end is known.
    """

    sm: tuple[str, ...] = ()
    ptx: tuple[str, ...] = ()
    oldest: str | None = None
    because: str = ""

    def match(self, capability: str) -> Match:
        """How a GPU with this compute capability, such as `8.6`, is covered."""
        gpu = key(capability)
        if any(major(sm) == major(capability) and key(sm) <= gpu for sm in self.sm):
            return Match.MACHINE_CODE
        if any(key(ptx) <= gpu for ptx in self.ptx):
            return Match.PTX
        if self.oldest is not None and key(self.oldest) <= gpu:
            return Match.ASSUMED
        return Match.NONE

    def __str__(self) -> str:
        if self.oldest is not None:
            return f"{self.oldest} and newer"
        return " ".join((*self.sm, *(f"{ptx}+PTX" for ptx in self.ptx)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One framework's GPU build. `tag` is torch's (`cu121`); `cuda` may be a major only."""

    package: str
    version: str
    cuda: str | None
    because: str
    tag: str | None = None
    toolkit: str | None = None
    cudnn: str | None = None
    coverage: Coverage | None = None
    libraries: Libraries = Libraries.LOCK
    where: Where | None = None

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a package needs beyond wheels and a driver. `cuda`: version of the image, if it says.

    `hint`: only some uses of the package need it. `devel`: the libraries alone do not do, headers
    or nvcc's ptxas must be there too. `instead` says where wheels of it are; not `certain`: the
    lock names a place that may have one.
    """

    kind: NeedKind
    package: str
    because: str
    cuda: str | None = None
    cudnn: str | None = None
    devel: bool = False
    hint: bool = False
    variables: tuple[str, ...] = ()
    instead: str = ""
    certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaPlan:
    """All that a lock says about CUDA. `cuda` is `13.0`, `12`, `cpu`, `none` or `unknown`.

    `driver` is the oldest driver for GPUs that the builds have machine code for.
    """

    state: State
    cuda: Choice
    toolkit: Choice | None = None
    cudnn: Choice | None = None
    driver: Choice | None = None
    builds: tuple[Build, ...] = ()
    needs: tuple[Need, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def facts(self) -> tuple[tuple[str, Choice], ...]:
        """Every fact with the word that names it: for `plan`, the Dockerfile and the README."""
        rows = [("cuda", self.cuda)]
        for name, choice in (
            ("cuda toolkit", self.toolkit),
            ("cudnn", self.cudnn),
            ("driver", self.driver),
        ):
            rows += [] if choice is None else [(name, choice)]
        rows += [
            (f"gpus of {build}", Choice(value=str(build.coverage), because=build.coverage.because))
            for build in self.builds
            if build.coverage is not None
        ]
        return tuple(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaPackage:
    """One package of a conda lock: name, version, build string, channel (its last word counts)."""

    name: str
    version: str
    build: str = ""
    channel: str = ""
    where: Where | None = None

    def __str__(self) -> str:
        return f"{self.name}={self.version}={self.build}".rstrip("=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An environment variable, in the image (`run`) or only while packages are built."""

    name: str
    value: str
    because: str
    build_only: bool = False


def pinned(item: Requirement | CondaPackage) -> str:
    """How a reason names a locked package: `torch==2.4.1 in requirements.txt:18`."""
    return f"{item} in {item.where}" if item.where is not None else str(item)

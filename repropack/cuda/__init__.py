"""CUDA: which version an environment has, what it needs, and whether a machine can run it.

Owns: everything that follows from a lock and the tables in `repropack/data/cuda/`. Does not own:
asking a machine (`engines`), writing an image (`bundle`). Pure functions over frozen values.

    plan = cuda_of(lock)                     # version, cuDNN, driver, GPUs, each with its reason
    base = base_for(plan, gpu="required")    # slim, or an image of NVIDIA's; raises PlanError
    settings = variables_of(plan, base)
    problems = compare(plan, host)           # before the run: `from repropack.cuda.compare import`
"""

from __future__ import annotations

from repropack.cuda.base import CudaBase, Signal, base_for
from repropack.cuda.deciding import cuda_of
from repropack.cuda.host import Host, HostGpu, capability_of, from_nvml, parse_nvidia_smi
from repropack.cuda.images import CudaImage
from repropack.cuda.model import (
    Build,
    CondaPackage,
    Coverage,
    CudaPlan,
    Libraries,
    Match,
    Need,
    Setting,
    State,
)
from repropack.cuda.nvcc import NoNvcc, Nvcc
from repropack.cuda.variables import variables_of

__all__ = [
    "Build",
    "CondaPackage",
    "Coverage",
    "CudaBase",
    "CudaImage",
    "CudaPlan",
    "Host",
    "HostGpu",
    "Libraries",
    "Match",
    "Need",
    "NoNvcc",
    "Nvcc",
    "Setting",
    "Signal",
    "State",
    "base_for",
    "capability_of",
    "cuda_of",
    "from_nvml",
    "parse_nvidia_smi",
    "variables_of",
]

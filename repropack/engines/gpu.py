"""The NVIDIA GPUs of this machine.

Owns: asking the driver. Does not own: reading its answer (`cuda.host`), or whether an engine can
hand a GPU to a container.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from repropack.cuda import HostGpu, from_nvml, parse_nvidia_smi
from repropack.cuda.host import QUERY

#: Where engines look for descriptions of devices, and NVIDIA's programs that make them.
CDI_DIRECTORIES = (Path("/etc/cdi"), Path("/var/run/cdi"))
TOOLKIT = ("nvidia-ctk", "nvidia-container-cli", "nvidia-container-runtime-hook")
_NVIDIA_SMI_TIMEOUT_S = 20
# Where NVIDIA's kernel driver shows itself: Linux, Linux on Windows (WSL), Jetson.
_DRIVER_FILES = (
    Path("/proc/driver/nvidia"),
    Path("/dev/nvidiactl"),
    Path("/dev/dxg"),
    Path("/dev/nvhost-gpu"),
    Path("/dev/nvmap"),
)


def find_gpus() -> tuple[HostGpu, ...]:
    """Return this machine's NVIDIA GPUs; none is an empty tuple, never an error."""
    if not any(path.exists() for path in _DRIVER_FILES) and not shutil.which("nvidia-smi"):
        return ()
    found = _from_nvml()
    return _from_nvidia_smi() if found is None else found


def _from_nvml() -> tuple[HostGpu, ...] | None:
    try:
        import pynvml  # provided by the distribution nvidia-ml-py
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        driver = pynvml.nvmlSystemGetDriverVersion()
        count = pynvml.nvmlDeviceGetCount()
        return tuple(_gpu(pynvml, index, driver) for index in range(count))
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _gpu(nvml: Any, index: int, driver: str | bytes) -> HostGpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    return from_nvml(
        index=index,
        uuid=nvml.nvmlDeviceGetUUID(handle),
        name=nvml.nvmlDeviceGetName(handle),
        driver_version=driver,
        memory_bytes=_asked(nvml, lambda: int(nvml.nvmlDeviceGetMemoryInfo(handle).total)),
        compute_capability=_asked(nvml, lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle)),
        mig=bool(_asked(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle)[0])),
    )


def _asked(nvml: Any, question: Any) -> Any:
    """An answer, or None where the GPU or the driver has none."""
    try:
        return question()
    except nvml.NVMLError:
        return None


def _from_nvidia_smi() -> tuple[HostGpu, ...]:
    """Asks without the compute capability where an old driver does not know that question."""
    for query in (QUERY, QUERY[:-1]):
        found = parse_nvidia_smi(_nvidia_smi(query))
        if found:
            return found
    return ()


def _nvidia_smi(query: tuple[str, ...]) -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    command = [program, f"--query-gpu={','.join(query)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_NVIDIA_SMI_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout

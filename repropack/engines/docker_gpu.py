"""How a Docker daemon would hand a GPU to a container, from what it says of itself.

Owns: reading `docker info` for that. Does not own: the GPUs (`gpu`), what is missing (`cuda`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repropack.engines.gpu import CDI_DIRECTORIES, TOOLKIT


def handover(
    info: Mapping[str, Any], *, directories: tuple[Path, ...] = CDI_DIRECTORIES
) -> tuple[str, tuple[str, ...] | None]:
    """Return the way (`nvidia`, `cdi`, or "": it could not) and the devices that CDI names.

    None instead of devices: there is a description, or the daemon does not say what it has found.
    A daemon that looks for descriptions has use for one only where NVIDIA's toolkit writes it.
    """
    if "nvidia" in (info.get("Runtimes") or {}) or shutil.which("nvidia-container-cli"):
        return "nvidia", None
    devices = named(info.get("DiscoveredDevices"))
    described = any(list(path.glob("nvidia*")) for path in directories if path.is_dir())
    if devices or described:
        return "cdi", devices or None
    if info.get("CDISpecDirs") and any(shutil.which(program) for program in TOOLKIT):
        return "cdi", ()
    return "", None


def named(discovered: Any) -> tuple[str, ...]:
    """The NVIDIA devices that a daemon says it has found; older ones (API before 1.50) do not."""
    found = discovered if isinstance(discovered, list) else []
    names = (str(each.get("ID", "")) for each in found if isinstance(each, dict))
    return tuple(name for name in names if name.startswith("nvidia.com/"))

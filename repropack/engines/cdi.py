"""Descriptions of devices (CDI): by which names an engine would find NVIDIA's GPUs.

Owns: reading them where engines look (https://github.com/cncf-tags/container-device-interface).
Does not own: asking an engine that says itself what it found (`docker_gpu`), the GPUs (`gpu`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repropack.cuda import HostGpu
from repropack.engines.gpu import CDI_DIRECTORIES

KIND = "nvidia.com/gpu"
ALL = "all"


def described(directories: tuple[Path, ...] = CDI_DIRECTORIES) -> tuple[str, ...]:
    """The GPUs that descriptions name, as `nvidia.com/gpu=NAME`; what cannot be read has none."""
    names = {name for path in _files(directories) for name in _names(path)}
    return tuple(sorted(names))


def device_of(gpu: str, names: tuple[str, ...], gpus: tuple[HostGpu, ...]) -> str:
    """The name of a GPU by its UUID. Older tools name GPUs by their number alone."""
    index = next((one.index for one in gpus if one.uuid == gpu), None)
    by_number = f"{KIND}={index}"
    by_name = f"{KIND}={gpu}"
    return by_number if by_name not in names and by_number in names else by_name


def _files(directories: tuple[Path, ...]) -> Iterator[Path]:
    for directory in directories:
        for end in ("json", "yaml"):
            yield from sorted(directory.glob(f"*.{end}"))


def _names(path: Path) -> Iterator[str]:
    found = _read(path)
    if not isinstance(found, dict) or found.get("kind") != KIND:
        return
    devices = found.get("devices")
    for device in devices if isinstance(devices, list) else ():
        if isinstance(device, dict) and device.get("name") is not None:
            yield f"{KIND}={device['name']}"


def _read(path: Path) -> Any:
    import yaml

    try:
        text = path.read_text("utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None

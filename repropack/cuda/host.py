"""The GPUs of a machine as values, from what `nvidia-smi` or NVML says.

Owns: reading their answers, a GPU's compute capability by its name. Does not own: asking them
(`engines`), or comparing a machine with a plan (`compare`). Nothing here raises.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from repropack.cuda import tables

QUERY = ("index", "uuid", "name", "driver_version", "memory.total", "compute_cap")
"""What to ask `nvidia-smi --query-gpu` for, with `--format=csv,noheader,nounits`.

Drivers before 2021-09 do not know `compute_cap`: ask again without it.
"""
MIB = 1 << 20
BRANDS = ("NVIDIA", "TESLA", "GEFORCE", "GRID")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostGpu:
    """One GPU. Empty texts and None: the driver does not say. `mig`: a slice, or cut in slices."""

    name: str
    compute_capability: str | None = None
    memory_bytes: int | None = None
    driver_version: str = ""
    mig: bool = False
    index: int | None = None
    uuid: str = ""

    def __str__(self) -> str:
        capability = self.compute_capability
        return f"{self.name} (compute capability {capability})" if capability else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine: its GPUs, and how its engine hands them to a container ("": it cannot).

    `cdi_devices` are the names in its CDI description; None when the engine does not say.
    """

    gpus: tuple[HostGpu, ...] = ()
    engine: str = "docker"
    gpu_runtime: str = ""
    cdi_devices: tuple[str, ...] | None = None


def parse_nvidia_smi(output: str) -> tuple[HostGpu, ...]:
    """The GPUs in the answer to `QUERY`, with or without its last column."""
    rows = (_row(line) for line in output.splitlines())
    return tuple(gpu for gpu in rows if gpu is not None)


def _row(line: str) -> HostGpu | None:
    fields = [field.strip() for field in line.split(",")]
    if len(fields) < 5 or not fields[0].isdecimal():
        return None
    capability = None
    if _looks_like_capability(fields[-1], fields[-3]):
        capability = said(fields.pop())
    *middle, driver, memory = fields[2:]
    name = ", ".join(middle)
    return HostGpu(
        index=int(fields[0][:9]),
        uuid=said(fields[1]) or "",
        name=name,
        driver_version=said(driver) or "",
        memory_bytes=_mebibytes(memory),
        compute_capability=capability or capability_of(name),
        mig=is_slice(name, fields[1]),
    )


def _looks_like_capability(last: str, driver: str) -> bool:
    """Whether the last column is it: then the third from the end is a driver's version."""
    return not last.isdecimal() and (bool(_VERSION.match(driver)) or said(driver) is None)


def said(field: str) -> str | None:
    """A field's value; `[N/A]`, `[Not Supported]` and an empty one are None."""
    text = field.strip()
    return None if not text or text.startswith("[") or text.upper() == "N/A" else text


def _mebibytes(text: str) -> int | None:
    digits = text.removesuffix("MiB").strip()
    return int(digits) * MIB if digits.isdecimal() and len(digits) < 12 else None


def from_nvml(
    *,
    index: int,
    uuid: str | bytes,
    name: str | bytes,
    driver_version: str | bytes,
    memory_bytes: int | None = None,
    compute_capability: tuple[int, int] | None = None,
    mig: bool = False,
) -> HostGpu:
    """One GPU from NVML's values (older bindings give bytes)."""
    label, identity = text_of(name), text_of(uuid)
    capability = ".".join(map(str, compute_capability)) if compute_capability else None
    return HostGpu(
        index=index,
        uuid=identity,
        name=label,
        driver_version=text_of(driver_version),
        memory_bytes=memory_bytes,
        compute_capability=capability or capability_of(label),
        mig=mig or is_slice(label, identity),
    )


def text_of(value: str | bytes) -> str:
    """NVML's text, whatever the binding gives."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def is_slice(name: str, uuid: str) -> bool:
    """Whether this is a MIG slice, by its name or its id."""
    return uuid.startswith("MIG-") or bool(re.search(r"\bMIG\b", name))


def capability_of(name: str) -> str | None:
    """The compute capability of a GPU by its name: the longest name of the table that is in it."""
    wanted = tokens(name)
    found = [
        (len(known), capability) for known, capability in known_names() if contains(wanted, known)
    ]
    return max(found)[1] if found else None


@functools.cache
def known_names() -> tuple[tuple[tuple[str, ...], str], ...]:
    """The table's names as words, each with its compute capability."""
    rows = tables.table("gpus")["names"].items()
    return tuple((tokens(name), capability) for capability, names in rows for name in names)


def tokens(name: str) -> tuple[str, ...]:
    """A GPU's name as upper-case words, without brands: `Tesla V100-SXM2` is V100 SXM2."""
    words = re.findall(r"[A-Z0-9.]+", name.upper())
    return tuple(word for word in words if word not in BRANDS)


def contains(words: Sequence[str], part: Sequence[str]) -> bool:
    """Whether `part` stands in `words`, word by word and in this order."""
    size = len(part)
    return size > 0 and any(
        tuple(words[start : start + size]) == tuple(part) for start in range(len(words) - size + 1)
    )

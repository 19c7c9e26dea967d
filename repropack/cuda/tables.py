"""The tables of `repropack/data/cuda/`, as frozen values, read when they are first asked for.

Owns: reading the files. Does not own: what follows from them, or whether they are right
(`tools/cuda_tables.py` checks that). Each file has `source` and `date`.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repropack.cuda.version import key, minor, public

DIRECTORY = Path(__file__).parent.parent / "data" / "cuda"
NAMES = ("conda", "drivers", "gpus", "images", "jax", "packages", "tensorflow", "torch")


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchBuild:
    """One CUDA build of a release of torch. `status` is where it is offered."""

    tag: str
    cuda: str
    status: str
    toolkit: str | None
    cudnn: str | None
    sm: tuple[str, ...]
    ptx: tuple[str, ...]
    inferred: bool

    @property
    def offered(self) -> bool:
        """Whether a wheel was seen."""
        return self.status != "unconfirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchRelease:
    """A release of torch. `default` is the tag of the build that the ordinary index has."""

    version: str
    date: str
    default: str | None
    in_wheel: bool
    aarch64_cuda: bool
    pythons: tuple[str, str]
    builds: tuple[TorchBuild, ...]

    def build(self, tag: str | None) -> TorchBuild | None:
        """The build with this tag."""
        return next((build for build in self.builds if build.tag == tag), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolkit:
    """A CUDA minor: its driver (None: NVIDIA names only the branch), what nvcc can target."""

    minor: str
    branch: int
    driver: str | None
    sm: tuple[str, ...]
    drivers: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """One tag family of NVIDIA's images: a CUDA patch version on one Ubuntu."""

    cuda: str
    minor: str
    status: str
    system: str
    flavours: tuple[str, ...]
    cudnn: str | None
    python: str
    glibc: str


@functools.cache
def table(name: str) -> dict[str, Any]:
    """A table as it stands in its file. Treat it as read-only."""
    text = (DIRECTORY / f"{name}.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def stamp(name: str) -> str:
    """How a reason names a table: its name and its date."""
    return f"{name} table of {table(name)['date']}"


def words(text: str | None) -> tuple[str, ...]:
    """A list that a table writes as one text."""
    return tuple((text or "").split())


@functools.cache
def torch_releases() -> tuple[TorchRelease, ...]:
    """All releases of torch in the table, oldest first."""
    rows = (_torch_release(version, row) for version, row in table("torch")["releases"].items())
    return tuple(sorted(rows, key=lambda release: key(release.version)))


def _torch_release(version: str, row: dict[str, Any]) -> TorchRelease:
    oldest, newest = row["python"].split("-")
    return TorchRelease(
        version=version,
        date=row["date"],
        default=row.get("default"),
        in_wheel=row["libraries"] == "wheel",
        aarch64_cuda=row.get("aarch64") == "cuda",
        pythons=(oldest, newest),
        builds=tuple(_torch_build(tag, build) for tag, build in row["builds"].items()),
    )


def _torch_build(tag: str, row: dict[str, Any]) -> TorchBuild:
    digits = tag.removeprefix("cu")
    return TorchBuild(
        tag=tag,
        cuda=f"{digits[:-1]}.{digits[-1]}",
        status=row["status"],
        toolkit=row.get("toolkit"),
        cudnn=row.get("cudnn"),
        sm=words(row.get("sm")),
        ptx=words(row.get("ptx")),
        inferred=bool(row.get("inferred")),
    )


def torch_release(version: str) -> TorchRelease | None:
    """The release of torch that a version names; a pre-release is none of the table."""
    wanted = public(version).lower()
    wanted = wanted.partition(".post")[0]
    if not wanted.replace(".", "").isdigit():
        return None
    return next((row for row in torch_releases() if key(row.version) == key(wanted)), None)


@functools.cache
def toolkits() -> tuple[Toolkit, ...]:
    """All CUDA minors, oldest first."""
    rows = (
        Toolkit(
            minor=name,
            branch=row["branch"],
            driver=row.get("driver"),
            sm=words(row["sm"]),
            drivers=tuple(row["toolkits"].items()),
        )
        for name, row in table("drivers")["minors"].items()
    )
    return tuple(sorted(rows, key=lambda toolkit: key(toolkit.minor)))


def toolkit(cuda: str) -> Toolkit | None:
    """The CUDA minor of a version such as `12.1` or `12.1.1`."""
    return next((row for row in toolkits() if row.minor == minor(cuda)), None)


@functools.cache
def images() -> tuple[ImageRow, ...]:
    """All tag families of NVIDIA's images that are not deleted."""
    systems = table("images")["systems"]
    return tuple(
        ImageRow(
            cuda=cuda,
            minor=row["minor"],
            status=row["status"],
            system=name,
            flavours=words(system["flavours"]),
            cudnn=system.get("cudnn"),
            python=systems[name]["python"],
            glibc=systems[name]["glibc"],
        )
        for cuda, row in table("images")["images"].items()
        for name, system in row.get("os", {}).items()
    )


def deleted_minors() -> frozenset[str]:
    """The CUDA minors of which NVIDIA deleted every image."""
    rows = table("images")["images"].values()
    kept = {row["minor"] for row in rows if row["status"] != "deleted"}
    return frozenset(row["minor"] for row in rows) - kept

"""What there is to build: each package with its sources, its build system and its compiler.

Owns: reading all of them, and refusing what cannot be built, before anything is. Does not own:
building (`making`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from repropack.building.cuda import asks_for_cuda, nvcc_of_build
from repropack.building.materials import Material, Store, material_of, whole
from repropack.building.ready import ready_wheel
from repropack.building.systems import BuildSystem, build_system
from repropack.cuda import Nvcc, variables_of
from repropack.environment import BuiltWheel, Kind, Origin, Requirement
from repropack.plan import Plan
from repropack.workshop import Workshop


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One package to build."""

    item: Requirement
    origin: Origin
    material: Material
    system: BuildSystem
    store: Store
    workshop: Workshop
    as_of: datetime | None
    nvcc: Nvcc | None
    settings: tuple[tuple[str, str], ...]

    @property
    def editable(self) -> bool:
        """Directories of the project are installed where they stand."""
        return self.origin.kind is Kind.DIRECTORY

    @property
    def label(self) -> str:
        """The package in messages."""
        return f"{self.item.where}: {self.item} ({self.origin})"


def ready_of(item: Requirement, store: Store) -> BuiltWheel:
    """A wheel that lies in the project."""
    assert item.origin is not None, "the lock says so"
    return ready_wheel(item, item.origin, store)


def job_of(
    item: Requirement,
    store: Store,
    workshop: Workshop,
    as_of: datetime | None,
    plan: Plan | None,
    all_files: bool,
) -> Job | None:
    """What has to be built; None for a wheel that lies in the project. Raises `PlanError`.

    Without a plan nothing is compiled for CUDA: what is built then tells of itself, and never runs.
    """
    origin = item.origin
    assert origin is not None, "the lock says so"
    if origin.kind is Kind.FILE and origin.path.endswith(".whl"):
        return None
    material = material_of(item, origin, store)
    system = build_system(material.read, f"{item.where}: {material.label}")
    nvcc = None
    if plan is not None and asks_for_cuda(material, item):
        nvcc = nvcc_of_build(f"{item.where}: {item}", plan.cuda_base.nvcc, workshop)
    if origin.kind is Kind.DIRECTORY and (system.compiles or nvcc or all_files):
        material = whole(material, store.source)
    settings = variables_of(plan.cuda, plan.cuda_base) if plan and nvcc else ()
    return Job(
        item=item, origin=origin, material=material, system=system,
        store=store, workshop=workshop, as_of=as_of, nvcc=nvcc,
        settings=tuple((s.name, s.value) for s in settings if s.build_only),
    )  # fmt: skip

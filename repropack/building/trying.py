"""One try of a build: the files of it, in a container of the base, and what came of it.

Owns: the directory that a build gets, and the base with a compiler. Does not own: what is tried
next (`making`), what happens inside (`worker`).
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from repropack.building.cuda import cuda_builder
from repropack.building.materials import Material, bring
from repropack.building.systems import BuildSystem
from repropack.cuda import Nvcc
from repropack.engines import Image, WorkOrder
from repropack.engines.base import provide_base
from repropack.engines.venv_build import uv_program
from repropack.environment import Wheel, place, tools, wheel_path
from repropack.source import Source
from repropack.workshop import Workshop

#: Debian packages that make a base one that can compile.
COMPILERS = ("build-essential", "pkg-config")
HEADERS = ("python3-dev",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """With what a build is tried. `settled`: what the backend asks for was brought already.

    `nvcc` compiles CUDA code with these parts of the toolkit besides those that it always has.
    """

    requires: tuple[str, ...]
    as_of: datetime | None
    compiler: bool
    settled: bool = False
    nvcc: Nvcc | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a try ended, and what it said."""

    exit_code: int
    said: str


def attempt(
    material: Material,
    system: BuildSystem,
    chosen: Try,
    wheels: tuple[Wheel, ...],
    workshop: Workshop,
    *,
    source: Source,
    directory: Path,
    log: Path,
    name: str,
    version: str,
    editable: bool,
    settings: dict[str, str],
) -> Outcome:
    """Build once; what is made lies in `directory/out`. `settings` are variables of its own.

    Raises `BuildError` for the engine's own failures.
    """
    root = directory / "root"
    (root / "build" / "out").mkdir(parents=True)
    cache = workshop.settings.cache
    place(wheels, cache, root / "build" / "wheels")
    worker = Path(__file__).with_name("worker.py")
    shutil.copyfile(worker, root / "build" / "worker.py")
    order = {
        "archive": bring(material, source, root),
        "subdirectory": material.path,
        "editable": editable,
        "backend": system.backend,
        "backend_path": list(system.backend_path),
        "settled": chosen.settled,
        "time_s": material.time_s,
        "python": workshop.target.minor,
        "variables": variables(material, name, version) | settings,
        "cuda": cuda_home(chosen),
        **installer(workshop, root, needed=bool(wheels)),
    }
    (root / "build" / "order.json").write_text(json.dumps(order), "utf-8")
    start = log.stat().st_size if log.exists() else 0
    work = WorkOrder(
        image=None if workshop.base is None else image_of(chosen, workshop),
        name=f"building {name}",
        directory=root,
        python=f"python{workshop.target.minor}",
        script="build/worker.py",
        out="build/out",
        result=directory / "out",
        log=log,
    )
    result = workshop.engine.work(work, workshop.reporter.detail)
    with log.open("rb") as stream:
        stream.seek(start)
        said = stream.read().decode("utf-8", "replace")
    return Outcome(exit_code=result.exit_code, said=said)


def installer(workshop: Workshop, root: Path, *, needed: bool) -> dict[str, str]:
    """uv: the pinned one inside a container, this machine's own without one."""
    if workshop.base is None:
        return {"uv": "", "uv_program": uv_program() or "uv"}
    if not needed:
        return {"uv": "", "uv_program": ""}
    cache, detail = workshop.settings.cache, workshop.reporter.detail
    uv = next(t for t in tools(cache, workshop.target, detail) if t.name == "uv")
    shutil.copyfile(wheel_path(cache, uv), root / "build" / uv.filename)
    return {"uv": uv.filename, "uv_program": ""}


def variables(material: Material, name: str, version: str) -> dict[str, str]:
    """What the build finds in its environment: a fixed time, and the version that git would say."""
    told = version or material.version
    fixed = {
        "SOURCE_DATE_EPOCH": str(material.time_s),
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    if not told:
        return fixed
    key = re.sub(r"[-_.]+", "_", name).upper()
    return fixed | {
        f"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{key}": told,
        "SETUPTOOLS_SCM_PRETEND_VERSION": told,
        "PDM_BUILD_SCM_VERSION": told,
        "POETRY_DYNAMIC_VERSIONING_BYPASS": told,
        "PBR_VERSION": told,
    }


def cuda_home(chosen: Try) -> str:
    """Where nvcc is: a directory, `packages` (among those that are installed), or ""."""
    if chosen.nvcc is None:
        return ""
    return "packages" if chosen.nvcc.requires else "/usr/local/cuda"


def image_of(chosen: Try, workshop: Workshop) -> Image:
    """The base, the one with a compiler, or the one with nvcc too."""
    assert workshop.base is not None, "there is one"
    if not chosen.compiler:
        return workshop.base
    base = compiler_base(workshop, chosen.nvcc.apt if chosen.nvcc else ())
    if chosen.nvcc is None or chosen.nvcc.image is None:
        return base
    return cuda_builder(base, chosen.nvcc, workshop)


def compiler_base(workshop: Workshop, apt: tuple[str, ...] = ()) -> Image:
    """The base with a compiler: the same one, and what building needs on top.

    Debian's Python compiles for each patch version of its minor one.
    """
    spec = replace(workshop.spec, exact="")
    spec = spec if spec.is_debians else workshop.spec
    own = (*COMPILERS, *apt, *(HEADERS if spec.is_debians else ()))  # uv's bring their headers
    wanted = replace(spec, apt=tuple(sorted({*spec.apt, *own})))
    cache, detail = workshop.settings.cache, workshop.reporter.detail
    return provide_base(workshop.engine, wanted, allow_pull=False, progress=detail, cache=cache)

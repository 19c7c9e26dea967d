"""Whether this machine can build and run: a list of checks, each with the fix."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from repropack.cuda import HostGpu
from repropack.cuda.compare import handover
from repropack.cuda.drivers import newest_cuda
from repropack.engines import EngineFacts, choose, host_of
from repropack.errors import NoEngineError
from repropack.findings import Severity

LITTLE_DISK_BYTES = 10 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `needed`: nothing can be built or run without it."""

    name: str
    ok: bool
    value: str
    hint: str | None = None
    needed: bool = False

    @property
    def mark(self) -> str:
        """`ok`, `--` for something that is only missed sometimes, `no` for what is needed."""
        return "ok" if self.ok else ("no" if self.needed else "--")

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def examine(engine: str | None, *, builder: str, cache: Path) -> tuple[Check, ...]:
    """Look at everything; never raises for something that is missing."""
    try:
        chosen = choose(engine, builder=builder)
        facts = chosen.check()
    except NoEngineError as error:
        return (
            Check(name="engine", ok=False, value=error.what, hint=error.hint, needed=True),
            *tools(),
            disk(cache, None),
        )
    return (*about_engine(facts), *tools(), disk(cache, facts.disk_free_bytes))


def about_engine(facts: EngineFacts) -> Iterator[Check]:
    """What the engine says of itself."""
    value = " ".join(part for part in (facts.name, facts.version, facts.endpoint) if part)
    yield Check(name="engine", ok=True, value=value, needed=True)
    if facts.builder:
        yield Check(name="builder", ok=True, value=facts.builder)
    if facts.cpus and facts.memory_bytes:
        yield Check(
            name="machine", ok=True, value=f"{facts.cpus} CPUs, {facts.memory_bytes / 1e9:.1f} GB"
        )
    yield gpu(facts)


def gpu(facts: EngineFacts) -> Check:
    """The GPU, and whether the engine can hand it to a container."""
    if not facts.gpus:
        return Check(name="gpu", ok=False, value="none (only needed by experiments with a GPU)")
    names = ", ".join(describe(one) for one in facts.gpus)
    problem = next(handover(host_of(facts), Severity.WARNING), None)
    if problem is None:
        return Check(name="gpu", ok=True, value=f"{names} ({facts.gpu_runtime or 'no container'})")
    return Check(name="gpu", ok=False, value=f"{names}, but {problem.what}", hint=problem.fix)


def describe(one: HostGpu) -> str:
    """A GPU with its compute capability, its driver, and the newest CUDA of that driver."""
    cuda = newest_cuda(one.driver_version)
    driver = f", driver {one.driver_version}" if one.driver_version else ", driver unknown"
    return f"{one}{driver}" + (f" (CUDA up to {cuda})" if cuda else "")


def tools() -> Iterator[Check]:
    """The programs that are started."""
    git = shutil.which("git")
    yield Check(
        name="git",
        ok=git is not None,
        value=git or "not found",
        hint=None if git else "apt-get install git",
        needed=True,
    )
    bootstrap = shutil.which("mmdebstrap") or shutil.which("debootstrap")
    yield Check(
        name="bootstrap",
        ok=bootstrap is not None,
        value=bootstrap or "not found (only needed when no registry answers)",
        hint=None if bootstrap else "apt-get install mmdebstrap",
    )


def disk(cache: Path, engine_bytes: int | None) -> Check:
    """The room for images and for the cache of wheels."""
    place = next(path for path in (cache, *cache.parents) if path.exists())
    free = shutil.disk_usage(place).free
    least = free if engine_bytes is None else min(free, engine_bytes)
    return Check(
        name="disk",
        ok=least >= LITTLE_DISK_BYTES,
        value=f"{least / 1e9:.0f} GB free",
        hint=None if least >= LITTLE_DISK_BYTES else "an image with CUDA needs about 10 GB",
    )

"""Which build of the same framework would run on a given GPU and driver, nearest to the locked one.

Owns: the search through the tables. Does not own: the messages (`compare`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from repropack.cuda import tables
from repropack.cuda.drivers import driver_for, is_at_least
from repropack.cuda.jax import code_of, oldest
from repropack.cuda.jax import coverage_of as jax_coverage
from repropack.cuda.model import Build, Coverage, Match
from repropack.cuda.tables import TorchBuild, TorchRelease
from repropack.cuda.tensorflow import coverage_of as tensorflow_coverage
from repropack.cuda.torch import coverage_of as torch_coverage
from repropack.cuda.version import key, minor, public, release

FIRST_CUDA13_JAX = "0.7.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a build must run on. None: not known, so anything does."""

    capability: str | None
    driver: str | None
    python: str | None = None

    def allows(self, cuda: str, coverage: Coverage | None, toolkit: str | None = None) -> bool:
        """Whether a build of this CUDA with this coverage runs."""
        match = Match.MACHINE_CODE
        if self.capability is not None and coverage is not None:
            match = coverage.match(self.capability)
        needed = driver_for(cuda, toolkit=toolkit, match=match)
        if match is Match.NONE:
            return False
        return self.driver is None or needed is None or is_at_least(self.driver, needed.value)


def nearest(build: Build, want: Want) -> str | None:
    """What to lock instead of a build, as the user would write it; None when nothing runs."""
    if build.package in ("torch", "pytorch"):
        return nearest_torch(build, want)
    if build.package.startswith("tensorflow"):
        return nearest_tensorflow(build, want)
    if build.package.startswith("jax"):
        return nearest_jax(build, want)
    return None


def nearest_torch(build: Build, want: Want) -> str | None:
    """Another build of the same release first, then the nearest release."""
    releases = tables.torch_releases()
    place = place_of(build.version, releases)
    fitting = [
        (abs(index - place), index, row, option)
        for index, row in enumerate(releases)
        for option in row.builds
        if option.offered and option.sm and (index != place or option.tag != build.tag)
        if want.allows(option.cuda, torch_coverage(option), option.toolkit)
        if want.python is None or has_python(row, want.python)
    ]
    if not fitting:
        return None
    _, _, row, option = min(
        fitting, key=lambda found: (found[0], found[1], *taste(found[2], found[3], build))
    )
    return torch_text(row, option)


def place_of(version: str, releases: tuple[TorchRelease, ...]) -> int:
    """Where a version stands among the table's releases; a newer one after all of them."""
    older = [row for row in releases if key(row.version) <= key(public(version))]
    known = bool(older) and key(older[-1].version) == key(public(version))
    return len(older) - 1 if known else len(older)


def has_python(row: TorchRelease, python: str) -> bool:
    """Whether a release has wheels for a Python minor."""
    first, last = row.pythons
    return key(first) <= key(python) <= key(last)


def taste(row: TorchRelease, option: TorchBuild, build: Build) -> tuple[object, ...]:
    """Among builds of one release: the index's own, those that are stable, the nearest CUDA."""
    have, other = ((*release(cuda), 0, 0) for cuda in (build.cuda or "0.0", option.cuda))
    distance = abs((have[0] - other[0]) * 100 + have[1] - other[1])
    return (option.tag != row.default, option.status != "stable", distance, option.tag)


def torch_text(row: TorchRelease, option: TorchBuild) -> str:
    """How a build of torch is asked for."""
    if option.tag == row.default:
        return f"torch=={row.version} (CUDA {option.cuda}, from the package index)"
    path = f"/whl/lts/1.8/{option.tag}" if option.status == "lts" else f"/whl/{option.tag}"
    return f"torch=={row.version}+{option.tag} (from PyTorch's index, path {path})"


def nearest_tensorflow(build: Build, want: Want) -> str | None:
    """The nearest minor version of TensorFlow that runs."""
    rows = tables.table("tensorflow")["tested"]
    names = sorted(rows, key=key)
    here = sum(key(name) < key(minor(build.version) or "") for name in names)
    fitting = [
        (abs(index - here), index)
        for index, name in enumerate(names)
        if index != here and want.allows(rows[name]["cuda"], tensorflow_coverage(name))
    ]
    if not fitting:
        return None
    row = rows[names[min(fitting)[1]]]
    return f"{row['package']}=={tables.words(row['versions'])[-1]} (CUDA {row['cuda']})"


def nearest_jax(build: Build, want: Want) -> str | None:
    """The same JAX with the other CUDA major."""
    version = public(build.version)
    for cuda, coverage in jax_options(version):
        if not (build.cuda or "").startswith(cuda) and want.allows(cuda, coverage):
            return f"jax[cuda{cuda}]=={version}"
    return None


def jax_options(version: str) -> Iterator[tuple[str, Coverage | None]]:
    """The CUDA majors for which a JAX has a plugin."""
    majors = ("12", "13") if key(version) >= key(FIRST_CUDA13_JAX) else ("12",)
    for cuda in majors:
        yield cuda, jax_coverage(code_of(f"cuda{cuda}", version)) or oldest(cuda)

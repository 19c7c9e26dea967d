"""Which CUDA a lock's JAX has: the plugin's, or that of a jaxlib with a local version.

Owns: jaxlib and its plugins. `jax` itself says nothing; jaxlib without either is a CPU build.
"""

from __future__ import annotations

import re
from typing import Any

from repropack.cuda import tables
from repropack.cuda.evidence import has_packages, local_of
from repropack.cuda.model import Build, Coverage, Evidence, Libraries, Strength, pinned
from repropack.cuda.torch import Reading
from repropack.cuda.version import cuda_of_tag, key, major, public
from repropack.environment import Lock, Requirement, normalise
from repropack.findings import Finding, Severity

PLUGIN = re.compile(r"jax-cuda(\d{2})-plugin$")
PARTS = re.compile(r"jax-cuda(\d{2})-(?:plugin|pjrt)$")


def read_jaxlib(requirement: Requirement, lock: Lock) -> Reading:
    """jaxlib: with CUDA in a local version, through a plugin beside it, or for CPUs."""
    text = local_of(requirement)
    cuda = cuda_of_tag(text) if text else None
    if cuda is not None:
        return monolithic(requirement, lock, text, cuda)
    if any(PARTS.match(normalise(item.name)) for item in lock.requirements):
        return Reading()
    return Reading(cpu=f"{pinned(requirement)}, without a CUDA plugin")


def monolithic(requirement: Requirement, lock: Lock, text: str, cuda: str) -> Reading:
    """A jaxlib that carries its CUDA code and takes the libraries from elsewhere."""
    row = tables.table("jax")["local"].get(text, {})
    code = code_of("any", requirement.version)
    return Reading(
        build=Build(
            package="jaxlib",
            version=requirement.version,
            cuda=row.get("cuda", cuda),
            cudnn=row.get("cudnn"),
            because=pinned(requirement),
            coverage=coverage_of(code),
            libraries=Libraries.LOCK if has_packages(lock, cuda) else Libraries.IMAGE,
            where=requirement.where,
        )
    )


def image_minor(build: Build) -> str | None:
    """The CUDA minor whose image fits a jaxlib that names only the major version."""
    row = tables.table("jax")["local"].get(build.version.partition("+")[2], {})
    found: str | None = row.get("image", row.get("cuda"))
    return found


def read_plugin(requirement: Requirement, lock: Lock) -> Reading:
    """A plugin: its CUDA major is in its name, its minor is that of its build files."""
    match = PLUGIN.match(normalise(requirement.name))
    cuda = match.group(1) if match else ""
    code = code_of(f"cuda{cuda}", requirement.version)
    built = code.get("cuda")
    because = f"{pinned(requirement)}: built with it, by the {tables.stamp('jax')}"
    evidence = Evidence(
        strength=Strength.TABLE,
        cuda=built or cuda,
        because=because,
        package=str(requirement),
        where=requirement.where,
    )
    return Reading(
        build=Build(
            package=normalise(requirement.name),
            version=requirement.version,
            cuda=built or cuda,
            cudnn=code.get("cudnn"),
            because=because if built else pinned(requirement),
            coverage=coverage_of(code) or oldest(cuda),
            libraries=Libraries.LOCK if has_packages(lock, cuda) else Libraries.IMAGE,
            where=requirement.where,
        ),
        evidence=(evidence,) if built else (),
        findings=() if code else (not_in_table(requirement),),
    )


def code_of(plugin: str, version: str) -> dict[str, Any]:
    """The row of the table for a plugin's version; {} for one that is newer than the table."""
    rows = [row for row in tables.table("jax")["builds"] if row["plugin"] in (plugin, "any")]
    wanted = key(public(version))
    older = [row for row in rows if key(row["first"]) <= wanted]
    if not older or wanted > max(key(row["last"]) for row in rows):
        return {}
    row: dict[str, Any] = max(older, key=lambda row: (key(row["first"]), row["plugin"] == plugin))
    return row


def coverage_of(code: dict[str, Any]) -> Coverage | None:
    """The compute capabilities of a row."""
    if not code:
        return None
    because = f"jaxlib {code['first']} to {code['last']}, by the {tables.stamp('jax')}"
    return Coverage(sm=tables.words(code["sm"]), ptx=tables.words(code["ptx"]), because=because)


def oldest(cuda: str) -> Coverage | None:
    """What JAX's installation page says of a CUDA major."""
    found = tables.table("jax")["oldest"].get(major(cuda))
    because = f"JAX's installation page, by the {tables.stamp('jax')}"
    return None if found is None else Coverage(oldest=found, because=because)


def not_in_table(requirement: Requirement) -> Finding:
    """A plugin whose build files were not looked at."""
    return Finding(
        kind="cuda.not-in-table",
        value=str(requirement),
        because=f"the {tables.stamp('jax')} does not have it: the CUDA minor is that of the locked "
        "nvidia-* packages, the GPUs that it covers are those of JAX's installation page",
        where=requirement.where,
        severity=Severity.INFO,
    )

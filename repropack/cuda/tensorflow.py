"""Which CUDA a lock's TensorFlow wants, and where it gets it from.

Owns: TensorFlow. Its wheels never carry CUDA: up to 2.13 it comes from the image, later from the
nvidia-* packages of the extra `and-cuda`, or from the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from repropack.cuda import tables
from repropack.cuda.evidence import has_packages
from repropack.cuda.model import Build, Coverage, Evidence, Libraries, Strength, pinned
from repropack.cuda.torch import Reading
from repropack.cuda.version import key, minor, public
from repropack.environment import Lock, Requirement, normalise
from repropack.findings import Finding, Severity

NAMES = ("tensorflow", "tensorflow-gpu", "tf-nightly", "tf-nightly-gpu")


def read_tensorflow(requirement: Requirement, lock: Lock) -> Reading:
    """What one locked TensorFlow says; `tensorflow` without GPU support (1.x, 2.0) is CPU."""
    row = tested(requirement)
    if row is None:
        return unknown(requirement)
    name = normalise(requirement.name)
    if row["package"] == "tensorflow-gpu" and name == "tensorflow":
        return Reading(cpu=f"{pinned(requirement)}: until 2.0 only tensorflow-gpu uses a GPU")
    extra = uses_extra(requirement, row, lock)
    because = f"{pinned(requirement)}: tested with it, by the {tables.stamp('tensorflow')}"
    return Reading(
        build=Build(
            package=name,
            version=requirement.version,
            cuda=row["cuda"],
            cudnn=row["cudnn"],
            because=because,
            coverage=coverage_of(requirement.version),
            libraries=Libraries.LOCK if extra else Libraries.IMAGE,
            where=requirement.where,
        ),
        evidence=(
            Evidence(
                strength=Strength.TABLE,
                cuda=row["cuda"],
                because=because,
                package=str(requirement),
                where=requirement.where,
            ),
        ),
        findings=tuple(known_bugs(requirement)) if extra else (),
    )


def tested(requirement: Requirement) -> dict[str, Any] | None:
    """The tested configuration of this version's minor."""
    if normalise(requirement.name).startswith("tf-nightly"):
        return None
    row: dict[str, Any] | None = tables.table("tensorflow")["tested"].get(
        minor(public(requirement.version))
    )
    return row


def uses_extra(requirement: Requirement, row: dict[str, Any], lock: Lock) -> bool:
    """Whether the lock has what the extra `and-cuda` installs."""
    first = tables.table("tensorflow")["first_extra"]
    has_extra = key(requirement.version) >= key(first)
    return has_extra and has_packages(lock, row["cuda"])


def coverage_of(version: str) -> Coverage:
    """From which compute capability on TensorFlow has code; newer GPUs go through PTX."""
    rows = tables.table("tensorflow")["oldest"]
    fitting = [row for row in rows if key(version) >= key(row["from"])]
    row = (fitting or rows)[-1 if fitting else 0]
    doubt = ", inferred" if row.get("inferred") else ""
    return Coverage(oldest=row["cc"], because=f"by the {tables.stamp('tensorflow')}{doubt}")


def known_bugs(requirement: Requirement) -> Iterator[Finding]:
    """What is known to be wrong with the extra `and-cuda` of one version."""
    row = tables.table("tensorflow")["and_cuda"].get(public(requirement.version), {})
    for what in ("broken", "bug"):
        if what in row:
            yield Finding(
                kind="cuda.known-bug",
                value=str(requirement),
                because=f"tensorflow[and-cuda]: {row[what]}",
                where=requirement.where,
                severity=Severity.WARNING if what == "bug" else Severity.INFO,
            )


def needs_library_path(build: Build) -> bool:
    """Whether this build finds the nvidia-* packages only through LD_LIBRARY_PATH."""
    rows = tables.table("tensorflow")["and_cuda"]
    bug = "bug" in rows.get(public(build.version), {})
    return bug and build.package == "tensorflow" and build.libraries is Libraries.LOCK


def unknown(requirement: Requirement) -> Reading:
    """TensorFlow that is not in the table."""
    newest = max(tables.table("tensorflow")["tested"], key=key)
    what = f"the {tables.stamp('tensorflow')} ends with {newest} and does not have {requirement}"
    return Reading(
        unknown=what,
        findings=(
            Finding(
                kind="cuda.not-in-table",
                value=str(requirement),
                because=f"{what}: its CUDA is known only if nvidia-* packages are locked beside it",
                where=requirement.where,
                severity=Severity.WARNING,
            ),
        ),
    )

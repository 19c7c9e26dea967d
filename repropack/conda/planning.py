"""What a conda environment decides of the image: its Python, its variables, the base beneath it.

Pure. Does not own: every other decision (`plan`).
"""

from __future__ import annotations

from repropack.environment import Lock
from repropack.findings import Choice, Finding, Severity
from repropack.formats import Format

PREFIX = "/opt/env"
BENEATH = "3.11"  # the Python of the default base; rattler needs 3.10 or newer
#: Those of the image's own: an environment.yml does not change them.
_RESERVED = frozenset(("PATH", "HOME", "CONDA_PREFIX", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE"))


def beneath(format: Format) -> Choice | None:
    """The base's own Python where conda's lies above it: it installs, and does nothing else."""
    if not format.is_conda:
        return None
    because = "the environment's Python is conda's; this one only installs it"
    return Choice(value=BENEATH, because=because)


def python_of(lock: Lock) -> Choice | None:
    """The environment's Python where conda brings it."""
    if lock.conda is None:
        return None
    package = next(package for package in lock.conda.packages if package.name == "python")
    where = f" in {package.where}" if package.where else ""
    return Choice(value=package.version, because=f"{package}{where}: conda installs it")


def variables(lock: Lock) -> tuple[tuple[str, str, str], ...]:
    """Name, value and reason of what conda sets, and of what the author's file sets."""
    if lock.conda is None:
        return ()
    because = "what `conda activate` sets: packages look for their own files there"
    rows = [("CONDA_PREFIX", PREFIX, because)]
    rows += [
        (name, value, f"`variables:` in {lock.origin}")
        for name, value in lock.conda.variables
        if name.isidentifier() and name not in _RESERVED and value.isprintable()
    ]
    return tuple(rows)


def doubts(lock: Lock, asked: Choice | None) -> tuple[Finding, ...]:
    """A Python that something else asks for, and that is not the one in the environment."""
    if lock.conda is None or asked is None:
        return ()
    minor = ".".join(asked.value.split(".")[:2])
    if minor == lock.conda.minor:
        return ()
    because = f"{lock.origin} has Python {lock.conda.python}, and that is used: {asked.because}"
    return (
        Finding(
            kind="python.conflict", value=asked.value, because=because, severity=Severity.WARNING
        ),
    )

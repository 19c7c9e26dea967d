"""What in one lock contradicts itself about CUDA.

Owns: the findings. Does not own: which evidence decides (`deciding`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from repropack.cuda.evidence import cudnn_pin
from repropack.cuda.model import Evidence, Strength
from repropack.cuda.version import key, major, minor
from repropack.environment import Lock
from repropack.findings import Finding, Severity

BUILDS = (Strength.LOCAL, Strength.INDEX, Strength.CONDA)


def conflicts(evidence: Sequence[Evidence], lock: Lock) -> Iterator[Finding]:
    """Two CUDA majors in one environment, two CUDA minors among builds, two cuDNN versions."""
    first = evidence[0]
    majors = {major(sign.cuda): sign for sign in reversed(evidence)}
    others = [sign for name, sign in sorted(majors.items()) if name != major(first.cuda)]
    for other in others:
        yield _finding(
            first,
            other,
            "two CUDA majors in one environment: only one can be right "
            "for each library, and a GPU needs the driver of the newer one",
        )
    if not others:
        yield from _minors(evidence)
    yield from _cudnn(lock)


def _minors(evidence: Sequence[Evidence]) -> Iterator[Finding]:
    """Builds for different minors, such as torch for cu118 beside torchvision for cu121."""
    builds = [sign for sign in evidence if sign.strength in BUILDS and minor(sign.cuda)]
    for other in builds[1:]:
        if other.cuda != builds[0].cuda:
            yield _finding(builds[0], other, "builds for different CUDA versions")
            return


def _finding(first: Evidence, other: Evidence, what: str) -> Finding:
    return Finding(
        kind="cuda.conflict",
        value=f"CUDA {first.cuda} and {other.cuda}",
        because=f"{what}: {first.because} says {first.cuda}, {other.because} says {other.cuda}",
        where=other.where or first.where,
        severity=Severity.WARNING,
    )


def _cudnn(lock: Lock) -> Iterator[Finding]:
    """cuDNN for two CUDA majors: both wheels write the same files."""
    pins = {pin.name: pin for cuda in ("11", "12", "13") if (pin := cudnn_pin(lock, cuda))}
    if len(pins) > 1:
        ordered = sorted(pins.values(), key=lambda pin: key(pin.version))
        yield Finding(
            kind="cuda.conflict",
            value=" and ".join(str(pin) for pin in ordered),
            because="both packages install nvidia/cudnn: the one that is installed last wins",
            where=ordered[0].where,
            severity=Severity.WARNING,
        )

"""Detectors: each reads one kind of fact from a source, and nothing is ever executed.

Owns: which detectors there are and their order. Does not own: what follows (`inspection`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from repropack.detectors import (
    compiling,
    conda,
    data,
    dependencies,
    disagreement,
    gpu,
    oddities,
    opened,
    python,
    randomness,
    rooted,
    scripts,
    staleness,
    system,
)
from repropack.detectors.reading import Readable, Reading
from repropack.findings import Finding

__all__ = ["DETECTORS", "Readable", "Reading", "detect"]

DETECTORS: Final[tuple[Callable[[Reading], tuple[Finding, ...]], ...]] = (
    python.detect,
    dependencies.detect,
    conda.detect,
    staleness.detect,
    disagreement.detect,
    oddities.detect,
    system.detect,
    rooted.detect,
    gpu.detect,
    compiling.detect,
    scripts.detect,
    data.detect,
    opened.detect,
    randomness.detect,
)


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return every detector's findings, in order, then what could not be read."""
    found = [finding for detector in DETECTORS for finding in detector(reading)]
    return (*found, *reading.findings())

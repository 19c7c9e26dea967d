"""What the project's code shows of compiling, for the choice of the base.

Owns: findings → signals. Does not own: reading the code (`detectors.compiling`).
"""

from __future__ import annotations

from collections.abc import Iterable

from repropack.cuda.base import Signal
from repropack.detectors.compiling import COMPILES, LOADS
from repropack.findings import Finding

KINDS = {LOADS: Signal.LOADED_EXTENSION, COMPILES: Signal.COMPILES}


def signals_of(findings: Iterable[Finding]) -> tuple[tuple[Signal, str], ...]:
    """Each signal with the first place that shows it."""
    found: dict[Signal, str] = {}
    for finding in findings:
        if finding.kind in KINDS:
            found.setdefault(KINDS[finding.kind], f"{finding.value} in {finding.where}")
    return tuple(found.items())

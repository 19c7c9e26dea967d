"""Findings: single facts read from a source, each with the place it was read from."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.Enum):
    """How much a finding matters: `problem` stops a build, `warning` is worth the author's eye."""

    INFO = "info"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A place in the source: a POSIX path relative to its root, and a 1-based line."""

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact. `kind` is a dotted name such as `python.requires`, `value` is the fact as text."""

    kind: str
    value: str
    because: str
    where: Where | None = None
    severity: Severity = Severity.INFO

    def to_json(self) -> dict[str, str | None]:
        """A finding as `--json` and the manifest show it."""
        return {
            "kind": self.kind,
            "value": self.value,
            "severity": self.severity.value,
            "where": str(self.where) if self.where else None,
            "because": self.because,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One decision with its reason, e.g. `Choice(value="3.11", because="requires-python …")`."""

    value: str
    because: str

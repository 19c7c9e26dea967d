"""What a check found out: what differs, and how sure it is where not everything was read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from repropack.footprint.model import TOLD, shown


class How(StrEnum):
    """How much of the data a check reads."""

    QUICK = "quick"
    DEEP = "deep"
    SAMPLED = "sampled"


@dataclass(slots=True)
class Kind:
    """How many files differ in one way, and the first of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, path: bytes, why: str = "") -> None:
        """One more."""
        self.count += 1
        if len(self.first) < TOLD:
            self.first.append(f"{shown(path)} ({why})" if why else shown(path))

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {"count": self.count, "first": self.first}


@dataclass(slots=True, kw_only=True)
class Checked:
    """What a check found out. `hashed` is how many files were read, `retimed` how many of them
    because their time alone had changed."""

    how: How
    format: str
    n_files: int = 0
    n_bytes: int = 0
    hashed: int = 0
    retimed: int = 0
    added: Kind = field(default_factory=Kind)
    removed: Kind = field(default_factory=Kind)
    changed: Kind = field(default_factory=Kind)
    unreadable: Kind = field(default_factory=Kind)
    seed: int | None = None
    notes: tuple[str, ...] = ()
    empty: list[bytes] = field(default_factory=list)

    @property
    def kinds(self) -> tuple[tuple[str, Kind], ...]:
        """The ways in which files can differ."""
        return (
            ("added", self.added),
            ("removed", self.removed),
            ("changed", self.changed),
            ("unreadable", self.unreadable),
        )

    @property
    def same(self) -> bool:
        """Whether nothing differs, as far as was looked."""
        return not any(kind.count for _, kind in self.kinds)

    def told(self) -> list[str]:
        """The differences for a person: of each kind how many, and the first of them."""
        lines = []
        for name, kind in self.kinds:
            if kind.count:
                lines.append(f"{name}: {kind.count}")
                lines += [f"  {path}" for path in kind.first]
                if kind.count > len(kind.first):
                    lines.append(f"  … and {kind.count - len(kind.first)} more")
        return lines

    def caught(self, rate: float) -> float:
        """The probability that the hashed files would have shown a corruption of this rate."""
        return chance(self.n_files, max(1, math.ceil(rate * self.n_files)), self.hashed)


def chance(n_files: int, n_bad: int, n_read: int) -> float:
    """The probability of at least one bad file among those read, drawn without repetition."""
    if n_read <= 0 or n_bad <= 0:
        return 0.0
    if n_read + n_bad > n_files:
        return 1.0
    missed = (
        math.lgamma(n_files - n_bad + 1)
        - math.lgamma(n_files - n_bad - n_read + 1)
        - math.lgamma(n_files + 1)
        + math.lgamma(n_files - n_read + 1)
    )
    return -math.expm1(missed)

"""What a report shows: a verification with its runs, curves, samples, pictures and environment.

Owns: the values. Does not own: where they come from (`verification`), what they look like.
"""

from __future__ import annotations

from dataclasses import dataclass

from repropack.judge.assessment import Assessment
from repropack.judge.seen import Dataset
from repropack.judge.verdict import RECORDED

Pairs = tuple[tuple[str, str], ...]
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The history of a metric in one run: (x, value), by rising x. `axis` is what x counts."""

    metric: str
    points: Points
    axis: str = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """One quantity over the time of a run: (seconds, value). The unit is part of the name."""

    name: str
    points: Points


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image that a run wrote, or (`because`) why the report does not hold it."""

    run_id: str
    path: str
    media_type: str = ""
    data: bytes = b""
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run with everything that its record says of it. Numbers that nobody measured are None."""

    id: str
    experiment: str
    status: str = "ok"
    reason: str = ""
    seed: int | None = None
    params: Pairs = ()
    command: str = ""
    exit_code: int | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None
    gpu: str = "none"
    log: str = ""
    tail: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    metrics: tuple[tuple[str, float], ...] = ()
    curves: tuple[Curve, ...] = ()
    samples: tuple[Samples, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the run did not end as it should."""
        return self.status not in ("ok", RECORDED)

    @property
    def cell(self) -> str:
        """The run's place in the matrix: `attention=eca, depth=18`."""
        return ", ".join(f"{name}={value}" for name, value in self.params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of the environment, such as the libraries: names and values, in their order."""

    name: str
    items: Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """A run that was done twice: which outputs and metrics are the same, and which are not."""

    run_id: str
    same: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A verification as it lies on disk. `author` is the one that the bundle's author did.

    `bundle` is where the bundle was, `image` the tag that its runs used; "" where nobody knows.
    """

    assessment: Assessment
    runs: tuple[Run, ...] = ()
    layers: tuple[Layer, ...] = ()
    pictures: tuple[Picture, ...] = ()
    repetitions: tuple[Repetition, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    commit: str = ""
    bundle: str = ""
    image: str = ""
    engine: str = ""
    directory: str = ""
    author: Verification | None = None

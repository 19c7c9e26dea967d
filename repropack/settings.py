"""What the options of a command ask for, and what `build` and `verify` give back."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repropack.archives import PART_BYTES, Archive
from repropack.bundle import Bundle
from repropack.engines import Engine, EngineFacts, Image
from repropack.judge.model import Tolerance

if TYPE_CHECKING:
    from repropack.environment import AsOf
    from repropack.judge.assessment import Assessment


def agreed(question: str) -> bool:
    """The answer where nobody is asked."""
    return bool(question)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options that `build` and `verify` share. `base` is `auto` or `bootstrap`.

    `infer` adds what the code imports and no manifest declares. `as_of` is the moment as of which
    an unlocked project is resolved (None: its commit's). `results` is the author's verification,
    which goes into the bundle. `sign` is the SSH key to sign with, `trust` names those whose
    signature a bundle must have. `anonymous` leaves out who made it, and looks for what is left,
    `hide` has further words to look for. `allow` is what a bundle may have beyond a closed
    container: `network`, `gpu`, and `debs` to have its base made again. With `fetch`, data that is
    missing is fetched. With `offline` everything that an image build needs goes into the bundle,
    with `with_image` the image itself. `archive` is the file that the bundle is to be, in parts of
    `part_bytes`.
    `check_reproducible` builds the image a second time and compares. `agree` answers what a person
    may be asked.
    """

    cache: Path
    out: Path | None = None
    results: Path | None = None
    tags: tuple[str, ...] = ()
    force: bool = False
    allow_dirty: bool = False
    rebuild: bool = False
    offline: bool = False
    with_image: bool = False
    archive: Path | None = None
    part_bytes: int = PART_BYTES
    check_reproducible: bool = False
    infer: bool = False
    fetch: bool = False
    as_of: AsOf | None = None
    engine: str | None = None
    builder: str = "auto"
    base: str = "auto"
    sign: Path | None = None
    trust: Path | None = None
    anonymous: bool = False
    hide: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    agree: Callable[[str], bool] = agreed


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a verification. `tolerance` overrides every claim's own.

    `claims` are the ids to judge and `only` the cells to run (none: all). `runs` is how many runs
    of each cell (None: as declared). `quick` asks for the author's quick set instead of the
    experiments, `cpu` for runs without the GPU that they could use. `jobs` is how many are done at
    once (None: as many as there is room for). With `determinism` one run of each experiment is done
    twice and compared. `grid_factor` is what a kWh costs here, in gCO2e.
    `data` says where datasets are, as `NAME=PATH`, and `home` where else they may be: the project.
    With `fetch`, those that are nowhere are fetched.
    `archive` is the file that the bundle came in.
    `out` is where runs and report go; with `resume`, runs that finished there are not repeated.
    `sign` is the SSH key that signs the attestation.
    """

    tolerance: Tolerance | None = None
    claims: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    runs: int | None = None
    quick: bool = False
    cpu: bool = False
    jobs: int | None = 1
    determinism: bool = False
    grid_factor: float | None = None
    out: Path | None = None
    resume: bool = False
    data: tuple[str, ...] = ()
    fetch: bool = False
    home: Path | None = None
    archive: Path | None = None
    sign: Path | None = None


class Level(enum.StrEnum):
    """How far an image can be made again, from the least: each includes those before it."""

    RECIPE = "recipe"
    PINNED = "pinned inputs"
    CONTENTS = "same contents"
    IMAGE = "same image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sameness:
    """An image held against another build of the same bundle; `lines` tell it.

    `level` is None where it is not known. `files_sha256` is the hash of the list of the image's
    files, where it was made.
    """

    level: Level | None
    lines: tuple[str, ...] = ()
    files_sha256: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For other programs."""
        return {
            "level": None if self.level is None else self.level.value,
            "found": list(self.lines),
            "files_sha256": self.files_sha256,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A bundle, its image, and the engine that has it. `strange` are the packages of the base that
    are not those of the bundle.

    `lock` is what was resolved for it, as a file that its author can commit. `archive` is the
    bundle as one file, where that was asked for. `made` says that the image was built by this call,
    and did not lie there. `sameness` is how it compares, where that was asked for: with a second
    one, or with the one of the author; `remade` how the base does, made again of its packages.
    """

    bundle: Bundle
    image: Image
    engine: Engine
    facts: EngineFacts
    lock: Path | None = None
    archive: Archive | None = None
    strange: tuple[str, ...] = ()
    made: bool = True
    sameness: Sameness | None = None
    remade: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A run and its repetition: which outputs and metrics are the same, and which are not."""

    run_id: str
    same: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    problem: str = ""

    @property
    def text(self) -> str:
        """One line for the report."""
        if self.problem:
            return f"determinism: {self.run_id}: {self.problem}"
        if self.differing:
            return f"determinism: {self.run_id} differs when repeated: {'; '.join(self.differing)}"
        compared = ", ".join(self.same)
        return f"determinism: {self.run_id} is byte-equal when repeated: {compared}"

    def to_json(self) -> dict[str, Any]:
        """For report.json."""
        return {
            "run": self.run_id,
            "same": list(self.same),
            "differing": list(self.differing),
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A verification: what was judged, in which image, and where its files are.

    `archive` is the file that the bundle came in, if it did.
    """

    built: Built
    assessment: Assessment
    directory: Path
    archive: Path | None = None
    repeats: tuple[Repeat, ...] = ()

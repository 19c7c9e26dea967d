"""What building gives: wheels and installed directories, each with where it comes from.

Owns: the values and their JSON. Does not own: how they are made (`building`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from repropack.environment.model import Wheel


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a wheel was built from, and with what.

    `source` is a repository with its commit, a file or a directory; `sha256` is of the archive or
    of the tree ("" for a repository: its commit says all). `requires` are the wheels of the build,
    `base` is the image it was built in ("" : on the machine itself), `compiler` whether that has
    one. `because` says why a wheel was built, `cuda` what compiled its CUDA code and for which
    GPUs ("": it was not compiled for CUDA).
    """

    kind: str
    source: str
    sha256: str
    requires: tuple[str, ...]
    base: str
    compiler: bool
    because: str
    cuda: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {**asdict(self), "requires": list(self.requires)}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Provenance:
        """The other way round. Raises `TypeError` or `KeyError`."""
        return cls(**{**raw, "requires": tuple(map(str, raw["requires"]))})


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWheel:
    """A wheel that was built, in the cache like any other."""

    wheel: Wheel
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Editable:
    """A directory of the source, installed where it stands.

    `wheel` is what its backend made for an editable install; it holds next to nothing. `overlay`
    has a path and a hash for each file that the build made among the sources (a compiled module,
    a version); the cache has the files.
    """

    wheel: Wheel
    directory: str
    overlay: tuple[tuple[str, str], ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Everything that was built for a lock."""

    wheels: tuple[BuiltWheel, ...] = ()
    editables: tuple[Editable, ...] = ()


NOTHING_MADE = Made()

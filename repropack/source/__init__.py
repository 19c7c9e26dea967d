"""The source: the author's project at a commit, read-only, through one object.

Owns: finding the repository, refusing what cannot be packed, reading and exporting the exact bytes.
Does not own: what the files mean (`detectors`, `inspection`) and where they go (`bundle`).
"""

from __future__ import annotations

from repropack.source.history import Age, ages
from repropack.source.model import Entry, SourceKind, Submodule
from repropack.source.names import display
from repropack.source.opening import open_source
from repropack.source.paths import link_out_of
from repropack.source.source import Source
from repropack.source.text import Unreadable

__all__ = [
    "Age", "Entry", "Source", "SourceKind", "Submodule", "Unreadable", "ages", "display",
    "link_out_of", "open_source",
]  # fmt: skip

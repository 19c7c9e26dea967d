"""What a source is made of: its kind, its entries and its submodules.

Owns: the values. Does not own: where they are read from (`tree`, `repository`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

FILE_MODE = 0o644
EXECUTABLE_MODE = 0o755
LINK_MODE = 0o120000


class SourceKind(enum.Enum):
    """Where the packed content stands: in a commit, in a changed working tree, in no commit."""

    COMMIT = "commit"
    DIRTY = "dirty"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file or link of the source.

    `path` is POSIX, relative to the project's root; bytes that are not UTF-8 are surrogates.
    `mode` is 0o644, 0o755 or 0o120000 (a link, with its `link_target`).
    `size_bytes` is that of the content that an export writes, `object_id` the id of its git blob
    (for a Git LFS file: of its pointer).
    """

    path: str
    mode: int
    size_bytes: int
    object_id: str
    link_target: str | None = None

    @property
    def is_link(self) -> bool:
        """Whether this is a symbolic link."""
        return self.mode == LINK_MODE

    @property
    def is_executable(self) -> bool:
        """Whether this is a file that may be executed."""
        return self.mode == EXECUTABLE_MODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Submodule:
    """A submodule at its recorded commit; `url` is without credentials, "" if none is recorded."""

    path: str
    commit: str
    url: str

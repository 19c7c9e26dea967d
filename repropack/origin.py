"""Where what is packed comes from, as a plan, a bundle and `--json` tell it.

Owns: the value and its JSON. Does not own: the source itself (`source`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from repropack.source import Source, SourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the bundle says of the source: never a host path, never a credential."""

    kind: SourceKind
    commit: str | None
    tree: str
    id12: str
    branch: str | None
    remote: str | None
    tags: tuple[str, ...]
    subdirectory: str
    commit_time_s: int | None
    submodules: tuple[tuple[str, str], ...]
    changed: tuple[str, ...]
    anonymous: bool = False

    def to_json(self) -> dict[str, Any]:
        """The source as the manifest and `--json` tell it."""
        return {
            "kind": self.kind.value,
            "commit": self.commit,
            "tree": self.tree,
            "branch": self.branch,
            "remote": self.remote,
            "tags": list(self.tags),
            "subdirectory": self.subdirectory,
            "commit_time_s": self.commit_time_s,
            "submodules": [{"path": path, "commit": commit} for path, commit in self.submodules],
            "changed": list(self.changed),
            **({"anonymous": True} if self.anonymous else {}),
        }


def describe_origin(source: Source) -> Origin:
    """The source as the bundle tells it. A remote that is a path of this machine is left out."""
    remote = source.remote
    if remote is not None and not re.match(r"(https?|ssh|git)://|[\w.-]+@[\w.-]+:", remote):
        remote = None
    return Origin(
        kind=source.kind,
        commit=source.commit,
        tree=source.tree,
        id12=source.id12,
        branch=source.branch,
        remote=remote,
        tags=source.tags,
        subdirectory=source.subdirectory,
        commit_time_s=source.commit_time_s,
        submodules=tuple((module.path, module.commit) for module in source.submodules),
        changed=tuple(sorted({*source.dirty, *source.untracked})),
    )

"""SWHIDs (ISO/IEC 18670) of a commit and of a tree, which are git's own SHA-1 ids."""

from __future__ import annotations

import re

from repropack.origin import Origin
from repropack.source import SourceKind


def of_commit(origin: Origin) -> str:
    """`swh:1:rev:…`, or "" where the content is in no commit; also for SHA-256 repositories."""
    known = origin.commit is not None and origin.kind is SourceKind.COMMIT
    return swhid("rev", origin.commit or "") if known else ""


def of_tree(origin: Origin) -> str:
    """`swh:1:dir:…` of what is packed, a snapshot's too."""
    return swhid("dir", origin.tree)


def all_of(origin: Origin) -> tuple[str, ...]:
    """Both, as far as there are any."""
    return tuple(filter(None, (of_commit(origin), of_tree(origin))))


def swhid(kind: str, digest: str) -> str:
    """An identifier; "" for what is no SHA-1."""
    return f"swh:1:{kind}:{digest}" if re.fullmatch("[0-9a-f]{40}", digest) else ""

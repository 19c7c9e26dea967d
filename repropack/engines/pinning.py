"""The name and digest under which a pulled image can be had anywhere.

Owns: which of the names that an engine has for an image is recorded. Does not own: asking for them
(`docker`, `podman`).
"""

from __future__ import annotations

from collections.abc import Sequence

_HUB = "docker.io"
#: Names that an engine gives a digest to although no registry has them: what was built here.
_OWN = ("localhost/", "repropack/")


def pinned_name(names: Sequence[str], digest: str = "") -> str | None:
    """Of an engine's names with digests (`NAME@sha256:…`) the one to record; None if it has none.

    A name of the public registry is preferred, which every reader can reach, and is written out:
    Podman does not know which registry a short one is of. Where an image has a digest of its own
    and one of the list for several architectures that it was pulled by, `digest` says which.
    """
    others = [_in_full(name) for name in names if not name.startswith(_OWN)]
    by_digest = [name for name in others if digest and name.endswith(f"@{digest}")]
    return min(
        by_digest or others, key=lambda name: (not name.startswith(f"{_HUB}/"), name), default=None
    )


def _in_full(name: str) -> str:
    """`python@…` is `docker.io/library/python@…`: what has no dot or port is no host."""
    host, slash, _ = name.partition("/")
    if not slash:
        return f"{_HUB}/library/{name}"
    return name if "." in host or ":" in host or host == "localhost" else f"{_HUB}/{name}"

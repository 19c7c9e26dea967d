"""What a lock installs, starting from what is asked for: the walk, and which groups count.

Owns: the rules that all formats share. Does not own: what an edge is (the reader of each format).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from repropack.findings import Finding, Where

Node = TypeVar("Node")

# Groups that hold the tools of development; an experiment does not run them.
TOOLING = re.compile(
    r"(?:dev|devel|develop|development|tests?|testing|docs?|documentation|lint|linters?|linting"
    r"|typ(?:es|ing)|mypy|ci|format|formatting|style|build|release|publish|pre-?commit|qa|quality"
    r"|checks?|coverage|debug|profiling|notebooks?-dev)(?:[-_].*)?",
    re.IGNORECASE,
)


def reachable(
    start: Iterable[Node], following: Callable[[Node], Iterable[Node]]
) -> tuple[Node, ...]:
    """Everything that can be reached, each once, in the order in which it is met."""
    found: dict[Node, None] = {}
    rest = list(start)
    while rest:
        node = rest.pop()
        if node not in found:
            found[node] = None
            rest.extend(following(node))
    return tuple(found)


def for_runs(groups: Iterable[str]) -> tuple[str, ...]:
    """The groups, among those that a tool installs unasked, that an experiment may need."""
    return tuple(group for group in groups if not TOOLING.fullmatch(group))


def groups_finding(taken: Iterable[str], every: Iterable[str], path: str) -> tuple[Finding, ...]:
    """Which groups and extras are installed and which are not; nothing where there are none."""
    used = tuple(dict.fromkeys(taken))
    left = tuple(group for group in dict.fromkeys(every) if group not in used)
    if not left and len(used) < 2:
        return ()
    without = f"; not installed: {', '.join(left)}" if left else ""
    because = f"what {path} installs for a run: {', '.join(used)}{without}"
    where = Where(path=path)
    return (
        Finding(kind="environment.groups", value=", ".join(used), because=because, where=where),
    )

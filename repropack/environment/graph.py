"""What a lock installs, starting from what is asked for.

Owns: the walk. Does not own: what an edge is (the reader of each format), groups (`groups`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Node = TypeVar("Node")


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

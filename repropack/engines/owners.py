"""Whose a container is, said in its labels; and images that last as long as a process.

Does not own: what a process is called, and whether it is gone (`marks`); finding and removing what
is left behind, which each engine does in its own way.
"""

from __future__ import annotations

from repropack.marks import is_orphan, mark, owner

__all__ = ["AGAIN", "IN_USE", "OWNER", "SHELL", "is_orphan", "labels", "mark", "owner"]

OWNER = "repropack.owner"
#: Tags that last as long as the process that gave them: they end with its mark.
SHELL = "repropack/shell"
AGAIN = "repropack/again"
IN_USE = "repropack/in-use"


def labels() -> dict[str, str]:
    """The labels of a container: what it is for and whose it is."""
    return {"repropack.run": "1", OWNER: owner()}

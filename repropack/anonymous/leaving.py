"""What an anonymous plan leaves out: history, remote, citation, the paper's addresses.

The packed content keeps a name of its own, which is a hash of its tree and not the tree: an archive
of software finds a public repository by its tree.
"""

from __future__ import annotations

import dataclasses
import hashlib

from repropack.about import About
from repropack.errors import SourceError
from repropack.plan import Plan
from repropack.source import SourceKind


def leave_out(plan: Plan) -> Plan:
    """The plan without what tells who made it. Raises `SourceError` for a dirty tree.

    The patch of a dirty tree quotes lines of the commit, which nobody has looked at.
    """
    if plan.origin.kind is SourceKind.DIRTY:
        raise SourceError(
            "an anonymous bundle is made of a commit, and files differ from it",
            hint="commit your changes, or `git stash` them",
        )
    tree = hashlib.sha256(b"anonymous " + plan.origin.tree.encode()).hexdigest()
    name = f"anonymous-{tree[:12]}"
    origin = dataclasses.replace(
        plan.origin,
        commit=None,
        tree=tree,
        id12=name,
        branch=None,
        remote=None,
        tags=(),
        subdirectory="",
        commit_time_s=None,
        submodules=(),
        anonymous=True,
    )
    return dataclasses.replace(
        plan,
        origin=origin,
        tag=f"repropack/{plan.name.lower()}:{name}",
        about=About(licence=plan.about.licence, licence_file=plan.about.licence_file),
        paper=tuple((key, text) for key, text in plan.paper if key == "title"),
    )

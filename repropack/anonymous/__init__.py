"""Bundles for double-blind review: what tells who the authors are is left out, or looked for.

Owns: what an anonymous plan leaves out (`leaving`), which words are looked for (`terms`), what else
looks like an identity (`patterns`), looking for both in a whole bundle (`scanning`). What is found
is never changed here: an author who resolves it knows what it is. Does not own: writing the bundle.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from repropack.bundle import Check, accept

if TYPE_CHECKING:
    from repropack.plan import Plan
    from repropack.project import Looked
    from repropack.settings import Settings


def conceal(plan: Plan, looked: Looked, settings: Settings) -> tuple[Plan, Check]:
    """The plan as it is packed, and what looks through its bundle before that is put in place.

    Both change nothing where no anonymous bundle was asked for. Raises `SourceError` (exit code 3).
    """
    if not settings.anonymous:
        return plan, accept
    from repropack.anonymous.leaving import leave_out
    from repropack.anonymous.scanning import refuse_suspicions
    from repropack.anonymous.terms import terms

    words = terms(looked.source, looked.config, settings.hide)
    return leave_out(plan), partial(refuse_suspicions, words=words, waivers=looked.config.waivers)

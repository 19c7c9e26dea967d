"""Bundles for double-blind review: what tells who the authors are is left out, or looked for.

Owns: what an anonymous plan leaves out (`leaving`), which words are looked for (`terms`), what else
looks like an identity (`patterns`), looking for both in a whole bundle (`scanning`), in its
image (`looking`, `searching`, `proving`) and in what that is built on (`bases`). What is found is
never changed here: an author who resolves it knows what it is. Does not own: writing the bundle.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repropack.bundle import Bundle, Check, accept, checksums

if TYPE_CHECKING:
    from repropack.anonymous.looking import Looker
    from repropack.anonymous.terms import Term
    from repropack.config import Waiver
    from repropack.plan import Plan
    from repropack.project import Looked
    from repropack.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Refuses a bundle, and its image, for what may tell who made it."""

    words: tuple[Term, ...]
    waivers: tuple[Waiver, ...]

    def __call__(self, directory: Path) -> None:
        """Look through a bundle. Raises `AnonymityError` (exit code 3)."""
        from repropack.anonymous.bases import of_bases
        from repropack.anonymous.scanning import refuse, scan

        found = (*scan(directory, self.words), *of_bases(directory, self.words))
        refuse(found, self.waivers)

    def looker(self, bundle: Bundle) -> Looker:
        """What looks through the image of a bundle that was looked through."""
        from repropack.anonymous.looking import Looker

        text = (bundle.directory / checksums.SUMS).read_text("utf-8", "surrogateescape")
        seen = frozenset(map(bytes.fromhex, checksums.parse_sums(text).values()))
        return Looker(self.words, self.waivers, seen=seen, keeps_times=bool(bundle.conda))


def conceal(plan: Plan, looked: Looked, settings: Settings) -> tuple[Plan, Check]:
    """The plan as it is packed, and what looks through its bundle before that is put in place.

    Both change nothing where no anonymous bundle was asked for. Raises `SourceError` (exit code 3).
    """
    if not settings.anonymous:
        return plan, accept
    from repropack.anonymous.leaving import leave_out
    from repropack.anonymous.terms import terms

    words = terms(looked.source, looked.config, settings.hide)
    return leave_out(plan), Guard(words=words, waivers=looked.config.waivers)

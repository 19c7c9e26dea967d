"""Data fetched to its place: checked by its hash, unpacked, and held against its footprint.

Owns: what is declared and where it goes (`declared`), one dataset on its way (`one`), what proves
that it is the right one (`proof`), and what is told when it could not be had (`fetching`).
Data that is not what was recorded never gets its place. Does not own: how one file comes
(`retrieval`).
"""

from __future__ import annotations

from repropack.obtaining import declared
from repropack.obtaining.model import Ask, Fetched, Means, too_large

__all__ = ["Ask", "Fetched", "Means", "declared", "fetch", "too_large"]


def fetch(asks: tuple[Ask, ...], means: Means) -> tuple[Fetched, ...]:
    """Every dataset in its place, as `fetching.fetch` does; only who fetches imports requests."""
    from repropack.obtaining.fetching import fetch

    return fetch(asks, means)

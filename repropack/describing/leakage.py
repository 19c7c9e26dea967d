"""Equal files in two splits, which makes a test set no test; and in two classes, which is a doubt.

By the hashes that the footprint has: nothing is read again. The names of the files are gone through
twice, so that only those of duplicates are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Final

from repropack.describing.layout import Place, is_sample, order, place_of
from repropack.describing.model import Leak
from repropack.footprint.model import Entry, shown

#: How many of them are told by name.
TOLD: Final = 20
#: Of a hash, so much that two of a billion files do not share it.
_KEY_BYTES = 16
_BOTH = -1


def leaks(entries: Callable[[], Iterator[Entry]]) -> tuple[Leak, ...]:
    """What lies in two splits or, within one, in two classes."""
    places: dict[Place, int] = {}
    once: dict[bytes, int] = {}
    for entry, place in _placed(entries()):
        number = places.setdefault(place, len(places))
        key = entry.hash[:_KEY_BYTES]
        if once.setdefault(key, number) != number:
            once[key] = _BOTH
    twice: dict[bytes, list[tuple[Place, str]]] = {
        key: [] for key, number in once.items() if number == _BOTH
    }
    del once
    if not twice:
        return ()
    for entry, place in _placed(entries()):
        found = twice.get(entry.hash[:_KEY_BYTES])
        if found is not None:
            found.append((place, shown(entry.path)))
    return _told(twice)


def _placed(entries: Iterator[Entry]) -> Iterator[tuple[Entry, Place]]:
    """Files with content and a hash, and where they belong."""
    for entry in entries:
        if entry.link is None and entry.hash and entry.size_bytes:
            path = shown(entry.path)
            place = place_of(path)
            # a class is one of images and sounds: a licence may lie in every directory
            yield entry, place if is_sample(path) else Place(place.split, "")


def _told(twice: dict[bytes, list[tuple[Place, str]]]) -> tuple[Leak, ...]:
    counts: dict[tuple[str, str, str], int] = {}
    first: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for members in twice.values():
        seen = set()
        for one, other in combinations(_of_each(members), 2):
            key = _kind(one[0], other[0])
            if key is None or key in seen:
                continue
            seen.add(key)
            counts[key] = counts.get(key, 0) + 1
            if len(first.setdefault(key, [])) < TOLD:
                first[key].append((one[1], other[1]))
    ordered = sorted(counts, key=lambda key: (key[0] != "split", order(key[1]), order(key[2])))
    return tuple(
        Leak(between=key[1:], kind=key[0], n_contents=counts[key], first=tuple(first[key]))
        for key in ordered
    )


def _of_each(members: list[tuple[Place, str]]) -> list[tuple[Place, str]]:
    """One file of each place, in the splits' order."""
    kept: dict[Place, str] = {}
    for place, path in members:
        kept.setdefault(place, path)
    return sorted(kept.items(), key=lambda item: (order(item[0].split), item[0].label))


def _kind(one: Place, other: Place) -> tuple[str, str, str] | None:
    if one.split != other.split:
        return ("split", one.split, other.split) if one.split and other.split else None
    if one.label and other.label:
        return "class", one.label, other.label
    return None

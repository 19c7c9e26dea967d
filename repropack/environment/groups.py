"""Groups and extras: which there are in a file, which are installed for a run, and why.

Owns: the rules that all formats share, and the messages. Does not own: what a group or an extra
holds (the reader of each format), what repropack.yaml may say (`config`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from repropack.environment.model import normalise
from repropack.environment.parts import Parts, Selection
from repropack.errors import InvalidError
from repropack.findings import Choice

# Groups that hold the tools of development; an experiment does not run them.
TOOLING = re.compile(
    r"(?:dev|devel|develop|development|tests?|testing|docs?|documentation|lint|linters?|linting"
    r"|typ(?:es|ing)|mypy|ci|format|formatting|style|build|release|publish|pre-?commit|qa|quality"
    r"|checks?|coverage|debug|profiling|notebooks?-dev)(?:[-_].*)?",
    re.IGNORECASE,
)
MOST_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a file has. `main` is what it calls the dependencies that always count, `unasked` are
    the groups that `tool` installs without being asked.
    """

    path: str
    main: str = "main"
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    tool: str = ""


def for_runs(groups: Iterable[str]) -> tuple[str, ...]:
    """The groups, among those that a tool installs unasked, that an experiment may need."""
    return tuple(group for group in groups if not TOOLING.fullmatch(group))


def choose(offer: Offer, selection: Selection) -> Parts:
    """What is installed of a file. Raises `InvalidError` for a name that it does not have."""
    asked = [named(name, offer, kind="groups") for name in selection.groups]
    extras = [named(name, offer, kind="extras") for name in selection.extras]
    declined = {named(name, offer, kind="groups_exclude") for name in selection.without}
    unasked = for_runs(offer.unasked) if selection.unasked else ()
    because = f"{offer.tool} installs it unasked ({offer.path})"
    groups = [Choice(value=name, because=because) for name in unasked if name not in declined]
    because = "environment.groups in repropack.yaml"
    groups += [Choice(value=name, because=because) for name in asked if name not in unasked]
    because = "environment.extras in repropack.yaml"
    taken = {choice.value for choice in groups}
    return Parts(
        path=offer.path,
        main=offer.main,
        groups=tuple(choice for choice in groups if choice.value != offer.main),
        extras=tuple(Choice(value=name, because=because) for name in extras),
        left=tuple(
            dict.fromkeys(
                name
                for name in (*offer.groups, *offer.extras)
                if name not in taken and name not in extras and name != offer.main
            )
        ),
    )


def named(name: str, offer: Offer, *, kind: str) -> str:
    """The name as the file spells it. Raises `InvalidError`, with those that there are."""
    here, there = (offer.extras, offer.groups) if kind == "extras" else (offer.groups, offer.extras)
    known = (*here, offer.main) if kind == "groups" else here
    for item in known:
        if normalise(item) == normalise(name):
            return item
    word = "extra" if kind == "extras" else "group"
    what = f"environment.{kind} in repropack.yaml names {name}, but {offer.path} has no such {word}"
    raise InvalidError(what, hint=instead(name, here, there, word, offer.path))


def instead(name: str, here: tuple[str, ...], there: tuple[str, ...], word: str, path: str) -> str:
    """What to write in place of a name that is not there."""
    if normalise(name) in map(normalise, there):
        other = "groups" if word == "extra" else "extras"
        return f"it is one of its {other}: write it under environment.{other}"
    if not here:
        return f"take it out: {path} has no {word}s"
    close = difflib.get_close_matches(normalise(name), [normalise(item) for item in here], n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    more = ", …" if len(here) > MOST_NAMED else ""
    return f"{guess}its {word}s are {', '.join(here[:MOST_NAMED])}{more}"


def flattened(
    groups: Mapping[str, Any], name: str, path: str, above: tuple[str, ...] = ()
) -> Iterator[object]:
    """What a group of `[dependency-groups]` asks for, with the groups that it includes.

    Raises `InvalidError` for a circle, and for a group that is not there.
    """
    found = next((key for key in groups if normalise(key) == normalise(name)), None)
    if found is None or found in above:
        circle = f"dependency groups include each other: {' → '.join((*above, name))}"
        lacking = f"the dependency group {above[-1] if above else ''} includes {name}, which is not"
        raise InvalidError(
            f"{path}: {circle if found else lacking + ' there'}", hint="remove one of the includes"
        )
    entries = groups[found]
    for item in entries if isinstance(entries, list) else []:
        included = item.get("include-group") if isinstance(item, Mapping) else None
        if isinstance(included, str):
            yield from flattened(groups, included, path, (*above, found))
        else:
            yield item


def refuse_selection(path: str, selection: Selection) -> None:
    """Refuse names for a file of a kind that has neither groups nor extras."""
    choose(Offer(path=path), selection)

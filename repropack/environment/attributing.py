"""Which packages are installed for a group or an extra, and not for the main dependencies.

Owns: asking what each part alone installs, and reading from uv's answer who needs what.
Does not own: which parts are installed (`groups`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from repropack.environment.graph import reachable
from repropack.environment.model import Lock, normalise
from repropack.environment.parts import MAIN_ALONE, Selection

PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==")
NEEDED_BY = re.compile(r"\s+#\s+(?:via\s+)?([A-Za-z0-9][A-Za-z0-9._-]*)\s*$")


def attributed(lock: Lock, packages: Callable[[Selection], frozenset[str]]) -> Lock:
    """The lock with the groups and extras that need what the main dependencies do not.

    `packages` gives the names of what a selection installs.
    """
    if not lock.parts.groups and not lock.parts.extras:
        return lock
    main = packages(MAIN_ALONE)
    groups = {
        name: packages(replace(MAIN_ALONE, groups=(name,))) for name in lock.parts.group_names
    }
    extras = {
        name: packages(replace(MAIN_ALONE, extras=(name,))) for name in lock.parts.extra_names
    }
    requirements = tuple(
        item
        if item.name in main
        else replace(
            item,
            groups=tuple(name for name, found in groups.items() if item.name in found),
            extras=tuple(name for name, found in extras.items() if item.name in found),
        )
        for item in lock.requirements
    )
    return replace(lock, requirements=requirements)


def needed(text: str, names: Iterable[str]) -> frozenset[str]:
    """What packages of these names need in turn, themselves too, by the comments in uv's answer."""
    needs: dict[str, list[str]] = {}
    package = ""
    for line in text.splitlines():
        found = PACKAGE.match(line)
        package = normalise(found[1]) if found else package
        by = NEEDED_BY.match(line)
        if by and by[1] != "via":
            needs.setdefault(normalise(by[1]), []).append(package)
    return frozenset(reachable(names, lambda name: needs.get(name, ())))

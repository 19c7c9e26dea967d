"""The projects of a `uv.lock`, their groups and extras, and which of these exclude each other.

Owns: entries of the lock, the lock's roots, and the names under which uv writes conflicting parts
into markers. Does not own: what is installed (`uvlock`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repropack.environment.groups import Offer
from repropack.environment.model import normalise
from repropack.environment.parts import Parts
from repropack.environment.tomlfile import strings, table, tables, text_of
from repropack.errors import InvalidError
from repropack.findings import Where

LOCAL = ("virtual", "editable", "directory", "path")
INSTALLED = ("editable", "directory", "path")  # a virtual project has dependencies and no package
DEV = ("dev",)  # what uv installs unasked unless pyproject.toml says something else


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One `[[package]]` with its place."""

    data: Mapping[str, Any]
    name: str
    where: Where

    @property
    def source(self) -> Mapping[str, Any]:
        """Where the package comes from."""
        return table(self.data, "source")

    @property
    def is_root(self) -> bool:
        """Whether this is the project in the lock's own directory."""
        return any(self.source.get(key) == "." for key in LOCAL)

    @property
    def local(self) -> str | None:
        """The directory or file of the repository that is installed, if it is one."""
        return next((str(self.source[key]) for key in INSTALLED if key in self.source), None)

    @property
    def is_virtual(self) -> bool:
        """Whether there is nothing to install but what it needs."""
        return "virtual" in self.source


def roots_of(entries: tuple[Entry, ...], data: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The project itself; in a workspace that has none at its root, all its members."""
    root = tuple(entry for entry in entries if entry.is_root)
    members = strings(table(data, "manifest").get("members"))
    return root or tuple(entry for entry in entries if entry.name in members)


def offer_of(roots: tuple[Entry, ...], pyproject: Mapping[str, Any], path: str) -> Offer:
    """The groups and extras of the projects, and the groups that `uv sync` installs unasked."""
    known = names_below(roots, "dev-dependencies")
    stated = table(pyproject, "tool", "uv").get("default-groups", list(DEV))
    return Offer(
        path=path,
        groups=known,
        extras=extras_of(roots),
        unasked=known if stated == "all" else tuple(g for g in strings(stated) if g in known),
        tool="uv",
    )


def extras_of(roots: tuple[Entry, ...]) -> tuple[str, ...]:
    """The extras of the projects, those that need nothing too."""
    empty = [strings(table(root.data, "metadata").get("provides-extras")) for root in roots]
    named = (*names_below(roots, "optional-dependencies"), *(name for e in empty for name in e))
    return tuple(dict.fromkeys(named))


def names_below(roots: tuple[Entry, ...], key: str) -> tuple[str, ...]:
    """Groups or extras of the projects, each once."""
    return tuple(dict.fromkeys(name for root in roots for name in table(root.data, key)))


def labels(roots: tuple[Entry, ...], parts: Parts) -> frozenset[str]:
    """The parts that are installed, as uv writes them into markers where some of them conflict."""
    return frozenset(
        label(kind, root, name)
        for root in roots
        for kind, names in (("extra", parts.extra_names), ("group", parts.group_names))
        for name in names
    )


def label(kind: str, entry: Entry, name: str) -> str:
    """One part: `extra-5-paper-cpu` is the extra `cpu` of `paper`, a name of five letters."""
    return f"{kind}-{len(entry.name)}-{entry.name}-{normalise(name)}"


def refuse_conflicts(
    data: Mapping[str, Any], roots: tuple[Entry, ...], parts: Parts, path: str
) -> None:
    """Parts that their author declared to exclude each other are not installed together."""
    taken = {
        (root.name, kind, normalise(name))
        for root in roots
        for kind, names in (("extra", parts.extra_names), ("group", parts.group_names))
        for name in names
    }
    conflicts = data.get("conflicts")
    for conflict in conflicts if isinstance(conflicts, list) else []:
        both = [
            f"{kind} {item[kind]}"
            for item in tables(conflict)
            for kind in ("extra", "group")
            if (item.get("package"), kind, normalise(text_of(item, kind))) in taken
        ]
        if len(both) > 1:
            raise InvalidError(
                f"{path}: {' and '.join(both)} exclude each other: tool.uv.conflicts says so",
                hint="name one of them in repropack.yaml: environment.groups, environment.extras",
            )

"""`uv.lock`: what uv would install for a run of the project at the lock's root.

Owns: the walk through the lock, with its markers and forks. Does not own: projects, groups and
extras (`uvproject`), whether the lock is stale (`detectors`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from repropack.environment.artifacts import (
    File,
    Package,
    is_page,
    own_index,
    own_indexes,
    refuse_other_python,
)
from repropack.environment.graph import reachable
from repropack.environment.groups import choose
from repropack.environment.locked import holds, lock_of, placed
from repropack.environment.model import Lock, Origin, Target
from repropack.environment.origins import address_origin, git_origin, local_origin
from repropack.environment.parts import UNASKED, Parts, Selection
from repropack.environment.requirements import ReadText
from repropack.environment.tomlfile import (
    parse_toml,
    read_pyproject,
    strings,
    table,
    tables,
    text_of,
)
from repropack.environment.uvproject import (
    Entry,
    label,
    labels,
    offer_of,
    refuse_conflicts,
    roots_of,
)
from repropack.errors import InvalidError
from repropack.findings import Where

LOCK_AGAIN = "run `uv lock`, commit the result, and try again"


@dataclass(frozen=True, slots=True)
class Node:
    """A package, or one of its extras, as the walk meets it."""

    entry: Entry
    extra: str = ""


class _Walk:
    """Follows edges through a lock. `taken` are the conflicting parts that are installed."""

    def __init__(self, entries: tuple[Entry, ...], target: Target, taken: Collection[str]) -> None:
        self.target = target
        self.taken = taken
        self.by_name: dict[str, list[Entry]] = {}
        for entry in entries:
            self.by_name.setdefault(entry.name, []).append(entry)

    def edges(self, needs: object) -> Iterator[Node]:
        """The packages that a list of dependencies means on the target."""
        for need in tables(needs):
            name, marker = text_of(need, "name"), text_of(need, "marker")
            where = self.by_name[name][0].where if name in self.by_name else None
            if not self._holds(marker, where):
                continue
            entry = self.entry(name, need, where)
            yield Node(entry)
            extras = need.get("extra", [])
            for extra in (extras,) if isinstance(extras, str) else strings(extras):
                yield Node(entry, extra)

    def entry(self, name: str, need: Mapping[str, Any], where: Where | None) -> Entry:
        """The locked package; of a fork's several, the one that the edge or the target names."""
        candidates = [
            entry
            for entry in self.by_name.get(name, [])
            if need.get("version", entry.data.get("version")) == entry.data.get("version")
            and need.get("source", entry.source) == entry.source
        ]
        here = [entry for entry in candidates if self._in_fork(entry)] or candidates
        if not here:
            raise InvalidError(f"{where or 'uv.lock'}: it does not have {name}", hint=LOCK_AGAIN)
        return here[0]

    def _in_fork(self, entry: Entry) -> bool:
        markers = strings(entry.data.get("resolution-markers"))
        return not markers or any(self._holds(marker, entry.where) for marker in markers)

    def _holds(self, marker: str, where: Where | None) -> bool:
        return holds(marker, self.target, where, LOCK_AGAIN, taken=self.taken)

    def following(self, node: Node) -> Iterator[Node]:
        """What a package, or an extra of it, needs."""
        if node.extra:
            return self.edges(table(node.entry.data, "optional-dependencies").get(node.extra))
        return self.edges(node.entry.data.get("dependencies"))


def read_uv(
    text: str,
    path: str,
    target: Target,
    read: ReadText | None,
    selection: Selection = UNASKED,
) -> Lock:
    """What uv would install for a run on the target. Raises `InvalidError`."""
    data = parse_toml(text, path)
    if data.get("version") != 1:
        raise InvalidError(
            f"{path} has format {data.get('version')}; format 1 can be read",
            hint="export it: uv export --format pylock.toml -o pylock.toml",
        )
    refuse_other_python(text_of(data, "requires-python"), target, Where(path=path))
    found = placed(data, text, path)
    entries = tuple(Entry(entry, text_of(entry, "name"), where) for entry, where in found)
    roots = roots_of(entries, data)
    parts = choose(offer_of(roots, read_pyproject(path, read), path), selection)
    refuse_conflicts(data, roots, parts, path)
    chosen = installed(entries, roots, data, parts, target)
    packages = tuple(map(package_of, chosen))
    indexes = own_indexes(packages)
    return lock_of(
        *(packages, target, path, parts),
        indexes=(url for url in indexes if not is_page(url)),
        find_links=tuple(url for url in indexes if is_page(url)),
    )


def installed(
    entries: tuple[Entry, ...],
    roots: tuple[Entry, ...],
    data: Mapping[str, Any],
    parts: Parts,
    target: Target,
) -> tuple[Entry, ...]:
    """The packages of the roots with these groups and extras, but for projects without a package.

    What an edge's marker says of an extra of the workspace depends on all extras that are met, so
    the walk is repeated until no more are.
    """
    taken = labels(roots, parts)
    while True:
        walk = _Walk(entries, target, taken)
        start = [*map(Node, roots), *walk.edges(table(data, "manifest").get("requirements"))]
        for root in roots:
            of_groups = table(root.data, "dev-dependencies")
            of_extras = table(root.data, "optional-dependencies")
            start += [Node(root, extra) for extra in parts.extra_names if extra in of_extras]
            start += [n for g in parts.group_names for n in walk.edges(of_groups.get(g))]
        found = reachable(start, walk.following)
        met = {label("extra", node.entry, node.extra) for node in found if node.extra}
        if met <= taken:
            chosen = {id(node.entry): node.entry for node in found if not node.entry.is_virtual}
            return tuple(chosen.values())
        taken = taken | met


def package_of(entry: Entry) -> Package:
    """An entry with its files, or with where it comes from."""
    return Package(
        name=entry.name,
        version=text_of(entry.data, "version"),
        files=tuple(files_of(entry, text_of(entry.source, "url"))),
        where=entry.where,
        index=own_index(text_of(entry.source, "registry")),
        origin=origin_of(entry),
    )


def origin_of(entry: Entry) -> Origin | None:
    """Where a package comes from that is on no index. Raises `InvalidError`."""
    source, where = entry.source, entry.where
    if entry.local is not None:
        return local_origin(entry.local, where)
    if "git" in source:
        address, _, commit = text_of(source, "git").partition("#")
        url, _, query = address.partition("?")
        path = parse_qs(query).get("subdirectory", [""])[0]
        return git_origin(url, where, commit=commit, path=path)
    url = text_of(source, "url")
    return address_origin(url, where) if url and not url.endswith(".whl") else None


def files_of(entry: Entry, url: str) -> Iterator[File]:
    """The wheels and the source distribution."""
    for wheel in (*tables(entry.data.get("wheels")), table(entry.data, "sdist")):
        address = text_of(wheel, "url") or url
        name = text_of(wheel, "filename") or (address or text_of(wheel, "path"))
        if name:
            name = name.partition("#")[0].rpartition("/")[2].replace("%2B", "+")
            yield File(name=name, hash=text_of(wheel, "hash"), url=address or None)

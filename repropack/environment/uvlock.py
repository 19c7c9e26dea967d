"""`uv.lock`: what uv would install for a run of the project at the lock's root.

Owns: workspaces, groups, extras and forks of the lock. Does not own: whether the lock is stale
(`detectors`), pyproject.toml but for the default groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    requirement,
)
from repropack.environment.graph import for_runs, groups_finding, reachable
from repropack.environment.model import Lock, Origin, Target
from repropack.environment.origins import address_origin, git_origin, local_origin
from repropack.environment.poetrylock import read_pyproject
from repropack.environment.reading import for_target
from repropack.environment.requirements import ReadText
from repropack.environment.target import marker_holds
from repropack.environment.tomlfile import (
    name_places,
    parse_toml,
    strings,
    table,
    tables,
    text_of,
)
from repropack.errors import InvalidError
from repropack.findings import Where

LOCK_AGAIN = "run `uv lock`, commit the result, and try again"
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


@dataclass(frozen=True, slots=True)
class Node:
    """A package, or one of its extras, as the walk meets it."""

    entry: Entry
    extra: str = ""


class _Walk:
    def __init__(self, entries: tuple[Entry, ...], target: Target) -> None:
        self.target = target
        self.by_name: dict[str, list[Entry]] = {}
        for entry in entries:
            self.by_name.setdefault(entry.name, []).append(entry)

    def edges(self, needs: object) -> Iterator[Node]:
        """The packages that a list of dependencies means on the target."""
        for need in tables(needs):
            name, marker = text_of(need, "name"), text_of(need, "marker")
            where = self.by_name[name][0].where if name in self.by_name else None
            if marker and not holds(marker, self.target, where):
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
        return not markers or any(holds(m, self.target, entry.where) for m in markers)

    def following(self, node: Node) -> Iterator[Node]:
        """What a package, or an extra of it, needs."""
        if node.extra:
            return self.edges(table(node.entry.data, "optional-dependencies").get(node.extra))
        return self.edges(node.entry.data.get("dependencies"))


def holds(marker: str, target: Target, where: Where | None) -> bool:
    """Whether a marker of the lock is true on the target."""
    try:
        return marker_holds(marker, target)
    except ValueError as error:
        raise InvalidError(
            f"{where}: the marker cannot be evaluated: {error}", hint=LOCK_AGAIN
        ) from error


def read_uv(text: str, path: str, target: Target, read: ReadText | None) -> Lock:
    """What uv would install for a run on the target. Raises `InvalidError`."""
    data = parse_toml(text, path)
    if data.get("version") != 1:
        raise InvalidError(
            f"{path} has format {data.get('version')}; format 1 can be read",
            hint="export it: uv export --format pylock.toml -o pylock.toml",
        )
    refuse_other_python(text_of(data, "requires-python"), target, Where(path=path))
    places = name_places(text, path, "package")
    entries = tuple(
        Entry(entry, text_of(entry, "name"), where)
        for entry, (_, where) in zip(tables(data.get("package")), places, strict=False)
    )
    roots = roots_of(entries, data)
    groups = default_groups(roots, read_pyproject(path, read))
    walk = _Walk(entries, target)
    start = [node for root in roots for group in groups for node in walk.edges(wanted(root, group))]
    start += list(walk.edges(table(data, "manifest").get("requirements")))
    found = reachable((*map(Node, roots), *start), walk.following)
    chosen = {id(node.entry): node.entry for node in found if not node.entry.is_virtual}.values()
    packages = tuple(map(package_of, chosen))
    requirements = for_target((requirement(item, target) for item in packages), target)
    indexes = own_indexes(packages)
    return Lock(
        requirements=tuple(sorted(requirements, key=lambda item: item.name)),
        origin=path,
        because=f"{path} pins {len(requirements)} packages for {target} with their hashes",
        findings=(*groups_finding(("main", *groups), every_group(roots), path),),
        indexes=tuple(url for url in indexes if not is_page(url)),
        find_links=tuple(url for url in indexes if is_page(url)),
    )


def wanted(root: Entry, group: str) -> object:
    """The dependencies of a group of a project."""
    return table(root.data, "dev-dependencies").get(group)


def roots_of(entries: tuple[Entry, ...], data: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The project itself; in a workspace that has none at its root, all its members."""
    root = tuple(entry for entry in entries if entry.is_root)
    members = strings(table(data, "manifest").get("members"))
    return root or tuple(entry for entry in entries if entry.name in members)


def default_groups(roots: tuple[Entry, ...], pyproject: Mapping[str, Any]) -> tuple[str, ...]:
    """The groups that `uv sync` installs unasked and a run may need."""
    known = [group for root in roots for group in table(root.data, "dev-dependencies")]
    stated = table(pyproject, "tool", "uv").get("default-groups", list(DEV))
    chosen = known if stated == "all" else [g for g in strings(stated) if g in known]
    return for_runs(dict.fromkeys(chosen))


def every_group(roots: tuple[Entry, ...]) -> tuple[str, ...]:
    """Groups and extras of the projects."""
    keys = ("dev-dependencies", "optional-dependencies")
    return tuple(name for root in roots for key in keys for name in table(root.data, key))


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

"""`poetry.lock`, formats 1.0 to 2.1.

Owns: what of it a run installs on the target. Up to 2.0 the lock says neither groups nor markers,
so the graph is walked from pyproject.toml; from 2.1 on every package says both.
Does not own: Poetry's tables (`poetry`), whether the lock is stale (`detectors`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from repropack.environment.artifacts import (
    File,
    Package,
    own_index,
    own_indexes,
    refuse_other_python,
)
from repropack.environment.constraints import allows
from repropack.environment.graph import reachable
from repropack.environment.groups import Offer, choose
from repropack.environment.locked import holds, lock_of, placed
from repropack.environment.model import Lock, Origin, Target, normalise
from repropack.environment.origins import address_origin, git_origin, local_origin
from repropack.environment.parts import UNASKED, Parts, Selection
from repropack.environment.poetry import (
    MAIN,
    Asked,
    all_asked,
    groups,
    poetry_offer,
    wanted_by_extras,
)
from repropack.environment.requirements import ReadText
from repropack.environment.target import full_version
from repropack.environment.tomlfile import (
    parse_toml,
    read_pyproject,
    strings,
    table,
    tables,
    text_of,
)
from repropack.errors import InvalidError
from repropack.findings import Finding, Severity, Where

LOCK_AGAIN = "run `poetry lock`, commit the result, and try again"
UNLOCKED = frozenset(("pip", "setuptools", "wheel", "distribute"))  # old Poetry never locks them


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One `[[package]]` with its place."""

    data: Mapping[str, Any]
    name: str
    version: str
    where: Where


@dataclass(frozen=True, slots=True)
class Node:
    """A package asked for with extras, as the walk meets it."""

    entry: Entry
    extras: tuple[str, ...]


def read_poetry(
    text: str,
    path: str,
    target: Target,
    read: ReadText | None,
    selection: Selection = UNASKED,
) -> Lock:
    """What Poetry would install for a run on the target. Raises `InvalidError`."""
    data = parse_toml(text, path)
    entries = tuple(
        Entry(entry, normalise(text_of(entry, "name")), text_of(entry, "version"), where)
        for entry, where in placed(data, text, path)
    )
    metadata = table(data, "metadata")
    refuse_unknown(text_of(metadata, "lock-version") or "1.0", path)
    python = text_of(metadata, "python-versions")
    if python and not allows(python, full_version(target)):
        refuse_other_python(plain(python), target, Where(path=path))
    pyproject = read_pyproject(path, read)
    of_extras = {**table(pyproject, "tool", "poetry", "extras"), **table(data, "extras")}
    parts = choose(offer_of(entries, pyproject, tuple(of_extras), path), selection)
    optional = wanted_by_extras(of_extras, parts.extra_names)
    missing: list[str] = []
    chosen = select(entries, pyproject, parts, target, missing, optional)
    packages = tuple(package_of(entry, data, path) for entry in chosen)
    return lock_of(
        *(packages, target, path, parts),
        findings=missing_findings(missing, path),
        indexes=own_indexes(packages),
    )


def plain(python: str) -> str:
    """A constraint on Python as a specifier, for messages."""
    from repropack.environment.constraints import alternatives

    try:
        return alternatives(python)[-1]
    except ValueError:
        return python


def refuse_unknown(version: str, path: str) -> None:
    """Formats of the future may mean something else by the same words."""
    if version.partition(".")[0] not in ("1", "2"):
        raise InvalidError(
            f"{path} has format {version}; formats 1 and 2 can be read",
            hint="export it: poetry export -f requirements.txt -o requirements.txt",
        )


def offer_of(
    entries: tuple[Entry, ...], pyproject: Mapping[str, Any], extras: tuple[str, ...], path: str
) -> Offer:
    """The groups and extras of the project, as far as its files tell: those of the lock too."""
    offer = poetry_offer(pyproject, path)
    locked = (group for entry in entries for group in strings(entry.data.get("groups")))
    known = dict.fromkeys((*offer.groups, *sorted(set(locked) - {MAIN})))
    return replace(
        offer, groups=tuple(known), extras=tuple(dict.fromkeys((*offer.extras, *extras)))
    )


def select(
    entries: tuple[Entry, ...],
    pyproject: Mapping[str, Any],
    parts: Parts,
    target: Target,
    missing: list[str],
    optional: frozenset[str],
) -> tuple[Entry, ...]:
    """The packages of a run: from what each says, else by walking from what is asked for.

    `optional` are the optional dependencies of the extras that are installed.
    """
    if any("groups" in entry.data for entry in entries):
        return tuple(entry for entry in entries if says_wanted(entry, parts, target))
    found = groups(pyproject)
    walk = _Walk(entries, target, missing)
    if not any(found.values()):
        main = [Node(entry, ()) for entry in entries if is_main(entry, target)]
        more = [node for name in optional for node in walk.nodes(Asked(name=name), ("",))]
        nodes = (*main, *reachable(more, walk.following))
    else:
        start = [item for g in (MAIN, *parts.group_names) for item in all_asked(found.get(g, {}))]
        wanted = [i for i in start if not i.optional or normalise(i.name) in optional]
        nodes = reachable(
            (node for item in wanted for node in walk.nodes(item, ("",))), walk.following
        )
    return tuple({id(node.entry): node.entry for node in nodes}.values())


def says_wanted(entry: Entry, parts: Parts, target: Target) -> bool:
    """Format 2.1: groups, and one marker for all or one for each group."""
    taken = (MAIN, *parts.group_names)
    extras = frozenset(map(normalise, parts.extra_names))
    mine = [group for group in strings(entry.data.get("groups")) if group in taken]
    markers = entry.data.get("markers", "")
    by_group = [
        markers.get(group, "") if isinstance(markers, Mapping) else markers for group in mine
    ]
    return any(
        holds(str(marker), target, entry.where, LOCK_AGAIN, taken=extras) for marker in by_group
    )


def is_main(entry: Entry, target: Target) -> bool:
    """Without a pyproject.toml: what old formats say of the package itself."""
    if entry.data.get("optional") is True or entry.data.get("category", MAIN) != MAIN:
        return False
    marker = text_of(entry.data, "marker")
    allowed = allows(text_of(entry.data, "python-versions") or "*", full_version(target))
    return allowed and holds(marker, target, entry.where, LOCK_AGAIN, taken=())


def age(entry: Entry) -> Any:
    """A key by which the newest version is the greatest; old locks may leave the choice open."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(entry.version)
    except InvalidVersion:
        return Version("0")


class _Walk:
    """Follows dependencies through a lock; what it does not have goes to `missing`."""

    def __init__(self, entries: tuple[Entry, ...], target: Target, missing: list[str]) -> None:
        self.target = target
        self.missing = missing
        self.by_name: dict[str, list[Entry]] = {}
        for entry in entries:
            self.by_name.setdefault(entry.name, []).append(entry)

    def nodes(self, item: Asked, extras: tuple[str, ...]) -> Iterator[Node]:
        """The locked package that a dependency means, if it counts on the target."""
        if not item.holds(self.target, extras):
            return
        name = normalise(item.name)
        candidates = self.by_name.get(name, [])
        fitting = [e for e in candidates if item.origin or allows(item.constraint, e.version)]
        here = [e for e in fitting if self._for_python(e)] or fitting or candidates
        if here:
            yield Node(max(here, key=age), tuple(normalise(extra) for extra in item.extras))
        elif name not in UNLOCKED:
            self.missing.append(item.name)

    def _for_python(self, entry: Entry) -> bool:
        python = text_of(entry.data, "python-versions") or "*"
        return allows(python, full_version(self.target))

    def following(self, node: Node) -> Iterator[Node]:
        """What a package needs, with the dependencies of the extras that it was asked for."""
        wanted = set(self._of_extras(node))
        extras = ("", *node.extras)
        for item in all_asked(table(node.entry.data, "dependencies")):
            if not item.optional or normalise(item.name) in wanted:
                yield from self.nodes(item, extras)

    def _of_extras(self, node: Node) -> Iterator[str]:
        for extra, needs in table(node.entry.data, "extras").items():
            if normalise(extra) in node.extras:
                yield from (normalise(need.split(" ")[0].split("[")[0]) for need in strings(needs))


def package_of(entry: Entry, data: Mapping[str, Any], path: str) -> Package:
    """An entry with its files, or with where it comes from."""
    source = table(entry.data, "source")
    kind, url = text_of(source, "type"), text_of(source, "url")
    return Package(
        name=entry.name,
        version=entry.version,
        files=tuple(files_of(entry, data, url if kind == "url" else None)),
        where=entry.where,
        index=own_index(url) if kind == "legacy" else None,
        origin=origin_of(source, entry.where),
    )


def origin_of(source: Mapping[str, Any], where: Where) -> Origin | None:
    """Where a package comes from that is on no index. Raises `InvalidError`."""
    kind, url = text_of(source, "type"), text_of(source, "url")
    if kind == "git":
        commit, path = text_of(source, "resolved_reference"), text_of(source, "subdirectory")
        return git_origin(url, where, commit=commit, path=path)
    if kind in ("directory", "file"):
        return local_origin(url, where)
    return address_origin(url, where) if kind == "url" and not url.endswith(".whl") else None


def files_of(entry: Entry, data: Mapping[str, Any], url: str | None) -> Iterator[File]:
    """The files, wherever the format has them: with the package, or in `[metadata]`."""
    own = tables(entry.data.get("files"))
    name = text_of(entry.data, "name")
    for file in own or tables(table(data, "metadata", "files").get(name)):
        yield File(name=text_of(file, "file"), hash=text_of(file, "hash"), url=url)
    if not own:
        for value in strings(table(data, "metadata", "hashes").get(name)):
            yield File(name="", hash=f"sha256:{value}", url=url)


def missing_findings(names: Iterable[str], path: str) -> tuple[Finding, ...]:
    """Packages that are asked for and not in the lock."""
    return tuple(
        Finding(
            kind="environment.lock-incomplete",
            value=name,
            because=f"{name} is asked for, but {path} does not have it; {LOCK_AGAIN}",
            where=Where(path=path),
            severity=Severity.WARNING,
        )
        for name in dict.fromkeys(names)
    )

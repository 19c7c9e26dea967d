"""`pdm.lock`, formats 4.0 to 4.5, with and without inherited metadata and static addresses.

Owns: what of it a run installs on the target. Does not own: whether the lock is stale
(`detectors`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from repropack.environment.artifacts import (
    File,
    Package,
    own_index,
    refuse_other_python,
)
from repropack.environment.graph import reachable
from repropack.environment.groups import Offer, choose, flattened
from repropack.environment.locked import holds, lock_of, placed
from repropack.environment.model import Lock, Origin, Target, normalise
from repropack.environment.origins import (
    address_origin,
    git_origin,
    local_origin,
    other_system,
)
from repropack.environment.parts import UNASKED, Parts, Selection
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
from repropack.findings import Where

DEFAULT = "default"
OTHER_SYSTEMS = ("hg", "svn", "bzr")
LOCK_AGAIN = "run `pdm lock`, commit the result, and try again"


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One `[[package]]` with its place. With extras it stands for them alone."""

    data: Mapping[str, Any]
    name: str
    extras: frozenset[str]
    where: Where

    @classmethod
    def of(cls, data: Mapping[str, Any], where: Where) -> Entry:
        """An entry as the lock has it."""
        extras = frozenset(map(normalise, strings(data.get("extras"))))
        return cls(data, normalise(text_of(data, "name")), extras, where)


def read_pdm(
    text: str,
    path: str,
    target: Target,
    read: ReadText | None,
    selection: Selection = UNASKED,
) -> Lock:
    """What PDM would install for a run on the target. Raises `InvalidError`."""
    data = parse_toml(text, path)
    metadata = table(data, "metadata")
    version = text_of(metadata, "lock_version") or text_of(data, "lock_version")
    if version.partition(".")[0] != "4":
        raise InvalidError(
            f"{path} has format {version or 'unknown'}; format 4 can be read",
            hint="export it: pdm export -f requirements -o requirements.txt",
        )
    targets = [text_of(item, "requires_python") for item in tables(metadata.get("targets"))]
    if len(targets) == 1:
        refuse_other_python(targets[0], target, Where(path=path))
    pyproject = read_pyproject(path, read)
    entries = tuple(Entry.of(entry, where) for entry, where in placed(data, text, path))
    parts = choose(offer_of(metadata, pyproject, path), selection)
    chosen = selected(entries, pyproject, parts, target, path)
    packages = tuple(package_of(entry, data) for entry in chosen if not entry.extras)
    sources = tables(table(pyproject, "tool", "pdm").get("source"))
    indexes = (own_index(text_of(item, "url")) for item in sources)
    return lock_of(packages, target, path, parts, indexes=indexes)


def offer_of(metadata: Mapping[str, Any], pyproject: Mapping[str, Any], path: str) -> Offer:
    """The groups that were locked: extras among them, as the project says.

    `pdm install` takes the groups of development unasked. Without a pyproject.toml a name may be
    either.
    """
    locked = tuple(g for g in strings(metadata.get("groups")) if normalise(g) != DEFAULT)
    optional = {normalise(name) for name in table(pyproject, "project", "optional-dependencies")}
    development = {normalise(name) for name in of_development(pyproject, path)}
    groups = tuple(group for group in locked if normalise(group) not in optional)
    return Offer(
        path=path,
        main=DEFAULT,
        groups=groups,
        extras=tuple(g for g in locked if normalise(g) in optional) if pyproject else locked,
        unasked=tuple(group for group in groups if normalise(group) in development),
        tool="PDM",
    )


def of_development(pyproject: Mapping[str, Any], path: str) -> dict[str, list[object]]:
    """The groups that are no extras, each with what it asks for."""
    standard = table(pyproject, "dependency-groups")
    own = table(pyproject, "tool", "pdm", "dev-dependencies")
    return {
        **{name: list(flattened(standard, name, path)) for name in standard},
        **{name: list(strings(needs)) for name, needs in own.items()},
    }


def selected(
    entries: tuple[Entry, ...],
    pyproject: Mapping[str, Any],
    parts: Parts,
    target: Target,
    path: str,
) -> tuple[Entry, ...]:
    """The packages of these groups: as each says, else by walking from the project."""
    taken = {DEFAULT, *map(normalise, (*parts.group_names, *parts.extra_names))}
    if any("groups" in entry.data for entry in entries):
        mine = [
            entry
            for entry in entries
            if taken & set(map(normalise, strings(entry.data.get("groups"))))
        ]
        return tuple(
            e for e in mine if holds(text_of(e.data, "marker"), target, e.where, LOCK_AGAIN)
        )
    project = table(pyproject, "project")
    if not project:
        raise InvalidError(
            f"{path} does not say which group a package is of, and there is no pyproject.toml",
            hint="commit the pyproject.toml, or lock with `pdm lock -S inherit_metadata`",
        )
    walk = _Walk(entries, target)
    more = {**table(project, "optional-dependencies"), **of_development(pyproject, path)}
    lists = [project.get("dependencies")]
    lists += [needs for name, needs in more.items() if normalise(name) in taken]
    start = [e for needs in lists for e in walk.meant(strings(needs), Where(path=path))]
    return reachable(start, lambda e: walk.meant(strings(e.data.get("dependencies")), e.where))


class _Walk:
    def __init__(self, entries: tuple[Entry, ...], target: Target) -> None:
        self.target = target
        self.by_name: dict[str, list[Entry]] = {}
        for entry in entries:
            self.by_name.setdefault(entry.name, []).append(entry)

    def meant(self, needs: tuple[str, ...], where: Where) -> Iterator[Entry]:
        """The locked packages that requirements mean on the target."""
        from packaging.requirements import InvalidRequirement, Requirement

        for need in needs:
            try:
                asked = Requirement(need)
            except InvalidRequirement as error:
                reason = str(error).splitlines()[0]
                raise InvalidError(f"{where}: {reason}", hint=LOCK_AGAIN) from error
            if not holds(str(asked.marker or ""), self.target, where, LOCK_AGAIN):
                continue
            extras = frozenset(map(normalise, asked.extras))
            every = self.by_name.get(normalise(asked.name), [])
            fitting = [e for e in every if self._fits(e, asked.specifier)]
            plain = [e for e in fitting if not e.extras][:1]
            if not plain:
                raise InvalidError(f"{where}: the lock does not have {need}", hint=LOCK_AGAIN)
            yield from plain
            yield from [e for e in fitting if e.extras and e.extras <= extras]

    def _fits(self, entry: Entry, specifier: Any) -> bool:
        version = text_of(entry.data, "version")
        python = text_of(entry.data, "requires_python")
        return specifier.contains(version, prereleases=True) and runs_on(python, self.target)


def runs_on(python: str, target: Target) -> bool:
    """Whether a package is for the target's Python."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(python).contains(full_version(target), prereleases=True)
    except InvalidSpecifier:
        return True


def package_of(entry: Entry, data: Mapping[str, Any]) -> Package:
    """An entry with its files, or with where it comes from."""
    url = text_of(entry.data, "url")
    version = text_of(entry.data, "version")
    return Package(
        name=entry.name,
        version=version,
        files=tuple(files_of(entry, data, url or None)),
        where=entry.where,
        origin=origin_of(entry),
    )


def origin_of(entry: Entry) -> Origin | None:
    """Where a package comes from that is on no index. Raises `InvalidError`."""
    data, where = entry.data, entry.where
    for key in OTHER_SYSTEMS:
        if key in data:
            raise other_system(entry.name, key, where)
    path = text_of(data, "subdirectory")
    if "git" in data:
        commit = text_of(data, "revision")
        return git_origin(text_of(data, "git"), where, commit=commit, path=path)
    if "path" in data:
        return local_origin(text_of(data, "path"), where)
    url = text_of(data, "url").partition("#")[0]
    return address_origin(url, where) if url and not url.endswith(".whl") else None


def files_of(entry: Entry, data: Mapping[str, Any], url: str | None) -> Iterator[File]:
    """The files, with the package or, in old formats, below `[metadata.files]`."""
    own = tables(entry.data.get("files"))
    key = f"{text_of(entry.data, 'name')} {text_of(entry.data, 'version')}"
    for file in own or tables(table(data, "metadata", "files").get(key)):
        address = text_of(file, "url") or url
        name = text_of(file, "file") or (address or "").partition("#")[0].rpartition("/")[2]
        yield File(name=name.replace("%2B", "+"), hash=text_of(file, "hash"), url=address)

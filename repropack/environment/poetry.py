"""Poetry's tables in pyproject.toml: what is asked for, group by group.

Owns: `[tool.poetry…]`, as lines for the resolver and as a start for walking a lock.
Does not own: `poetry.lock` (`poetrylock`), versions (`constraints`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from repropack.environment.artifacts import own_index
from repropack.environment.constraints import allows, alternatives, python_marker
from repropack.environment.direct import direct_of
from repropack.environment.groups import Offer
from repropack.environment.lines import shown
from repropack.environment.model import Target, normalise
from repropack.environment.parts import Parts
from repropack.environment.requirements import Line
from repropack.environment.target import full_version, marker_holds
from repropack.environment.tomlfile import line_of, strings, table, tables, text_of
from repropack.errors import InvalidError
from repropack.findings import Finding, Severity, Where

MAIN = "main"
NAME = re.compile(r"[^A-Za-z0-9._-]")
FOREIGN = ("git", "path", "url", "file")  # the keys that name another origin than an index


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One dependency in Poetry's words. `origin` is its table where it is on no index."""

    name: str
    constraint: str = "*"
    marker: str = ""
    python: str = ""
    extras: tuple[str, ...] = ()
    optional: bool = False
    origin: Mapping[str, Any] | None = None

    def holds(self, target: Target, extras: tuple[str, ...] = ("",)) -> bool:
        """Whether it counts on the target, for a package that is asked for with these extras."""
        if self.python and not allows(self.python, full_version(target)):
            return False
        try:
            return not self.marker or any(marker_holds(self.marker, target, e) for e in extras)
        except ValueError:
            return True


def asked(name: str, value: object) -> Iterator[Asked]:
    """What one entry of a table of dependencies asks for; several where it is a list."""
    if isinstance(value, str):
        yield Asked(name=name, constraint=value)
    elif isinstance(value, list):
        for part in value:
            yield from asked(name, part)
    elif isinstance(value, Mapping):
        yield Asked(
            name=name,
            constraint=text_of(value, "version") or "*",
            marker=_marker(value),
            python=text_of(value, "python"),
            extras=strings(value.get("extras")),
            optional=value.get("optional") is True,
            origin=value if any(key in value for key in FOREIGN) else None,
        )


def _marker(value: Mapping[str, Any]) -> str:
    platform = text_of(value, "platform")
    parts = [text_of(value, "markers"), f'sys_platform == "{platform}"' if platform else ""]
    return " and ".join(f"({part})" for part in parts if part)


def all_asked(dependencies: Mapping[str, Any]) -> tuple[Asked, ...]:
    """All entries of a table but for Python itself."""
    return tuple(
        item
        for name, value in dependencies.items()
        if name.lower() != "python"
        for item in asked(name, value)
    )


def groups(pyproject: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The tables of dependencies by group; `main` is the first."""
    poetry = table(pyproject, "tool", "poetry")
    found = {MAIN: table(poetry, "dependencies")}
    if "dev-dependencies" in poetry:
        found["dev"] = table(poetry, "dev-dependencies")
    for name, group in table(poetry, "group").items():
        found[name] = table(group, "dependencies")
    return found


def group_names(pyproject: Mapping[str, Any]) -> tuple[str, ...]:
    """Every group that Poetry knows, `main` first."""
    return tuple(dict.fromkeys((*groups(pyproject), *table(pyproject, "dependency-groups"))))


def poetry_offer(pyproject: Mapping[str, Any], path: str) -> Offer:
    """Poetry's groups and extras, and the groups that `poetry install` takes unasked."""
    settings = table(pyproject, "tool", "poetry", "group")
    others = tuple(name for name in group_names(pyproject) if name != MAIN)
    extras = (
        *table(pyproject, "tool", "poetry", "extras"),
        *table(pyproject, "project", "optional-dependencies"),
    )
    return Offer(
        path=path,
        groups=others,
        extras=tuple(dict.fromkeys(extras)),
        unasked=tuple(n for n in others if table(settings, n).get("optional") is not True),
        tool="Poetry",
    )


def wanted_by_extras(extras: Mapping[str, Any], taken: Iterable[str]) -> frozenset[str]:
    """The optional dependencies that extras name, of a table of them: normalised names."""
    names = frozenset(map(normalise, taken))
    return frozenset(
        normalise(NAME.split(need.strip(), maxsplit=1)[0])
        for extra, needs in extras.items()
        if normalise(extra) in names
        for need in strings(needs)
    )


def poetry_lines(
    pyproject: Mapping[str, Any], text: str, path: str, parts: Parts, *, main: bool = True
) -> tuple[Line, ...]:
    """The dependencies of a run as standard requirements. Raises `InvalidError`.

    `main` is false where `[project]` has dependencies: Poetry's own then only say where from.
    """
    found = groups(pyproject)
    optional = wanted_by_extras(table(pyproject, "tool", "poetry", "extras"), parts.extra_names)
    return tuple(
        line_from(item, Where(path=path, line=_line(item.name, text)))
        for group in (MAIN, *parts.group_names)
        if main or group != MAIN
        for item in all_asked(found.get(group, {}))
        if not item.optional or normalise(item.name) in optional
    )


def _line(name: str, text: str) -> int | None:
    section = text.find("[tool.poetry")
    starts = [f"\n{name} ", f"\n{name}=", f'\n"{name}"']
    found = [at for start in starts if (at := text.find(start, section)) >= 0]
    return text.count("\n", 0, min(found)) + 2 if found else line_of(name, text)


def line_from(item: Asked, where: Where) -> Line:
    """One dependency as a standard requirement. Of alternatives the last counts: the newest."""
    try:
        version = alternatives(item.constraint)[-1]
        python = python_marker(item.python) if item.python else ""
    except ValueError as error:
        raise InvalidError(
            f"{where}: {shown(item.name)}: {error}", hint="write it as Poetry does: ^1.2"
        ) from error
    extras = f"[{','.join(item.extras)}]" if item.extras else ""
    markers = [f"({part})" for part in (item.marker, python) if part]
    marker = f" ; {' and '.join(markers)}" if markers else ""
    direct = None
    if item.origin is not None:
        direct = direct_of(item.name, item.origin, where, extras=extras, marker=marker[3:])
    text = f"{item.name}{extras}{version}{marker}"
    return Line(text=text, hashes=(), where=where, direct=direct)


def poetry_findings(pyproject: Mapping[str, Any], path: str, parts: Parts) -> tuple[Finding, ...]:
    """Alternatives of versions that had to be narrowed to one."""
    every = groups(pyproject)
    return tuple(
        Finding(
            kind="environment.narrowed",
            value=item.name,
            because=f"of `{item.constraint}` in {path} the last alternative is resolved",
            where=Where(path=path),
            severity=Severity.WARNING,
        )
        for group in (MAIN, *parts.group_names)
        for item in all_asked(every.get(group, {}))
        if "|" in item.constraint
    )


def poetry_indexes(pyproject: Mapping[str, Any]) -> tuple[str, ...]:
    """The author's own indexes."""
    sources = tables(table(pyproject, "tool", "poetry").get("source"))
    found = (own_index(text_of(source, "url")) for source in sources)
    return tuple(dict.fromkeys(url for url in found if url))

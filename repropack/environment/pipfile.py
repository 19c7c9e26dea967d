"""Pipenv: `Pipfile.lock`, and the `Pipfile` that it is made from.

Owns: both. Does not own: whether the lock is stale (`detectors`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from repropack.environment.artifacts import (
    File,
    Package,
    own_index,
    own_indexes,
)
from repropack.environment.direct import direct_of
from repropack.environment.groups import Offer, choose
from repropack.environment.locked import holds, lock_of
from repropack.environment.model import Lock, Origin, Target, normalise
from repropack.environment.origins import address_origin, git_origin, local_origin, other_system
from repropack.environment.parts import UNASKED, Parts, Selection
from repropack.environment.requirements import Line
from repropack.environment.tomlfile import line_of, strings, table, tables, text_of
from repropack.errors import InvalidError
from repropack.findings import Finding, Severity, Where

LOCK_AGAIN = "run `pipenv lock`, commit the result, and try again"
MAIN = "default"
DEVELOPMENT = "develop"
SECTIONS = {MAIN: "packages", DEVELOPMENT: "dev-packages"}  # of a Pipfile; others have one name
NO_GROUPS = ("source", "requires", "scripts", "pipenv", *SECTIONS.values())
OTHER_SYSTEMS = ("hg", "svn")
FOREIGN = ("git", "path", "file", *OTHER_SYSTEMS)
MARKERS = (  # the keys that stand for a marker of the same name
    *("os_name", "sys_platform", "platform_machine", "platform_python_implementation"),
    *("platform_release", "platform_system", "platform_version", "python_version"),
    *("python_full_version", "implementation_name", "implementation_version"),
)


def read_pipfile_lock(text: str, path: str, target: Target, selection: Selection = UNASKED) -> Lock:
    """What `pipenv sync` would install on the target. Raises `InvalidError`."""
    data = parse_json(text, path)
    sources = {
        text_of(s, "name"): own_index(text_of(s, "url"))
        for s in tables(table(data, "_meta").get("sources"))
    }
    known = tuple(key for key in data if key not in ("_meta", MAIN) and data[key])
    parts = choose(Offer(path=path, main=MAIN, groups=known), selection)
    entries = (
        (name, entry, place(name, text, text.find(f'"{category}": {{'), path))
        for category in (MAIN, *parts.group_names)
        for name, entry in table(data, category).items()
        if isinstance(entry, Mapping)
    )
    wanted = [item for item in entries if holds(marker_of(item[1]), target, item[2], LOCK_AGAIN)]
    unlocked = [(name, where) for name, entry, where in wanted if is_unlocked(entry)]
    packages = tuple(
        package_of(name, entry, sources, where)
        for name, entry, where in wanted
        if not is_unlocked(entry)
    )
    return lock_of(
        *(packages, target, path, parts),
        findings=(
            *other_python(data, target, path),
            *(unlocked_finding(name, where) for name, where in unlocked),
        ),
        indexes=(*sources.values(), *own_indexes(packages)),
    )


def is_unlocked(entry: Mapping[str, Any]) -> bool:
    """Pipenv writes `*` for what its own platform did not need, and forgets the marker."""
    return text_of(entry, "version") in ("", "*") and not set(entry) & {"hashes", *FOREIGN}


def unlocked_finding(name: str, where: Where) -> Finding:
    """A package without a version and without a hash is left out."""
    return Finding(
        kind="environment.lock-incomplete",
        value=name,
        because=f"{where}: {name} has no version and no hash, so it is not installed",
        where=where,
        severity=Severity.WARNING,
    )


def parse_json(text: str, path: str) -> Mapping[str, Any]:
    """The lock as a mapping."""
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"{path} is not JSON: {error}", hint=LOCK_AGAIN) from error
    if not isinstance(data, dict):
        raise InvalidError(f"{path} is not a lock of Pipenv's", hint=LOCK_AGAIN)
    return data


def place(name: str, text: str, start: int, path: str) -> Where:
    """Where a package stands below its category, which starts there."""
    at = text.find(f'"{name}":', max(start, 0))
    return Where(path=path, line=None if at < 0 else text.count("\n", 0, at) + 1)


def marker_of(entry: Mapping[str, Any]) -> str:
    """`markers`, and the keys that are named as markers are: `sys_platform = "== 'win32'"`."""
    parts = [text_of(entry, "markers")]
    parts += [f"{key} {text_of(entry, key)}" for key in MARKERS if text_of(entry, key)]
    return " and ".join(f"({part})" for part in parts if part)


def package_of(
    name: str, entry: Mapping[str, Any], sources: Mapping[str, str | None], where: Where
) -> Package:
    """An entry with its hashes; Pipenv does not say which file each is of."""
    version = text_of(entry, "version")
    origin = origin_of(name, entry, where)
    if origin is None and not version.startswith("=="):
        raise InvalidError(f"{where}: {name} has no exact version", hint=LOCK_AGAIN)
    return Package(
        name=normalise(name),
        version=version.lstrip("="),
        files=tuple(File(name="", hash=value) for value in strings(entry.get("hashes"))),
        where=where,
        index=sources.get(text_of(entry, "index")),
        origin=origin,
    )


def origin_of(name: str, entry: Mapping[str, Any], where: Where) -> Origin | None:
    """Where a package comes from that is on no index. Raises `InvalidError`."""
    for key in OTHER_SYSTEMS:
        if key in entry:
            raise other_system(name, key, where)
    if "git" in entry:
        ref, path = text_of(entry, "ref"), text_of(entry, "subdirectory")
        return git_origin(text_of(entry, "git"), where, ref=ref, path=path)
    if "path" in entry:
        return local_origin(text_of(entry, "path"), where)
    file = text_of(entry, "file")
    if not file or file.endswith(".whl"):
        return None
    return address_origin(file, where) if "://" in file else local_origin(file, where)


def other_python(data: Mapping[str, Any], target: Target, path: str) -> tuple[Finding, ...]:
    """The lock's Python is not the target's: Pipenv warns, and so do we."""
    requires = table(data, "_meta", "requires")
    wanted = text_of(requires, "python_full_version") or text_of(requires, "python_version")
    if not wanted or ".".join(wanted.split(".")[:2]) == target.minor:
        return ()
    return (
        Finding(
            kind="python.conflict",
            value=wanted,
            because=f"{path} was made for Python {wanted}, the target is {target}",
            where=Where(path=path),
            severity=Severity.WARNING,
        ),
    )


def pipfile_parts(data: Mapping[str, Any], path: str, selection: Selection) -> Parts:
    """The categories of a Pipfile that are installed."""
    others = tuple(key for key, value in data.items() if key not in NO_GROUPS and table(data, key))
    known = (DEVELOPMENT, *others) if table(data, "dev-packages") else others
    return choose(Offer(path=path, main=MAIN, groups=known), selection)


def pipfile_lines(data: Mapping[str, Any], text: str, path: str, parts: Parts) -> Iterator[Line]:
    """The packages that a `Pipfile` asks for, as standard requirements."""
    for category in (MAIN, *parts.group_names):
        section = SECTIONS.get(category, category)
        start = max(text.find(f"[{section}]"), 0)
        for name, value in table(data, section).items():
            at = text.find(f"\n{name} ", start)
            line = text.count("\n", 0, at) + 2 if at >= 0 else line_of(name, text)
            where = Where(path=path, line=line)
            entry = value if isinstance(value, Mapping) else {"version": value}
            origin_of(name, entry, where)  # what cannot be packed is refused
            extras = bracketed(entry)
            direct = direct_of(name, entry, where, extras=extras, marker=marker_of(entry))
            yield Line(text=line_text(name, entry), hashes=(), where=where, direct=direct)


def bracketed(entry: Mapping[str, Any]) -> str:
    """The extras as a requirement has them."""
    extras = strings(entry.get("extras"))
    return f"[{','.join(extras)}]" if extras else ""


def line_text(name: str, entry: Mapping[str, Any]) -> str:
    """One entry as a requirement: `*` is any version."""
    version = text_of(entry, "version").strip()
    marker = marker_of(entry)
    return (
        f"{name}{bracketed(entry)}"
        f"{'' if version == '*' else version}{' ; ' + marker if marker else ''}"
    )


def pipfile_indexes(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The author's own indexes."""
    found = (own_index(text_of(source, "url")) for source in tables(data.get("source")))
    return tuple(dict.fromkeys(url for url in found if url))

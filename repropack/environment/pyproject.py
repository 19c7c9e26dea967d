"""pyproject.toml and script headers that are not locked: what a run asks for.

Owns: `[project]`, dependency groups (PEP 735), flit's old table, script headers (PEP 723), and
setuptools' dynamic dependencies. Does not own: Poetry's tables (`poetry`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from repropack.environment.direct import direct_of, read_direct
from repropack.environment.graph import for_runs, groups_finding
from repropack.environment.lines import shown
from repropack.environment.model import normalise
from repropack.environment.poetry import poetry_findings, poetry_indexes, poetry_lines
from repropack.environment.requirements import Line, parse_line
from repropack.environment.tomlfile import line_of, parse_toml, strings, table
from repropack.errors import InvalidError
from repropack.findings import Finding, Severity, Where
from repropack.formats import SCRIPT_HEADER


def pyproject_lines(data: Mapping[str, Any], text: str, path: str) -> Iterator[Line]:
    """Every dependency of a run, as standard requirements; `-r FILE` for those in files."""
    sources = table(data, "tool", "uv", "sources")
    yield from (sourced(line, sources) for line in every_line(data, text, path))


def every_line(data: Mapping[str, Any], text: str, path: str) -> Iterator[Line]:
    """Every dependency of a run, as the tables name it."""
    project = table(data, "project")
    for item in as_list(project.get("dependencies")):
        yield dependency(item, text, path)
    yield from dynamic_lines(data, path)
    for item in as_list(table(data, "tool", "flit", "metadata").get("requires")):
        yield dependency(item, text, path)
    yield from poetry_lines(data, text, path, main=not project.get("dependencies"))
    for group in taken_groups(data):
        yield from group_lines(data, group, text, path, ())


def sourced(line: Line, sources: Mapping[str, Any]) -> Line:
    """A dependency from where `[tool.uv.sources]` says that it comes."""
    name, rest = parse_line(line.text)
    entry = next((sources[key] for key in sources if normalise(key) == normalise(name)), None)
    if line.direct is not None or not isinstance(entry, Mapping):
        return line
    found = re.match(r"\s*(\[[^\]]*\])", rest)
    marker = rest.partition(";")[2].strip()
    extras = found[1] if found else ""
    direct = direct_of(name, entry, line.where, extras=extras, marker=marker)
    return replace(line, direct=direct)


def dynamic_lines(data: Mapping[str, Any], path: str) -> Iterator[Line]:
    """Files that setuptools reads dependencies from."""
    dynamic = "dependencies" in strings(table(data, "project").get("dynamic"))
    if not dynamic or table(data, "tool", "poetry", "dependencies"):
        return
    stated = table(data, "tool", "setuptools", "dynamic", "dependencies").get("file")
    names = (stated,) if isinstance(stated, str) else strings(stated)
    if not names:
        raise InvalidError(
            f"{path}: the dependencies are dynamic: a build script knows them, nobody else",
            hint="write them into a requirements.txt, and name it in repropack.yaml",
        )
    for name in names:
        yield Line(text=f"-r {name}", hashes=(), where=Where(path=path))


def taken_groups(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Groups that count: uv's defaults, and all where the project itself asks for nothing."""
    groups = table(data, "dependency-groups")
    stated = table(data, "tool", "uv").get("default-groups", [])
    main = table(data, "project").get("dependencies") or table(data, "tool", "poetry")
    if stated == "all" or not main:
        return for_runs(groups)
    return for_runs(group for group in strings(stated) if group in groups)


def group_lines(
    data: Mapping[str, Any], group: str, text: str, path: str, above: tuple[str, ...]
) -> Iterator[Line]:
    """One group with those that it includes. Raises `InvalidError` for a circle."""
    if group in above:
        raise InvalidError(
            f"{path}: dependency groups include each other: {' → '.join((*above, group))}",
            hint="remove one of the includes",
        )
    for item in as_list(table(data, "dependency-groups").get(group)):
        included = item.get("include-group") if isinstance(item, Mapping) else None
        if isinstance(included, str):
            yield from group_lines(data, included, text, path, (*above, group))
        else:
            yield dependency(item, text, path)


def pyproject_findings(data: Mapping[str, Any], path: str) -> tuple[Finding, ...]:
    """Groups that are left out, versions that were narrowed, tables that have no effect."""
    every = (*table(data, "dependency-groups"), *table(data, "project", "optional-dependencies"))
    return (
        *groups_finding(("main", *taken_groups(data)), every, path),
        *poetry_findings(data, path),
        *ignored_sources(data, path),
    )


def pyproject_indexes(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The author's own indexes."""
    return poetry_indexes(data)


def as_list(value: object) -> list[object]:
    """A list, or nothing where a file has something else."""
    return list(value) if isinstance(value, list) else []


def dependency(item: object, text: str, path: str) -> Line:
    """One dependency with the line that it stands on."""
    where = Where(path=path, line=line_of(str(item), text))
    if not isinstance(item, str):
        raise InvalidError(f"{where}: a dependency is not a string", hint='write "NAME>=VERSION"')
    if "@" in item.partition(";")[0]:
        return Line(text=item, hashes=(), where=where, direct=read_direct(item, where))
    return Line(text=item, hashes=(), where=where)


def ignored_sources(data: Mapping[str, Any], path: str) -> tuple[Finding, ...]:
    """uv's own indexes are not followed yet; that is worth the author's eye."""
    uv = table(data, "tool", "uv")
    listed = [entry for entry in table(uv, "sources").values() if not isinstance(entry, Mapping)]
    if not ("index" in uv or listed):
        return ()
    return (
        Finding(
            kind="environment.option-ignored",
            value="tool.uv",
            because=f"the indexes of [tool.uv] in {path}, and lists of sources, are not followed",
            where=Where(path=path),
            severity=Severity.WARNING,
        ),
    )


def script_lines(text: str, path: str) -> Iterator[Line]:
    """The dependencies in a script's header. Raises `InvalidError` where there is none."""
    match = SCRIPT_HEADER.search(text)
    if match is None:
        raise InvalidError(
            f"{shown(path)} has no header that names dependencies",
            hint="name another file in repropack.yaml: environment.lock",
        )
    content = "".join(
        line[2:] if line.startswith("# ") else line[1:]
        for line in match.group("content").splitlines(keepends=True)
    )
    data = parse_toml(content, path)
    for item in as_list(data.get("dependencies")):
        yield dependency(item, text, path)

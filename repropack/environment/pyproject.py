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
from repropack.environment.groups import Offer, choose, flattened
from repropack.environment.lines import shown
from repropack.environment.model import normalise
from repropack.environment.parts import Parts, Selection
from repropack.environment.poetry import (
    poetry_findings,
    poetry_indexes,
    poetry_lines,
    poetry_offer,
)
from repropack.environment.requirements import Line, parse_line
from repropack.environment.tomlfile import line_of, parse_toml, strings, table, text_of
from repropack.errors import ComputedError, InvalidError
from repropack.findings import Finding, Severity, Where
from repropack.formats import SCRIPT_HEADER


def pyproject_parts(data: Mapping[str, Any], path: str, selection: Selection) -> Parts:
    """The groups and extras of a project that are installed. Raises `InvalidError`."""
    poetry = poetry_offer(data, path)
    standard = table(data, "dependency-groups")
    own = table(data, "tool", "pdm", "dev-dependencies")
    flit = table(data, "tool", "flit", "metadata", "requires-extra")
    dynamic = table(data, "tool", "setuptools", "dynamic", "optional-dependencies")
    unasked, tool = of_the_tool(data, poetry)
    offer = Offer(
        path=path,
        groups=tuple(dict.fromkeys((*poetry.groups, *standard, *own))),
        extras=tuple(dict.fromkeys((*poetry.extras, *flit, *dynamic))),
        unasked=unasked,
        tool=tool,
    )
    return choose(offer, selection)


def of_the_tool(data: Mapping[str, Any], poetry: Offer) -> tuple[tuple[str, ...], str]:
    """The groups that the project's tool installs unasked: uv's defaults, Poetry's, PDM's; and
    all where the project itself asks for nothing.
    """
    groups = table(data, "dependency-groups")
    if table(data, "tool", "poetry"):
        return poetry.unasked, poetry.tool
    if table(data, "tool", "pdm"):
        return (*groups, *table(data, "tool", "pdm", "dev-dependencies")), "PDM"
    stated = table(data, "tool", "uv").get("default-groups", [])
    if stated == "all":
        return tuple(groups), "uv"
    if not has_main(data):
        return tuple(groups), "the project itself asks for nothing, and its tool"
    return tuple(group for group in strings(stated) if group in groups), "uv"


def has_main(data: Mapping[str, Any]) -> bool:
    """Whether the project asks for something in no group."""
    return bool(
        table(data, "project").get("dependencies")
        or "dependencies" in strings(table(data, "project").get("dynamic"))
        or table(data, "tool", "flit", "metadata").get("requires")
    )


def pyproject_lines(data: Mapping[str, Any], text: str, path: str, parts: Parts) -> Iterator[Line]:
    """Every dependency of a run, as standard requirements; `-r FILE` for those in files."""
    sources = table(data, "tool", "uv", "sources")
    own = normalise(text_of(table(data, "project"), "name") or "-")
    met: set[str] = set()
    for line in every_line(data, text, path, parts):
        yield from (sourced(item, sources) for item in of_itself(line, own, met, data, text, path))


def of_itself(
    line: Line, own: str, met: set[str], data: Mapping[str, Any], text: str, path: str
) -> Iterator[Line]:
    """A line, or what the extras ask for where the project names itself: `all = ["me[gpu]"]`."""
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*\[([^\]]*)\]", line.text)
    if line.direct is not None or found is None or normalise(found[1]) != own:
        yield line
        return
    for extra in (normalise(name.strip()) for name in found[2].split(",")):
        if extra not in met:
            met.add(extra)
            for inner in extra_lines(data, extra, text, path):
                yield from of_itself(inner, own, met, data, text, path)


def every_line(data: Mapping[str, Any], text: str, path: str, parts: Parts) -> Iterator[Line]:
    """Every dependency of a run, as the tables name it."""
    project = table(data, "project")
    for item in as_list(project.get("dependencies")):
        yield dependency(item, text, path)
    yield from dynamic_lines(data, path)
    for item in as_list(table(data, "tool", "flit", "metadata").get("requires")):
        yield dependency(item, text, path)
    yield from poetry_lines(data, text, path, parts, main=not project.get("dependencies"))
    for extra in parts.extra_names:
        yield from extra_lines(data, extra, text, path)
    groups = table(data, "dependency-groups")
    own = table(data, "tool", "pdm", "dev-dependencies")
    for group in parts.group_names:
        needs = flattened(groups, group, path) if group in groups else ()
        for item in (*needs, *as_list(own.get(group))):
            yield dependency(item, text, path)


def extra_lines(data: Mapping[str, Any], extra: str, text: str, path: str) -> Iterator[Line]:
    """What an extra asks for: of the standard, of flit, or in a file that setuptools reads.

    Poetry's own extras name its optional dependencies (`poetry`).
    """
    for needs in (
        table(data, "project", "optional-dependencies"),
        table(data, "tool", "flit", "metadata", "requires-extra"),
    ):
        for name, items in needs.items():
            if normalise(name) == normalise(extra):
                yield from (dependency(item, text, path) for item in as_list(items))
    for name, stated in table(
        data, "tool", "setuptools", "dynamic", "optional-dependencies"
    ).items():
        if normalise(name) == normalise(extra):
            file = stated.get("file") if isinstance(stated, Mapping) else None
            for item in (file,) if isinstance(file, str) else strings(file):
                yield Line(text=f"-r {item}", hashes=(), where=Where(path=path))


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
        raise ComputedError(
            f"{path}: the dependencies are dynamic: a build script knows them, nobody else",
            path=path,
            hint="write them into a requirements.txt, and name it in repropack.yaml",
        )
    for name in names:
        yield Line(text=f"-r {name}", hashes=(), where=Where(path=path))


def pyproject_findings(data: Mapping[str, Any], path: str, parts: Parts) -> tuple[Finding, ...]:
    """Groups that are left out, versions that were narrowed, tables that have no effect."""
    return (
        *parts.findings,
        *poetry_findings(data, path, parts),
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

"""Manifests that are no locks: what the author asks for, before it is resolved.

Owns: turning each kind of file into requirements, and names that were never right into right ones.
Does not own: reading a kind (`requirements`, `pyproject`, `poetry`, `pipfile`, `setuptools`),
resolving (`resolving`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from repropack.environment.groups import Offer, choose, refuse_selection
from repropack.environment.lines import logical_lines, shown
from repropack.environment.model import normalise
from repropack.environment.parts import NO_PARTS, UNASKED, Parts, Selection
from repropack.environment.requirements import Line, Requirements, parse_line, parse_requirements
from repropack.environment.tomlfile import parse_toml, table
from repropack.errors import InvalidError
from repropack.findings import Finding, Severity, Where
from repropack.formats import Format, format_of
from repropack.tables import (
    foreign_names,
    mistaken_names,
    renamed,
    standard_names,
    useless_names,
)

NOTHING = re.compile(r"\s*={2,3}\s*0\.0(?:\.|post|$).*")  # the versions of empty packages
CONDA = (Format.CONDA, Format.CONDA_PIP, Format.CONDA_LIST)
WITH_PARTS = (Format.PYPROJECT, Format.PIPFILE, Format.SETUP_PY, Format.SETUP_CFG)


class TextSource(Protocol):
    """The part of a source that is needed here."""

    def read_text(self, path: str) -> str:
        """The text of a file by its path. Raises `SourceError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is asked for. `lines` and `constraints` are valid requirements."""

    path: str
    lines: tuple[Line, ...]
    constraints: tuple[Line, ...] = ()
    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    parts: Parts = NO_PARTS

    def where(self, name: str) -> Where:
        """Where a package is asked for; the file alone if something else needs it."""
        for line in self.lines:
            if package_of(line) == name:
                return line.where
        return Where(path=self.path)


def package_of(line: Line) -> str:
    """The normalised name that a line asks for."""
    if line.direct is not None:
        return normalise(line.direct.name)
    return normalise(parse_line(line.text)[0])


def read_manifest(source: TextSource, path: str, selection: Selection = UNASKED) -> Manifest:
    """A manifest with its includes, of the groups and extras that are selected.

    Raises `InvalidError` with file and line.
    """
    text = source.read_text(path)
    format = format_of(path, text)
    if format is Format.PYPROJECT:
        manifest = from_pyproject(source, text, path, selection)
    elif format is Format.PIPFILE:
        manifest = from_pipfile(text, path, selection)
    elif format in (Format.SETUP_PY, Format.SETUP_CFG):
        manifest = from_setuptools(source, text, path, format, selection)
    elif format is Format.SCRIPT:
        from repropack.environment.pyproject import script_lines

        manifest = Manifest(path=path, lines=tuple(script_lines(text, path)))
    elif format is Format.WANDB:
        manifest = from_wandb(text, path)
    else:
        text = requirements_text(source, path)
        manifest = of(parse_requirements(text, path, source.read_text), path)
    if format not in WITH_PARTS:
        refuse_selection(path, selection)
    for line in (*manifest.lines, *manifest.constraints):
        if line.direct is None or line.direct.origin is None:
            refuse_invalid(line)
    return corrected(manifest)


def of(parsed: Requirements, path: str) -> Manifest:
    """A requirements file as a manifest."""
    return Manifest(
        path=path,
        lines=parsed.lines,
        constraints=parsed.constraints,
        indexes=parsed.indexes,
        find_links=parsed.find_links,
        findings=parsed.findings,
    )


def from_pyproject(source: TextSource, text: str, path: str, selection: Selection) -> Manifest:
    """The dependencies of a project, in whichever table they stand."""
    from repropack.environment.pyproject import (
        pyproject_findings,
        pyproject_indexes,
        pyproject_lines,
        pyproject_parts,
    )

    data = parse_toml(text, path)
    known = (("project",), ("tool", "poetry"), ("tool", "flit"), ("dependency-groups",))
    if not any(table(data, *keys) for keys in known):
        raise InvalidError(
            f"{path} has no [project] table and none of poetry or flit",
            hint="name the lock in repropack.yaml: environment.lock",
        )
    parts = pyproject_parts(data, path, selection)
    manifest = expanded(source, tuple(pyproject_lines(data, text, path, parts)), path)
    return replace(
        manifest,
        indexes=(*pyproject_indexes(data), *manifest.indexes),
        findings=(*pyproject_findings(data, path, parts), *manifest.findings),
        parts=parts,
    )


def from_pipfile(text: str, path: str, selection: Selection) -> Manifest:
    """The packages of a Pipfile."""
    from repropack.environment.pipfile import pipfile_indexes, pipfile_lines, pipfile_parts

    data = parse_toml(text, path)
    parts = pipfile_parts(data, path, selection)
    return Manifest(
        path=path,
        lines=tuple(pipfile_lines(data, text, path, parts)),
        indexes=pipfile_indexes(data),
        findings=parts.findings,
        parts=parts,
    )


def from_setuptools(
    source: TextSource, text: str, path: str, format: Format, selection: Selection
) -> Manifest:
    """`install_requires` and the extras, read and never executed."""
    from repropack.environment.setuptools import setup_cfg, setup_py

    read = setup_cfg if format is Format.SETUP_CFG else setup_py
    said = read(text, path)
    parts = choose(Offer(path=path, main="install_requires", extras=said.extra_names), selection)
    items = (*said.items, *(i for name in parts.extra_names for i in said.of_extra(name)))
    lines = tuple(Line(text=i.text, hashes=(), where=i.where) for i in items)
    manifest = replace(expanded(source, lines, path), parts=parts)
    manifest = replace(manifest, findings=(*parts.findings, *manifest.findings))
    files = {line.where.path for line in manifest.lines} - {path}
    if not files:
        return manifest
    because = f"{path} is not executed: its dependencies are taken from {', '.join(sorted(files))}"
    told = Finding(kind="environment.setup", value=path, because=because, where=Where(path=path))
    return replace(manifest, findings=(*manifest.findings, told))


def requirements_text(source: TextSource, path: str) -> str:
    """The text that pip would read: the file's, or pip's part of one of conda's."""
    from repropack.condafile import read_environment, read_list

    text = source.read_text(path)
    format = format_of(path, text)
    if format not in CONDA:
        return text
    try:
        return (read_list if format is Format.CONDA_LIST else read_environment)(text).pip_text
    except ValueError as error:
        raise InvalidError(f"{path}: {error}", hint="correct the file") from error


def from_wandb(text: str, path: str) -> Manifest:
    """What was installed when a run was made; what came from no index is left out, and told."""
    lines, findings = [], []
    for number, line in logical_lines(text):
        where = Where(path=path, line=number)
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[^\s@]+", line):
            lines.append(Line(text=line, hashes=(), where=where))
        else:
            because = f"{shown(line)} in {where} is from no index: it is left out"
            findings.append(warning("environment.left-out", line[:80], because, where))
    return Manifest(path=path, lines=tuple(lines), findings=tuple(findings))


def expanded(source: TextSource, lines: Iterable[Line], path: str) -> Manifest:
    """Lines of which some name a file (`-r FILE`) that holds requirements."""
    manifest = Manifest(path=path, lines=())
    for line in lines:
        if not line.text.startswith("-r "):
            manifest = replace(manifest, lines=(*manifest.lines, line))
            continue
        file = posixpath.normpath(posixpath.join(posixpath.dirname(path), line.text[3:]))
        try:
            more = of(parse_requirements(source.read_text(file), file, source.read_text), path)
        except InvalidError as error:
            if error.what.startswith(f"{file}:"):
                raise
            raise InvalidError(
                f"{line.where}: needs {shown(file)}: {error.what}",
                hint=error.hint or f"add {file} to the repository",
            ) from error
        manifest = replace(
            manifest,
            lines=(*manifest.lines, *more.lines),
            constraints=(*manifest.constraints, *more.constraints),
            indexes=(*manifest.indexes, *more.indexes),
            find_links=(*manifest.find_links, *more.find_links),
            findings=(*manifest.findings, *more.findings),
        )
    return manifest


def corrected(manifest: Manifest) -> Manifest:
    """Names that never were right are mapped, what installs nothing is left out, with findings."""
    lines, findings = [], []
    for line in manifest.lines:
        right, finding = correction(line)
        lines += [right] if right is not None else []
        findings += [finding] if finding is not None else []
    return replace(manifest, lines=tuple(lines), findings=(*manifest.findings, *findings))


def correction(line: Line) -> tuple[Line | None, Finding | None]:
    """What a line means, and what is to be said where that is not what it says."""
    written, rest = parse_line(line.text)
    name = normalise(written)
    useless = "is part of Python" if name in standard_names() else useless_names().get(name, "")
    if line.hashes or line.direct:
        return line, None
    if useless:
        said = useless if useless.startswith("is ") else f"is left by a tool: {useless}"
        because = f"{written} in {line.where} {said}: it is left out"
        return None, warning("environment.left-out", written, because, line.where)
    right = mistaken_names().get(name) or new_name(name, line)
    if right is None:
        return line, None
    rest = "" if name in foreign_names() else NOTHING.sub("", rest)
    because = f"{written} in {line.where} is no package that works; {right} was meant"
    said_so = warning("environment.name-mapped", written, because, line.where)
    return replace(line, text=right + rest), said_so


def new_name(name: str, line: Line) -> str | None:
    """The name that a distribution has at the version that a line pins, if it is another."""
    from packaging.requirements import Requirement
    from packaging.version import InvalidVersion, Version

    found = renamed(name)
    if found is None:
        return None
    right, since = found
    for part in Requirement(line.text).specifier:
        try:
            if part.operator in ("==", ">=", "~=") and Version(part.version) >= Version(since):
                return right
        except InvalidVersion:
            continue
    return None


def warning(kind: str, value: str, because: str, where: Where) -> Finding:
    """A finding that is worth the author's eye."""
    return Finding(kind=kind, value=value, because=because, where=where, severity=Severity.WARNING)


def refuse_invalid(line: Line) -> None:
    """Every line has to be a requirement before a resolver sees it."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(line.text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise InvalidError(
            f"{line.where}: {shown(line.text)} is not a requirement: {reason}",
            hint="write it as NAME, NAME==VERSION or NAME>=VERSION",
        ) from error

"""The project itself as a package: whether its own tool installs it, and whether it can.

Owns: what Poetry, PDM, pip and uv install of a project's root besides its dependencies, and the
layouts that a build backend refuses. Does not own: building it (`building`), reading what it needs
(`environment`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from repropack.detectors import Readable
from repropack.environment import Kind, Lock, Origin, normalise
from repropack.environment.origins import unbuilt
from repropack.environment.tomlfile import parse_toml, table, text_of
from repropack.findings import Finding, Severity, Where
from repropack.formats import Format

PYPROJECT = "pyproject.toml"
SETUPTOOLS = ("setuptools.", "")
#: Backends that ship the package of the project's name, and the tables that name another one.
BY_NAME: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "poetry.": (("tool", "poetry", "packages"), ("tool", "poetry", "include")),
    "hatchling.": (("tool", "hatch", "build"),),
    "flit_core.": (("tool", "flit", "module"), ("tool", "flit", "metadata", "module")),
    "flit.": (("tool", "flit", "module"), ("tool", "flit", "metadata", "module")),
    "uv_build": (("tool", "uv", "build-backend"),),
}
# Directories that setuptools takes for no package of a flat layout.
# https://setuptools.pypa.io/en/latest/userguide/package_discovery.html#flat-layout
NO_PACKAGES = re.compile(
    r"[._].*|.*\.egg-info|ci|bin|debian|docs?|documentation|manpages|news|newsfragments|changelog"
    r"|tests?|unit_?tests?|examples?|scripts|tools|utils?|python|build|benchmarks?|exercises?"
    r"|htmlcov|dist|site_scons|[Tt]asks|fabfile"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The root of a project: its pyproject.toml, the directory, and the files below it."""

    data: Mapping[str, Any]
    directory: str
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name, or ""."""
        tables = (("project",), ("tool", "poetry"))
        named = next(filter(None, (text_of(table(self.data, *t), "name") for t in tables)), "")
        flit = table(self.data, "tool", "flit", "metadata")
        return named or text_of(flit, "dist-name") or text_of(flit, "module")

    @property
    def backend(self) -> str:
        """The build backend; "" where none is named."""
        return text_of(table(self.data, "build-system"), "build-backend")


def with_root(lock: Lock, source: Readable, path: str, format: Format) -> Lock:
    """The lock with the project itself, where the tool that reads this file installs it.

    A root that cannot be built is left out with a warning: its tool would not install it either.
    """
    if format not in (Format.POETRY, Format.PDM, Format.PYPROJECT):
        return lock
    directory = posixpath.dirname(path)
    where = Where(path=posixpath.join(directory, PYPROJECT))
    if not source.has(where.path):
        return lock
    prefix = f"{directory}/" if directory else ""
    files = tuple(e.path.removeprefix(prefix) for e in source.files() if e.path.startswith(prefix))
    data = parse_toml(source.read_text(where.path), where.path)
    project = Project(data=data, directory=directory or ".", files=files)
    present = {i.origin.path for i in lock.unbuilt if i.origin and i.origin.kind is Kind.DIRECTORY}
    if project.directory in present or not is_installed(project, format):
        return lock
    reason = refused(project)
    if reason:
        return replace(lock, findings=(*lock.findings, left_out(project, reason, where)))
    origin = Origin(kind=Kind.DIRECTORY, path=project.directory)
    root = unbuilt(project.name, text_of(table(data, "project"), "version"), origin, where)
    others = tuple(item for item in lock.requirements if item.name != root.name)
    return replace(lock, requirements=(*others, root))


def is_installed(project: Project, format: Format) -> bool:
    """Whether the tool installs the root: `package-mode`, `distribution`, a build system."""
    poetry, pdm = table(project.data, "tool", "poetry"), table(project.data, "tool", "pdm")
    if not project.name or table(project.data, "tool", "uv").get("package") is False:
        return False
    if format is Format.POETRY or poetry:
        return poetry.get("package-mode") is not False
    if format is Format.PDM or pdm:
        return pdm.get("distribution") is not False and pdm.get("package-type") != "application"
    return bool(table(project.data, "build-system"))


def refused(project: Project) -> str:
    """Why the backend would find no package to build, or ""."""
    for backend, tables in BY_NAME.items():
        if project.backend.startswith(backend) and not any(
            said(project.data, keys) for keys in tables
        ):
            module = normalise(project.name).replace("-", "_")
            return "" if has_module(project, module) else f"there is no package {module} in it"
    if project.backend in SETUPTOOLS or project.backend.startswith("setuptools."):
        return refused_by_setuptools(project)
    return ""


def said(data: Mapping[str, Any], keys: tuple[str, ...]) -> bool:
    """Whether a table or a value is there."""
    return keys[-1] in table(data, *keys[:-1])


def has_module(project: Project, module: str) -> bool:
    """Whether there is a package or a module of this name, at the root or below src/."""
    wanted = re.compile(rf"(?:src/)?{re.escape(module)}(?:\.py|/.+)", re.IGNORECASE)
    return any(wanted.fullmatch(file) for file in project.files)


def refused_by_setuptools(project: Project) -> str:
    """setuptools refuses to choose among several directories that could be the package."""
    stated = table(project.data, "tool", "setuptools")
    if any(key in stated for key in ("packages", "py-modules", "package-dir")):
        return ""
    if {"setup.py", "setup.cfg"} & set(project.files):
        return ""  # these say it, as a rule
    if any(file.startswith("src/") for file in project.files):
        return ""
    packages = sorted(set(top_packages(project)))
    if len(packages) > 1:
        names = ", ".join(packages[:5])
        return f"setuptools does not choose among {names}: [tool.setuptools] says nothing"
    modules = [f for f in project.files if re.fullmatch(r"[A-Za-z]\w*\.py", f)]
    modules = [f for f in modules if not NO_PACKAGES.fullmatch(f.removesuffix(".py"))]
    if not packages and len(modules) > 1:
        return f"setuptools does not choose among {', '.join(sorted(modules)[:5])}"
    return ""


def top_packages(project: Project) -> Iterator[str]:
    """The directories at the root that could be packages."""
    for file in project.files:
        top, slash, _ = file.partition("/")
        if slash and top.isidentifier() and not NO_PACKAGES.fullmatch(top):
            yield top


def left_out(project: Project, reason: str, where: Where) -> Finding:
    """The project itself is not installed."""
    return Finding(
        kind="environment.root-left-out",
        value=project.name,
        because=f"the project itself is not installed, only what it needs: {reason}; if its code "
        "is not found, name its packages there",
        where=where,
        severity=Severity.WARNING,
    )

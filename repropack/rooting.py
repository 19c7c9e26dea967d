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
from repropack.environment import Kind, Lock, Origin, Target, normalise
from repropack.environment.direct import provisional_name
from repropack.environment.metadata import FILES, named
from repropack.environment.origins import unbuilt
from repropack.environment.tomlfile import parse_toml, table, text_of
from repropack.findings import Finding, Severity, Where
from repropack.formats import Format
from repropack.inspection import EnvironmentFile

PYPROJECT = "pyproject.toml"
SETUP_PY = "setup.py"
SETUPTOOLS = ("setuptools.", "")
#: Formats that say nothing of the project itself; `-e .` and the like apart.
LISTS = (
    *(Format.REQUIREMENTS, Format.HASHED, Format.PIPFILE, Format.PIPFILE_LOCK),
    *(Format.SCRIPT, Format.WANDB, Format.NONE),
)
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


def with_root(lock: Lock, source: Readable, file: EnvironmentFile, target: Target) -> Lock:
    """The lock with the project itself, where the tool that reads this file installs it.

    And where a list of requirements or no file at all counts, and the source says that it has to be
    (`file.root`). A root that cannot be built is left out with a warning: its tool would not
    install it either.
    """
    directory = posixpath.dirname(file.path or "")
    prefix = f"{directory}/" if directory else ""
    if not any(source.has(f"{prefix}{name}") for name in FILES):
        return lock
    files = tuple(e.path.removeprefix(prefix) for e in source.files() if e.path.startswith(prefix))
    pyproject = f"{prefix}{PYPROJECT}"
    data = parse_toml(source.read_text(pyproject), pyproject) if source.has(pyproject) else {}
    project = Project(data=data, directory=directory or ".", files=files)
    present = {i.origin.path for i in lock.unbuilt if i.origin and i.origin.kind is Kind.DIRECTORY}
    if project.directory in present or not is_installed(project, file):
        return lock
    where = Where(path=next(f"{prefix}{name}" for name in FILES if source.has(f"{prefix}{name}")))
    origin = Origin(kind=Kind.DIRECTORY, path=project.directory)
    name, version = named(source, project.directory)
    name = project.name or name or provisional_name(origin)
    reason = refused(project, target)
    if reason:
        return replace(lock, findings=(*lock.findings, left_out(name, reason, where)))
    root = unbuilt(name, version, origin, where)
    others = tuple(item for item in lock.requirements if item.name != root.name)
    return replace(lock, requirements=(*others, root))


def is_installed(project: Project, file: EnvironmentFile) -> bool:
    """Whether the tool installs the root: `package-mode`, `distribution`, a build system.

    `pip install .` is how a `setup.py` is used; of a list of requirements nobody says.
    """
    format = file.format
    if format in LISTS:
        return file.root is not None
    if format in (Format.SETUP_PY, Format.SETUP_CFG):
        return True
    if format not in (Format.POETRY, Format.PDM, Format.PYPROJECT):
        return False
    poetry, pdm = table(project.data, "tool", "poetry"), table(project.data, "tool", "pdm")
    if not project.name or table(project.data, "tool", "uv").get("package") is False:
        return False
    if format is Format.POETRY or poetry:
        return poetry.get("package-mode") is not False
    if format is Format.PDM or pdm:
        return pdm.get("distribution") is not False and pdm.get("package-type") != "application"
    return bool(table(project.data, "build-system"))


def refused(project: Project, target: Target) -> str:
    """Why the root cannot be installed where it stands, or ""."""
    if not {SETUP_PY, PYPROJECT} & set(project.files):
        return f"pip installs no directory without a {SETUP_PY} or {PYPROJECT}"
    if target.python.startswith("3.6"):
        return "no setuptools for Python 3.6 can install it where it stands"
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


def left_out(name: str, reason: str, where: Where) -> Finding:
    """The project itself is not installed."""
    return Finding(
        kind="environment.root-left-out",
        value=name,
        because=f"the project itself is not installed, only what it needs: {reason}; if its code "
        f"is not found, name its packages in {PYPROJECT}, or set PYTHONPATH in `env:`",
        where=where,
        severity=Severity.WARNING,
    )

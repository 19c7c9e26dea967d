"""A project's own name, version and requirements, read from its files: nothing is executed.

Owns: putting together what pyproject.toml, setup.cfg and setup.py say of one package.
Does not own: reading dependencies (`manifest`), sources (`gitcommits`, `source`).
"""

from __future__ import annotations

import ast
import configparser
import posixpath
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from repropack.environment.manifest import Manifest, read_manifest
from repropack.environment.parts import MAIN_ALONE
from repropack.environment.requirements import Line
from repropack.environment.tomlfile import parse_toml, strings, table, text_of
from repropack.errors import InvalidError
from repropack.findings import Finding

FILES = ("pyproject.toml", "setup.cfg", "setup.py")


class Tree(Protocol):
    """The part of a source that is needed here."""

    def has(self, path: str) -> bool:
        """Whether a file is there."""

    def read_text(self, path: str) -> str:
        """The text of a file by its path. Raises `SourceError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a package says of itself; "" where only its build would tell.

    `extras` has a name and what it asks for. `path` is the file that the requirements stand in.
    """

    name: str
    version: str
    lines: tuple[Line, ...]
    extras: tuple[tuple[str, tuple[str, ...]], ...]
    findings: tuple[Finding, ...] = ()


def read_metadata(tree: Tree, directory: str, label: str) -> Metadata:
    """The metadata of the package in a directory of a tree ("" or "." is its root).

    Raises `InvalidError` where there is no package, or its requirements are computed.
    """
    base = "" if directory == "." else directory
    paths = [posixpath.join(base, name) for name in FILES]
    there = [path for path in paths if tree.has(path)]
    if not there:
        raise InvalidError(
            f"{label} is no package: it has neither pyproject.toml nor setup.py",
            hint="take the line out; code beside a script needs no installation",
        )
    facts = [facts_of(tree.read_text(path), path) for path in there]
    manifest = requirements(tree, there)
    return Metadata(
        name=next((fact.name for fact in facts if fact.name), ""),
        version=next((fact.version for fact in facts if fact.version), ""),
        lines=manifest.lines if manifest else (),
        extras=tuple(pair for fact in facts for pair in fact.extras),
        findings=manifest.findings if manifest else (),
    )


def named(tree: Tree, directory: str) -> tuple[str, str]:
    """The name and the version that a package says, each "" where none is read."""
    base = "" if directory == "." else directory
    paths = [posixpath.join(base, name) for name in FILES]
    facts = [facts_of(tree.read_text(path), path) for path in paths if tree.has(path)]
    name = next((fact.name for fact in facts if fact.name), "")
    return name, next((fact.version for fact in facts if fact.version), "")


def requirements(tree: Tree, paths: list[str]) -> Manifest | None:
    """The first file's that asks for something. Raises `InvalidError` if it cannot be read."""
    computed: InvalidError | None = None
    for path in paths:
        try:
            manifest = read_manifest(tree, path, MAIN_ALONE)
        except InvalidError as error:
            if "no [project] table" not in error.what:
                computed = error
            continue
        if manifest.lines:
            return manifest
    if computed is not None:
        raise computed
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one file says."""

    name: str = ""
    version: str = ""
    extras: tuple[tuple[str, tuple[str, ...]], ...] = ()


def facts_of(text: str, path: str) -> Facts:
    """The name, the version and the extras in one file."""
    if path.endswith(".toml"):
        return of_pyproject(parse_toml(text, path))
    return of_setup_cfg(text) if path.endswith(".cfg") else of_setup_py(text)


def of_pyproject(data: Mapping[str, Any]) -> Facts:
    """`[project]`, else Poetry's table, else flit's."""
    project, poetry = table(data, "project"), table(data, "tool", "poetry")
    extras = [*table(project, "optional-dependencies").items(), *table(poetry, "extras").items()]
    flit = table(data, "tool", "flit", "metadata")
    name = text_of(project, "name") or text_of(poetry, "name")
    return Facts(
        name=name or text_of(flit, "dist-name") or text_of(flit, "module"),
        version=text_of(project, "version") or text_of(poetry, "version"),
        extras=tuple((extra, strings(needs)) for extra, needs in extras),
    )


def of_setup_cfg(text: str) -> Facts:
    """`[metadata]` and `[options.extras_require]`."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text.removeprefix("\ufeff"))
    except configparser.Error:
        return Facts()
    section = "options.extras_require"
    extras = parser.items(section) if parser.has_section(section) else []
    version = parser.get("metadata", "version", fallback="")
    return Facts(
        name=parser.get("metadata", "name", fallback=""),
        version="" if version.startswith(("attr:", "file:")) else version,
        extras=tuple((name, tuple(filter(None, value.split("\n")))) for name, value in extras),
    )


def of_setup_py(text: str) -> Facts:
    """What `setup(…)` gets as literals, or as names of literals."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError):
        return Facts()
    values = dict(arguments(tree))
    extras = values.get("extras_require")
    known = extras.items() if isinstance(extras, dict) else ()
    return Facts(
        name=str(values.get("name") or ""),
        version=str(values.get("version") or ""),
        extras=tuple(
            (str(name), (needs,) if isinstance(needs, str) else tuple(map(str, needs)))
            for name, needs in known
            if isinstance(needs, list | tuple | str)
        ),
    )


def arguments(tree: ast.Module) -> Iterator[tuple[str, object]]:
    """The keyword arguments of `setup` that are literals."""
    literals: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            literals[node.targets[0].id] = literal(node.value, literals)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if (call.func.id if isinstance(call.func, ast.Name) else name) == "setup":
            for word in call.keywords:
                if word.arg:
                    yield word.arg, literal(word.value, literals)


def literal(node: ast.expr, names: Mapping[str, object]) -> object:
    """The value of an expression that needs no evaluation, or None."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None

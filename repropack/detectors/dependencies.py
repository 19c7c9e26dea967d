"""Which files say what has to be installed, and which of them can be built from.

Owns: finding manifests and locks, and their order. Does not own: recognising them (`formats`),
reading them (`environment`), and which one counts when there are several (`inspection`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from repropack.condafile import NAMES as CONDA_FILES
from repropack.condafile import included_files, is_foreign
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Where
from repropack.formats import (
    NAMED_LOCKS,
    SCRIPT_HEADER,
    Format,
    format_of,
    is_pylock,
    is_wandb,
)

KIND_PREFIX: Final = "dependencies."
BINDERS: Final = ("binder/", ".binder/")  # repo2docker looks nowhere else where there is one
_REQUIREMENTS = re.compile(r"(?:[\w.-]+[-_.])?requirements?(?:[-_.][\w.-]+)?\.(?:txt|lock)")
_TOOLS = r"dev|develop|tests?|testing|docs?|lint|ci|build|notebooks?|typing"
_NOT_FOR_RUNS = re.compile(rf"(?:^|[-_./])(?:{_TOOLS})(?=[-_.])")
_BEST_NAMES = ("requirements", "base", "main", "prod", "production", "default", "core", "common")
_INSTALL_REQUIRES = re.compile(r"\binstall_requires\s*=\s*[^\s\])]|[\"']install_requires[\"']\s*:")
_TOOLING = re.compile(rf"(?:{_TOOLS})(?:[-_].*)?")
_BECAUSE: Final = {
    Format.HASHED: "requirements with hashes",
    Format.REQUIREMENTS: "requirements without hashes",
    Format.PYPROJECT: "has dependencies",
    Format.PIPFILE: "has packages",
    Format.SETUP_CFG: "has install_requires",
    Format.SETUP_PY: "has install_requires",
    Format.SCRIPT: "a script that names its dependencies",
    Format.WANDB: "what was installed when a W&B run was made",
    Format.CONDA: "conda packages without hashes",
    Format.CONDA_PIP: "Python from conda, everything else from pip",
    Format.CONDA_LIST: "what `conda list --export` printed: builds without channels",
}


def scripts_with_headers(reading: Reading) -> list[str]:
    """Return scripts near the root that have a header of PEP 723, likely ones first."""
    near = [path for path in reading.python_paths if path.count("/") <= 1][:50]
    return [path for path in near if SCRIPT_HEADER.search(reading.text(path) or "")]


def detect(reading: Reading) -> tuple[Finding, ...]:
    """Return a finding per manifest: what can be built from first, best evidence first."""
    return manifests(reading)


def manifests(reading: Reading) -> tuple[Finding, ...]:
    """Return a finding per manifest that can be built from, best evidence first."""
    order = list(Format)
    directory, found = "", []
    for directory in (*BINDERS, ""):
        found = list(_below(reading, directory))
        if found:
            break
    found = not_included(reading, found)
    found.sort(key=lambda item: (order.index(item[0]), len(item[1]), item[1]))
    if not directory:
        found += _elsewhere(reading, found)
    return tuple(_manifest(format, path, directory) for format, path in found)


def _below(reading: Reading, directory: str) -> Iterator[tuple[Format, str]]:
    """The manifests that stand in a directory itself."""
    for path in reading.near:
        name = path.removeprefix(directory)
        if not path.startswith(directory) or "/" in name:
            continue
        if is_pylock(name) or name in NAMED_LOCKS:
            yield NAMED_LOCKS.get(name, Format.PYLOCK), path
        elif _REQUIREMENTS.fullmatch(name) and not _NOT_FOR_RUNS.search(name):
            yield format_of(path, reading.text(path) or "") or Format.REQUIREMENTS, path
        elif (format := conda_format(reading, path)) is not None:
            yield format, path
        elif _says_dependencies(reading, path, name):
            yield format_of(path, "") or Format.NONE, path


def conda_format(reading: Reading, path: str) -> Format | None:
    """The format of one of conda's files; lists may have any name that says text or lock."""
    name = path.rpartition("/")[2]
    if _NOT_FOR_RUNS.search(name) or not name.endswith((".yml", ".yaml", ".txt", ".lock")):
        return None
    if name.endswith((".yml", ".yaml")) and name.lower() not in CONDA_FILES:
        return None
    format = format_of(path, reading.text(path) or "")
    known = format is not None and (format.is_conda or format is Format.CONDA_PIP)
    return format if known else None


def not_included(reading: Reading, found: list[tuple[Format, str]]) -> list[tuple[Format, str]]:
    """Without the files that an environment.yml names in pip's part: it says more than they do.

    And without other platforms' lists where there is one for this platform: conda-lock writes them
    side by side.
    """
    inside: set[str] = set()
    for format, path in found:
        if format in (Format.CONDA, Format.CONDA_PIP):
            inside |= set(included_files(reading.text(path) or "", path))
    lists = [path for format, path in found if format is Format.CONDA_EXPLICIT]
    foreign = [path for path in lists if is_foreign(reading.text(path) or "")]
    if foreign != lists:
        inside.update(foreign)
    return [(format, path) for format, path in found if path not in inside]


def _says_dependencies(reading: Reading, path: str, name: str) -> bool:
    """Whether a project's file asks for anything."""
    if name == "pyproject.toml":
        return _project_dependencies(reading.toml(path))
    if name == "Pipfile":
        return bool(table(reading.toml(path), "packages"))
    if name in ("setup.py", "setup.cfg"):
        return _INSTALL_REQUIRES.search(reading.text(path) or "") is not None
    return False


def _project_dependencies(data: dict[str, Any]) -> bool:
    poetry = {key for key in table(data, "tool", "poetry", "dependencies") if key != "python"}
    groups = {key for key in table(data, "dependency-groups") if not _TOOLING.fullmatch(key)}
    return bool(
        table(data, "project").get("dependencies")
        or table(data, "tool", "setuptools", "dynamic").get("dependencies")
        or table(data, "tool", "flit", "metadata").get("requires")
        or poetry
        or groups
    )


def _elsewhere(reading: Reading, found: list[tuple[Format, str]]) -> list[tuple[Format, str]]:
    """What counts only where the root has nothing: a directory, a script's header, a W&B run."""
    more: list[tuple[Format, str]] = []
    if not found:
        inside = [p for p in reading.near if re.fullmatch(r"requirements/[^/]+\.txt", p)]
        usable = sorted((p for p in inside if not _NOT_FOR_RUNS.search(p)), key=_best_name)
        more = [(format_of(p, reading.text(p) or "") or Format.REQUIREMENTS, p) for p in usable]
        more += [(Format.SCRIPT, path) for path in scripts_with_headers(reading)]
    runs = sorted((path for path in reading.near if is_wandb(path)), reverse=True)
    return [*more, *((Format.WANDB, path) for path in runs[:1])]


def _best_name(path: str) -> tuple[int, str]:
    stem = path.rpartition("/")[2].removesuffix(".txt")
    return (_BEST_NAMES.index(stem) if stem in _BEST_NAMES else len(_BEST_NAMES), path)


def table(data: Any, *keys: str) -> dict[str, Any]:
    """The table at these keys; an empty one where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _manifest(format: Format, path: str, directory: str) -> Finding:
    because = _BECAUSE.get(format, "a lock with hashes")
    if directory:
        because += f"; {directory} counts before the root"
    kind = KIND_PREFIX + format.name.lower()
    return Finding(kind=kind, value=path, because=because, where=Where(path=path))

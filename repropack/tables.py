"""Facts that age: which Debian has which Python, which tools are pinned, which names mislead.

Owns: the tables and the files in `data/`, each with its source and date.
Does not own: what follows from them (`plan`, `environment`).
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# The versions of python3 and libc6 in each Debian release, read from its packages, 2026-11.
SUITES = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie"}
DEFAULT_SUITE = "bookworm"
GLIBC = {"bullseye": (2, 31), "bookworm": (2, 36), "trixie": (2, 41)}
# The GCC versions that each release has, its own (of package gcc) first, read from its packages.
GCC = {"bullseye": (10, 9), "bookworm": (12, 11), "trixie": (14, 13, 12)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A wheel that repropack itself needs, exactly. `platform` is `any` or e.g. `linux_x86_64`."""

    name: str
    version: str
    why: str
    platform: str
    filename: str
    size_bytes: int
    sha256: str


def pinned_tools() -> tuple[Tool, ...]:
    """The tools of `data/tools.json`, by name."""
    return tuple(Tool(**entry) for entry in _data("tools.json")["tools"])


def python_releases() -> Mapping[str, datetime.date]:
    """When each minor version of Python 3 came out, oldest first."""
    released = _data("pythons.json")["released"]
    return {minor: datetime.date.fromisoformat(day) for minor, day in released.items()}


def debian_python(suite: str) -> str:
    """The version of Python, with its patch, in a Debian release: `3.11.2`."""
    return str(_data("pythons.json")["debian"][suite])


def patch_of(minor: str) -> str:
    """The version of Python, with its patch, that a base of a minor version most likely has.

    Packages exclude some patches: `>=3.7.1`, `!=3.9.0`. That of a minor nobody knows is its first.
    """
    suite = SUITES.get(minor)
    return (
        debian_python(suite) if suite else _data("pythons.json")["patch"].get(minor, f"{minor}.0")
    )


def suite_of(python: str) -> str:
    """The Debian release underneath a minor version: its own, else that of its official image."""
    official: str = _data("pythons.json")["official"].get(python, DEFAULT_SUITE)
    return SUITES.get(python, official)


def mistaken_names() -> Mapping[str, str]:
    """Names that no index has, or has as something else → the distribution that was meant."""
    names: Mapping[str, str] = _data("imports.json")["names"]
    return names


def conda_names() -> Mapping[str, Mapping[str, Any]]:
    """`foreign`: system → patterns of conda packages it alone has. `distributions`: conda → index.

    Only names that differ stand in the second.
    """
    names: Mapping[str, Mapping[str, Any]] = _data("conda_names.json")
    return names


def distribution_in_conda(name: str) -> str:
    """The distribution of an index that a conda package installs: by the table, else the same."""
    return str(conda_names()["distributions"].get(name, name))


def foreign_names() -> frozenset[str]:
    """Of the mistaken names, those under which an index has something else."""
    return frozenset(_data("imports.json")["foreign"])


def renamed(name: str) -> tuple[str, str] | None:
    """The name that a distribution has since a version, and that version."""
    found = _data("imports.json")["renamed"].get(name)
    return None if found is None else (str(found[0]), str(found[1]))


def useless_names() -> Mapping[str, str]:
    """Lines of `pip freeze` that install nothing on Linux → why."""
    names: Mapping[str, str] = _data("imports.json")["nowhere"]
    return names


def standard_names() -> frozenset[str]:
    """Modules of the standard library that people write into requirements files."""
    return frozenset(_data("imports.json")["standard"])


def distribution_of(module: str) -> str:
    """The distribution that brings a module: by the table, else of the same name."""
    return str(_data("imports.json")["imports"].get(module, module.replace(".", "-")))


def nowhere_to_install(module: str) -> str:
    """Why no package of an index brings a module, whatever has its name; "" where one does."""
    return str(_data("imports.json")["elsewhere"].get(module, ""))


def random_by_default() -> frozenset[str]:
    """Classes and functions of scikit-learn that are random unless they get a random_state."""
    return frozenset(_data("random_state.json")["by_default"])


def random_if_shuffled() -> frozenset[str]:
    """Those of scikit-learn that are random with `shuffle=True` and without a random_state."""
    return frozenset(_data("random_state.json")["if_shuffled"])


def header_package(header: str) -> str:
    """The Debian package that has a C header, or ""."""
    return str(_data("headers.json")["headers"].get(header, ""))


def standard_modules(python: str) -> frozenset[str]:
    """The standard library's public modules of a Python minor version such as `3.11`."""
    known = _data("stdlib.json")
    absent = known["absent"].get(python)
    if absent is None:  # newer than the table: what its newest version has
        absent = known["absent"]["3.13"] if _minor(python) > 13 else known["absent"]["3.6"]
    return frozenset(known["modules"]) - frozenset(absent) | frozenset(
        known["more"].get(python, ())
    )


def _minor(python: str) -> int:
    minor = python.partition(".")[2]
    return int(minor) if minor.isdecimal() else 0


def index_kind(url: str) -> str | None:
    """`public` for the index that everybody has, `retired` for its former hosts, else None."""
    host = (urlsplit(url).hostname or "").lower()
    digest = hashlib.sha256(host.encode("utf-8", "replace")).hexdigest()
    kinds = _data("indexes.json")
    return next((kind for kind in ("public", "retired") if digest in kinds[kind]), None)


@functools.cache
def _data(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        (Path(__file__).parent / "data" / name).read_text(encoding="utf-8")
    )
    return content

"""What a failed build says: what would make it work, or what its author has to do.

Owns: the meaning of compilers' and backends' words. Does not own: building again (`making`). Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from repropack.cuda.nvcc import PIN_CUDA, extra_of
from repropack.environment import Lock, normalise
from repropack.errors import BuildError
from repropack.tables import distribution_of, header_package

NO_COMPILER = re.compile(
    r"(?:gcc|g\+\+|cc|c\+\+|clang|gfortran|cmake|make)['\"]?(?: failed)?: (?:No such file|not found"
    r"|command not found)|unable to execute '[\w-]*(?:gcc|g\+\+|cc)'|Unknown compiler\(s\)"
    r"|No CMAKE_C(?:XX)?_COMPILER could be found|linker `cc` not found|Python\.h: No such file"
    r"|Could not find (?:a )?compiler|No such file or directory: '[\w-]*(?:gcc|g\+\+|cc|make)'"
    r"|Program ['\"]?pkg-config['\"]? not found|Ninja is required|ccache: error|CMAKE_MAKE_PROGRAM"
    r"|gcc.* is required|Could NOT find .*Development",
)
#: nvcc, and what it and torch say of compilers that do not fit.
NO_NVCC = re.compile(
    r"CUDA_HOME environment variable is not set|nvcc['\"]?: (?:No such file|not found|command not)"
    r"|No such file or directory: '[^']*nvcc'|No CMAKE_CUDA_COMPILER could be found"
    r"|Failed to find nvcc|Could NOT find CUDA"
)
HEADER = re.compile(r"fatal error: ([\w./+-]+\.h(?:pp)?): No such file or directory")
LIBRARY = re.compile(r"cannot find -l([\w+-]+)")
PROGRAM = re.compile(r"(?:([\w.-]+): command not found|No such file or directory: '([\w.-]+)')")
MODULE = re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '?([A-Za-z_]\w*)")
NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Could not resolve host"
    r"|Network is unreachable|Failed to establish a new connection|could not be resolved"
)
#: What old projects need of the tool that builds them: its words → a requirement.
OLDER = (
    (re.compile(r"use_2to3 is invalid"), "setuptools<58"),
    (re.compile(r"No module named '?pkg_resources"), "setuptools<81"),
    (re.compile(r"No module named '?distutils"), "setuptools"),
    (re.compile(r"invalid command 'bdist_wheel'"), "wheel"),
    (re.compile(r"pkgutil' has no attribute 'ImpImporter'"), "setuptools>=66.1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What another try would have that the failed one lacked."""

    compiler: bool = False
    requires: str = ""


def remedy(said: str, *, compiler: bool, requires: tuple[str, ...], locked: Lock) -> Remedy | None:
    """What to try next, if there is something that was not tried."""
    if not compiler and NO_COMPILER.search(said):
        return Remedy(compiler=True)
    for pattern, need in OLDER:
        if pattern.search(said) and need not in requires:
            return Remedy(requires=need)
    found = MODULE.search(said)
    if found is None:
        return None
    need = undeclared(found[1], locked)
    return Remedy(requires=need) if need and need not in requires else None


def undeclared(module: str, locked: Lock) -> str:
    """What a setup.py imports without saying so: the experiment's own version, if it has one."""
    name = normalise(distribution_of(module))
    for item in locked.requirements:
        if normalise(item.name) == name and item.origin is None:
            return str(item)
    return name if name in ("numpy", "cython", "pybind11", "setuptools-scm", "cffi") else ""


def missing_part(said: str) -> str:
    """The requirement that has the CUDA header which is missing, or ""."""
    found = HEADER.search(said)
    return extra_of(found[1]) if found else ""


def failure(what: str, said: str, log: Path, *, cuda: bool = False) -> BuildError:
    """The error that a failed build is, with what to do about it. `cuda`: it had nvcc."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error\b|Error:", line, re.IGNORECASE)]
    last = ((errors or lines or ["it said nothing"])[-1])[:200]
    return BuildError(f"{what} could not be built: {last}", hint=hint(said, cuda=cuda), log=log)


def hint(said: str, *, cuda: bool = False) -> str:
    """The next thing to do."""
    if NO_NVCC.search(said) and not cuda:
        return f"it is compiled with nvcc, and the environment has no CUDA: {PIN_CUDA}"
    header, library = HEADER.search(said), LIBRARY.search(said)
    if header:
        package = header_package(header[1])
        if package:
            return f"add {package}, which has {header[1]}, to environment.apt in repropack.yaml"
        return (
            f"add the Debian package that has {header[1]} to environment.apt in repropack.yaml "
            f"(apt-file search {header[1]})"
        )
    if library:
        return f"add lib{library[1].lower()}-dev to environment.apt in repropack.yaml"
    if NETWORK.search(said):
        return "it asks the network while it is built, which has none: lock a version with a wheel"
    if "No module named" in said:
        return "name what its build imports in build-system.requires of its pyproject.toml"
    if "rustc" in said or "cargo" in said:
        return "add rustc and cargo to environment.apt, or lock a version that has a wheel"
    return "lock a version that has a wheel for Linux; the log has all that the build said"

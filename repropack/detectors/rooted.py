"""Whether the project itself has to be installed: its README says so, or its code needs it.

Owns: the evidence. Does not own: whether its backend can, and what its own tool does (`rooting`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from repropack.detectors.dependencies import table
from repropack.detectors.installs import READMES
from repropack.detectors.reading import Reading
from repropack.findings import Finding, Where

NEEDED: Final = "project.installed"
_INSTALLS: Final = re.compile(
    r"pip3?[ \t]+install[ \t]+(?:-(?!e\b|-editable\b)[\w-]+[ \t]+)*(?:(?:-e|--editable)[ \t=]*)?"
    r"[\"']?\.(?:\[[\w, -]*\])?[\"']?(?=[\s`&;]|$)"
    r"|python3?[ \t]+setup\.py[ \t]+(?:install|develop)\b"
)


def detect(reading: Reading) -> tuple[Finding, ...]:
    """The first evidence that a project which can be installed has to be; nothing for others."""
    if not is_installable(reading):
        return ()
    return next(((found,) for found in (*_told(reading), *_imported(reading))), ())


def is_installable(reading: Reading) -> bool:
    """Whether pip would take the root for a package."""
    return reading.has("setup.py") or bool(table(reading.toml("pyproject.toml"), "build-system"))


def _told(reading: Reading) -> Iterator[Finding]:
    for path in READMES:
        text = (reading.text(path) or "") if path in reading.root_files else ""
        match = _INSTALLS.search(text)
        if match:
            where = Where(path=path, line=text.count("\n", 0, match.start()) + 1)
            yield _finding(match[0].strip("`"), f"{where} installs the project itself", where)


def _imported(reading: Reading) -> Iterator[Finding]:
    """Imports of the project's packages from where Python would not find them.

    A script sees what lies beside it, and `python -m` what lies in the root.
    """
    flat, below = _packages(reading, ""), _packages(reading, "src/")
    for code in reading.code:
        directory = posixpath.dirname(code.path)
        for name, line in code.imports.items():
            inside = f"{directory}/".startswith(f"{name}/") or not directory
            hidden = (name in below and directory != "src") or (name in flat and not inside)
            if hidden and not _is_beside(reading, directory, name):
                where = Where(path=code.path, line=line)
                because = f"`import {name}` in {where} finds it only where it is installed"
                yield _finding(name, because, where)


def _packages(reading: Reading, base: str) -> frozenset[str]:
    """The packages in a directory that have an `__init__.py`."""
    ends = "/__init__.py"
    inside = (p.removeprefix(base).removesuffix(ends) for p in reading.sizes
        if p.startswith(base) and p.endswith(ends))  # fmt: skip
    return frozenset(name for name in inside if "/" not in name)


def _is_beside(reading: Reading, directory: str, name: str) -> bool:
    beside = f"{directory}/{name}".lstrip("/")
    return reading.has(f"{beside}.py") or reading.has(f"{beside}/__init__.py")


def _finding(value: str, because: str, where: Where) -> Finding:
    return Finding(kind=NEEDED, value=value, because=because, where=where)

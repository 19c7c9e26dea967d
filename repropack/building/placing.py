"""An editable install as files of the image: what its wheel holds, its commands, what it compiled.

Owns: unpacking the small wheel that a backend makes for an editable install (PEP 660).
Does not own: making it (`making`), where a bundle keeps the files (`bundle`).
"""

from __future__ import annotations

import configparser
import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from repropack.bundle import Placed
from repropack.environment import Editable, Made, wheel_path
from repropack.environment.store import source_files
from repropack.errors import BuildError

PYTHON = "/opt/env/bin/python"
SCRIPT = """#!{python}
import sys
from {module} import {top}
if __name__ == "__main__":
    sys.exit({function}())
"""
ENTRY = re.compile(r"([\w.]+)\s*:\s*([\w.]+)")


def placed_files(made: Made, cache: Path, python: str) -> tuple[Placed, ...]:
    """Every file that editable installs add: below `env/` and below `work/`.

    Raises `BuildError` for a wheel that cannot be installed so.
    """
    packages = f"env/lib/python{python}/site-packages"
    files = {}
    for editable in made.editables:
        for placed in (*unpacked(editable, cache, packages), *overlay(editable, cache)):
            files[placed.path] = placed
    return tuple(files[path] for path in sorted(files))


def unpacked(editable: Editable, cache: Path, packages: str) -> Iterator[Placed]:
    """The files of the wheel, and a program for each command that it has."""
    path = wheel_path(cache, editable.wheel)
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                data = archive.read(name)
                place = place_of(name, packages)
                if place:
                    yield Placed(path=place, data=data, executable=place.startswith("env/bin/"))
                if name.endswith(".dist-info/entry_points.txt"):
                    yield from commands(data.decode("utf-8", "replace"))
    except (OSError, zipfile.BadZipFile) as error:
        raise BuildError(f"{path.name} cannot be read: {error}") from error


def place_of(name: str, packages: str) -> str:
    """Where a file of a wheel belongs; "" for a directory."""
    parts = posixpath.normpath(name).split("/")
    if name.endswith("/") or ".." in parts or name.startswith("/"):
        return ""
    if not parts[0].endswith(".data"):
        return f"{packages}/{'/'.join(parts)}"
    kind, rest = parts[1], "/".join(parts[2:])
    if kind in ("purelib", "platlib"):
        return f"{packages}/{rest}"
    return f"env/bin/{rest}" if kind == "scripts" else f"env/{rest}" if kind == "data" else ""


def commands(text: str) -> Iterator[Placed]:
    """A program for each console script."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for section in ("console_scripts", "gui_scripts"):
        for name, value in parser.items(section) if parser.has_section(section) else ():
            match = ENTRY.match(value)
            if match and re.fullmatch(r"[\w.+-]+", name):
                module, function = match[1], match[2]
                top = function.partition(".")[0]
                script = SCRIPT.format(python=PYTHON, module=module, top=top, function=function)
                yield Placed(path=f"env/bin/{name}", data=script.encode(), executable=True)


def overlay(editable: Editable, cache: Path) -> Iterator[Placed]:
    """What the build made among the sources."""
    for path, sha256 in editable.overlay:
        data = (source_files(cache, sha256) / "file").read_bytes()
        yield Placed(path=f"work/{path}", data=data, executable=False)

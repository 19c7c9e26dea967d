"""Writes `judge.pyz`: this package as one file that any Python from 3.7 on runs.

Owns: the archive's bytes, which depend on the package's source alone. Not in the archive itself.
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import List

from repropack.judge import files

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can tell
_SHEBANG = b"#!/usr/bin/env python3\n"
_MAIN = """import sys

if sys.version_info < (3, 7):
    sys.exit("judge.pyz needs Python 3.7 or newer; this is %s" % sys.version.split()[0])

from repropack.judge.__main__ import main

sys.exit(main())
"""


def write_pyz(path: "str | os.PathLike[str]") -> None:
    """Write the zipapp atomically; equal sources give equal bytes. OSError if it cannot be."""
    files.write_atomically(os.fspath(path), _SHEBANG + _archive())


def _archive() -> bytes:
    here = os.path.dirname(os.path.abspath(__file__))
    own = os.path.basename(__file__)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "__main__.py", _MAIN.encode("ascii"))
        # Empty: the real one belongs to a package that is not in here.
        _add(archive, "repropack/__init__.py", b"")
        for name in _modules(here):
            if name != own:
                with open(os.path.join(here, name), "rb") as stream:
                    _add(archive, "repropack/judge/" + name, stream.read())
    return buffer.getvalue()


def _modules(here: str) -> List[str]:
    """Paths of this package's modules and of those one package below, sorted."""
    names = os.listdir(here)
    for package in names[:]:
        if os.path.isfile(os.path.join(here, package, "__init__.py")):
            below = os.listdir(os.path.join(here, package))
            names += ["%s/%s" % (package, name) for name in below]
    return sorted(name for name in names if name.endswith(".py"))


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    archive.writestr(info, data)

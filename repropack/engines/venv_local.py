"""Editable installs without a container: what an image has in place, for one run's scratch copy.

Owns: the paths in it that name an image's places (`/work`, `/opt/env`), and how Python finds it.
Does not own: the scratch directory itself (`venv_run`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

#: Files of an editable install that say where the sources are.
_POINTING = (".pth", "_finder.py", "direct_url.json")
_HOOK = "import site\nsite.addsitedir({packages!r})\n"


def install_local(local: Path, scratch: Path, python: Path) -> dict[str, str]:
    """Put a bundle's `local/` beside the scratch copy of the source; gives the variables for it.

    An environment is shared between projects, so nothing is added to it. Python reads `.pth` files
    of directories that it is told of only after its start, by this module of site's.
    """
    if not local.is_dir():
        return {}
    if (local / "work").is_dir():
        shutil.copytree(local / "work", scratch / "work", dirs_exist_ok=True)
    target = scratch / "local"
    if (local / "env").is_dir():
        shutil.copytree(local / "env", target)
    hook = scratch / "hook"
    hook.mkdir()
    work = str(scratch / "work").encode()
    for packages in target.glob("lib/python*/site-packages"):
        for path in _pointing(packages):
            path.write_bytes(path.read_bytes().replace(b"/work", work))
        (hook / "sitecustomize.py").write_text(_HOOK.format(packages=str(packages)), "utf-8")
    for script in (target / "bin").glob("*"):
        data = script.read_bytes()
        script.write_bytes(data.replace(b"#!/opt/env/bin/python", b"#!" + os.fsencode(python), 1))
    return {"PYTHONPATH": str(hook), "PATH": str(target / "bin")}


def _pointing(packages: Path) -> Iterator[Path]:
    return (path for path in packages.rglob("*") if path.name.endswith(_POINTING))

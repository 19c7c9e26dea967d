"""A conda environment for the venv engine: a prefix of its own, linked by rattler, offline.

Owns: running the bundle's own installer with this Python. Does not own: pip's part (`venv_build`).
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from repropack.engines.model import BuildRecipe
from repropack.errors import BuildError, IntegrityError

SUMS = "conda.sha256"


def sums_in(context: Path) -> bytes:
    """What identifies the conda packages of a bundle; nothing where it has none."""
    path = context / SUMS
    return path.read_bytes() if path.is_file() else b""


def link_packages(recipe: BuildRecipe, prefix: Path) -> None:
    """Make the prefix. Raises `BuildError`, or `IntegrityError` for a package that differs."""
    if importlib.util.find_spec("rattler") is None:
        raise BuildError(
            "this environment is conda's, and the venv engine installs it with rattler",
            hint="pip install 'repropack[conda]', or use a container: --engine docker",
        )
    command = [sys.executable, "-P", "tools/install_conda.py", SUMS, str(prefix)]
    done = subprocess.run(
        command,
        cwd=recipe.context,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    with recipe.log.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n{done.stdout}")
    if not done.returncode:
        return
    last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
    if "its hash differs" in last:
        hint = "remove the damaged file from the cache, and build again"
        raise IntegrityError(last, hint=hint, log=recipe.log)
    raise BuildError(
        f"the conda packages could not be installed: {last}",
        hint="use a container: --engine docker",
        log=recipe.log,
    )

"""A Python that no Debian release has: the archive that uv would install, kept as it came.

Owns: having uv fetch it (with its mirror, proxy and certificate settings, checked by uv's own list
of hashes). Does not own: putting it into a base (`templates/base.sh`).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from repropack.engines.build_log import one_line
from repropack.engines.model import Progress
from repropack.errors import BuildError, TemporaryError
from repropack.marks import scratch
from repropack.tables import SUITES

INSTALLED = re.compile(r"cpython-(3\.[0-9]+\.[0-9]+)-linux-x86_64-gnu")
MOST_SECONDS = 900
HINT = (
    "name a mirror of its Pythons (UV_PYTHON_INSTALL_MIRROR), reach a registry, or set "
    f"environment.python to one that Debian has: {', '.join(SUITES)}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPython:
    """An archive in the layout of python-build-standalone, `python/bin/python3.10` and so on."""

    archive: Path
    sha256: str

    @property
    def short(self) -> str:
        """Enough of the hash to tell bases apart."""
        return self.sha256[:8]


def managed_python(version: str, *, cache: Path, progress: Progress) -> ManagedPython:
    """Fetch the Python of a version (`3.10` or `3.10.13`), or take it from the cache.

    Raises `TemporaryError` when it cannot be had, `BuildError` without room on the disk.
    """
    progress(f"asking uv for Python {version}")
    kept = cache / "pythons" / version
    try:
        kept.mkdir(parents=True, exist_ok=True)
        with scratch(kept, ".install.") as directory:
            archive = fetched(version, kept, Path(directory))
            sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"Python {version} could not be fetched: {error}") from error
    by_hash = by_its_hash(cache, sha256)
    if not by_hash.is_file():
        shutil.copyfile(archive, by_hash.with_suffix(".part"))
        by_hash.with_suffix(".part").replace(by_hash)
    return ManagedPython(archive=by_hash, sha256=sha256)


def given_python(archive: Path) -> ManagedPython:
    """The archive that a bundle carries."""
    return ManagedPython(archive=archive, sha256=hashlib.sha256(archive.read_bytes()).hexdigest())


def by_its_hash(cache: Path, sha256: str) -> Path:
    """Where an archive is kept."""
    return cache / "pythons" / f"{sha256}.tar.gz"


def fetched(version: str, kept: Path, directory: Path) -> Path:
    """The archive of what uv installs into a directory: uv keeps it when it is told where."""
    from repropack.environment.asking import uv_binary

    command = [uv_binary(), "python", "install", f"cpython-{version}-linux-x86_64-gnu"]
    command += ["--install-dir", str(directory / "pythons"), "--no-bin", "--no-progress"]
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "UV_PYTHON_CACHE_DIR": str(kept), "UV_NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=MOST_SECONDS,
    )
    if done.returncode != 0:
        raise TemporaryError(
            f"Python {version} cannot be had from uv: {last_cause(done.stderr)}", hint=HINT
        )
    names = [path.name for path in (directory / "pythons").iterdir()]
    exact = next(match[1] for name in sorted(names) if (match := INSTALLED.fullmatch(name)))
    archives = [path for path in kept.glob("*.tar.gz") if f"cpython-{exact}" in path.name]
    return max(archives, key=lambda path: path.stat().st_mtime)


def last_cause(stderr: str) -> str:
    """What uv says at the end, without its drawing."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error:", "cause:", "Caused by"))]
    return one_line((errors or lines or ["it said nothing"])[-1])

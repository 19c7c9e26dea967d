"""What a bundle says of its conda packages: conda-lock.yml, an `@EXPLICIT` list, and checksums.

Owns: the three texts. Deterministic, with public addresses only.
Does not own: where they go (`bundle`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from repropack.conda import condalock
from repropack.conda.channels import default_alias
from repropack.conda.fetcher import ALIAS_COMMENT
from repropack.condafile import PLATFORM
from repropack.environment.condamodel import CondaFile


def explicit_text(files: Sequence[CondaFile]) -> str:
    """The list that `fetcher` reads, and conda and micromamba too; without what is carried."""
    alias, asked = default_alias(), [file for file in files if not file.carried]
    usual = any(file.url.startswith(f"{alias}/") for file in asked)
    lines = [f"# platform: {PLATFORM}", *([f"{ALIAS_COMMENT}{alias}"] if usual else [])]
    lines += ["@EXPLICIT", *(f"{file.url}#sha256:{file.sha256}" for file in asked)]
    return "\n".join(lines) + "\n"


def sums_text(files: Sequence[CondaFile]) -> str:
    """The checksums, as `sha256sum` reads them from the bundle's directory."""
    return "".join(f"{file.sha256}  conda/{file.filename}\n" for file in files)


def conda_lock_text(files: Sequence[CondaFile]) -> str:
    """The packages as conda-lock's own library writes them."""
    channels = dict.fromkeys(file.url.rsplit("/", 2)[0] for file in files if not file.carried)
    packages = [
        {
            "name": file.name,
            "version": file.version,
            "manager": "conda",
            "platform": PLATFORM,
            "dependencies": dict(spec_of(depends) for depends in file.depends),
            "url": address(file),
            "hash": {"md5": file.md5, "sha256": file.sha256},
            "categories": {"main"},
        }
        for file in files
    ]
    return condalock.written(packages, channels, PLATFORM)


def programs() -> dict[str, str]:
    """The two programs that travel, by their names in a bundle's `tools`."""
    here = Path(__file__).parent
    return {
        "fetch_conda.py": (here / "fetcher.py").read_text("utf-8"),
        "install_conda.py": (here / "installer.py").read_text("utf-8"),
    }


def address(file: CondaFile) -> str:
    """Where a package is: beside the lock if its own address means something here alone."""
    return f"file:conda/{file.filename}" if file.carried else file.url


def spec_of(depends: str) -> tuple[str, str]:
    """A dependency as name and version: `python >=3.8` is `python` and `>=3.8`."""
    name, _, rest = depends.partition(" ")
    return name, rest.strip()

"""What a bundle says of its conda packages: conda-lock.yml, an `@EXPLICIT` list, and checksums.

Owns: the three texts. Deterministic, with public addresses only.
Does not own: where they go (`bundle`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from repropack.conda.channels import default_alias
from repropack.conda.fetcher import ALIAS_COMMENT
from repropack.condafile import PLATFORM
from repropack.environment.condamodel import CondaFile


def explicit_text(files: Sequence[CondaFile]) -> str:
    """The list that `fetcher` reads, and conda and micromamba too; without what is carried."""
    lines = [f"# platform: {PLATFORM}", f"{ALIAS_COMMENT}{default_alias()}", "@EXPLICIT"]
    lines += [f"{file.url}#sha256:{file.sha256}" for file in files if not file.carried]
    return "\n".join(lines) + "\n"


def sums_text(files: Sequence[CondaFile]) -> str:
    """The checksums, as `sha256sum` reads them from the bundle's directory."""
    return "".join(f"{file.sha256}  conda/{file.filename}\n" for file in files)


def conda_lock_text(files: Sequence[CondaFile]) -> str:
    """The packages as conda-lock's own library writes them."""
    from conda_lock.lockfile import write_conda_lock_file
    from conda_lock.lockfile.v2prelim.models import LockedDependency, Lockfile, LockMeta
    from conda_lock.models.channel import Channel

    channels = dict.fromkeys(address(file).rpartition("/")[0].rpartition("/")[0] for file in files)
    meta = LockMeta(
        content_hash={PLATFORM: ""},
        channels=[Channel.from_string(url) for url in channels],
        platforms=[PLATFORM],
        sources=[],
    )
    packages = [
        LockedDependency(
            name=file.name,
            version=file.version,
            manager="conda",
            platform=PLATFORM,
            dependencies=dict(spec_of(depends) for depends in file.depends),
            url=address(file),
            hash={"md5": file.md5, "sha256": file.sha256},
            categories={"main"},
        )
        for file in files
    ]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "conda-lock.yml")
        lock = Lockfile(package=packages, metadata=meta)
        write_conda_lock_file(lock, path, metadata_choices=None, include_help_text=False)
        return path.read_text(encoding="utf-8")


def address(file: CondaFile) -> str:
    """Where a package is: beside the lock if its own address means something here alone."""
    return f"file:conda/{file.filename}" if file.carried else file.url


def spec_of(depends: str) -> tuple[str, str]:
    """A dependency as name and version: `python >=3.8` is `python` and `>=3.8`."""
    name, _, rest = depends.partition(" ")
    return name, rest.strip()

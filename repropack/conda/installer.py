"""Installs conda packages into a prefix, offline. It travels in bundles and runs in the image.

    python3 install_conda.py conda.sha256 PREFIX

Owns: checking each package's hash, then linking with rattler. Does not own: fetching (`fetcher`).
Needs rattler on `PYTHONPATH`, and nothing else but the standard library.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Check everything, install everything, and leave before rattler's threads can interfere."""
    lines = Path(sys.argv[1]).read_text("utf-8").splitlines()
    packages = [(Path(line[66:]), line[:64]) for line in lines]
    for path, expected in packages:
        if sha256(path) != expected:
            sys.exit(f"{path} is not the package that was locked: its hash differs")
    prefix = Path(sys.argv[2])
    asyncio.run(install([path.absolute() for path, _ in packages], prefix))
    for record in (prefix / "conda-meta").glob("*.json"):
        settle(record)
    sys.stdout.flush()
    os._exit(0)


def sha256(path: Path) -> str:
    """A file's hash, in hexadecimal."""
    state = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            state.update(block)
    return state.hexdigest()


def settle(record: Path) -> None:
    """Make conda's note of a package the same wherever it was installed from."""
    note = json.loads(record.read_text("utf-8"))
    note["url"] = f"file:///conda/{note['fn']}"
    for key in ("extracted_package_dir", "package_tarball_full_path", "link"):
        note.pop(key, None)
    record.write_text(json.dumps(note, indent=2) + "\n", "utf-8")


async def install(paths: list[Path], prefix: Path) -> None:
    """Link the packages. Their own scripts run, as with conda: the network is off."""
    import rattler
    from rattler.repo_data import RepoDataRecord

    records = [await RepoDataRecord.from_package_archive(path) for path in paths]
    with tempfile.TemporaryDirectory() as cache:
        await rattler.install(
            records,
            prefix,
            cache_dir=Path(cache),
            execute_link_scripts=True,
            show_progress=False,
        )


if __name__ == "__main__":
    main()

"""Installs conda packages into a prefix, offline. It travels in bundles and runs in the image.

    python3 install_conda.py conda.sha256 PREFIX

Owns: checking each package's hash, linking with rattler, and what activating the environment sets.
Does not own: fetching (`fetcher`), giving that to experiments (`judge.activation`).
Needs rattler on `PYTHONPATH`, and nothing else but the standard library.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = 'env=$0; for script in "$@"; do . "$script" >&2 </dev/null; done; exec "$env" -0'
#: What a shell sets for itself, what scripts keep to undo it, and what is the image's own.
OF_THE_SHELL = re.compile(
    r"(_|SHLVL|PWD|OLDPWD|HOME|CONDA_(PREFIX|SHLVL|DEFAULT_ENV|BACKUP_.*)|BASH_FUNC_.*"
    r"|PYTHONHASHSEED|PYTHONDONTWRITEBYTECODE)$"
)


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
    note_activation(prefix.absolute())
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


def note_activation(prefix: Path) -> None:
    """Write down which variables `conda activate` would set, where a package asks for any."""
    found = activation(prefix)
    if found:
        path = prefix / "etc" / "repropack" / "activation.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", "utf-8")


def activation(prefix: Path) -> dict[str, str]:
    """The variables that the packages' own files set: the listed ones, then those of scripts.

    The scripts are sourced one after the other, as conda does. A script that ends the shell is an
    error; one that fails is not, as with conda.
    """
    listed: dict[str, str] = {}
    for path in sorted((prefix / "etc/conda/env_vars.d").glob("*.json")):
        given = json.loads(path.read_text("utf-8"))
        listed.update({str(name): str(value) for name, value in given.items()})
    scripts = sorted(str(path) for path in (prefix / "etc/conda/activate.d").glob("*.sh"))
    if not scripts:
        return listed
    before = {
        "PATH": f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "CONDA_PREFIX": str(prefix),
        "CONDA_DEFAULT_ENV": str(prefix),
        "CONDA_SHLVL": "1",
        **listed,
    }
    shell, env = shutil.which("bash") or "/bin/sh", shutil.which("env") or "/usr/bin/env"
    done = subprocess.run(
        [shell, "-c", SOURCE, env, *scripts],
        env=before,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    if done.returncode or not done.stdout:
        sys.exit(f"an activation script ended its shell ({done.returncode}): {' '.join(scripts)}")
    text = done.stdout.decode("utf-8", "replace")
    after = dict(line.partition("=")[::2] for line in text.split("\0") if line)
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    return {**listed, **{n: v for n, v in changed.items() if not OF_THE_SHELL.match(n)}}


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

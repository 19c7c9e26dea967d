"""Compare the locks' oracles with what the real tools export, or write them again.

    tools/lock_oracles.py [--write] [NAME...]      NAME is a directory of tests/fixtures/locks

Runs each tool, of the version that the first line of export.txt names, through `uv tool run` on a
copy of the fixture. Exporting asks no index; fetching a tool does. Exit code: 0, 1 for a
difference. A new fixture is made by hand: tests/fixtures/locks/README.md says how.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "locks"
#: name → what else the tool needs, the Python it runs on, its arguments
EXPORTS = {
    "poetry-2.1": ("poetry-plugin-export", "3.11", "poetry export --only main,ml"),
    "poetry-2.0": ("poetry-plugin-export", "3.11", "poetry export --only main,ml"),
    "poetry-1.1": ("", "3.9", "poetry export"),
    "poetry-1.0": ("", "3.8", "poetry export -f requirements.txt"),
    "uv": ("", "3.11", "uv export --frozen --no-default-groups --group ml --no-emit-project"),
    "uv-workspace": ("", "3.11", "uv export --frozen --no-emit-workspace"),
    "pdm-4.5": ("", "3.11", "pdm export -f requirements --prod"),
    "pdm-4.4": ("", "3.11", "pdm export -f requirements --prod"),
    "pdm-4.1": ("", "3.10", "pdm export -f requirements --prod"),
    "pipenv": ("", "3.11", "pipenv requirements --hash"),
}
PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.M)
HASH = re.compile(r"sha256:[0-9a-f]{64}")


def export(name: str, version: str) -> str:
    """What the tool exports from a copy of the fixture. Raises `CalledProcessError`."""
    extra, python, arguments = EXPORTS[name]
    tool, *rest = shlex.split(arguments)
    runner = ["uv", "tool", "run", "--python", python, "--from", f"{tool}=={version}"]
    runner += ["--with", extra] if extra else []
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "project"
        shutil.copytree(FIXTURES / name, copy)
        done = subprocess.run(
            [*runner, tool, *rest], cwd=copy, check=True, capture_output=True, text=True
        )
    return done.stdout


def packages(text: str) -> dict[tuple[str, str], frozenset[str]]:
    """Name and version of each package, with its hashes."""
    found: dict[tuple[str, str], set[str]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        for name, version in PINNED.findall(block):
            found.setdefault((name.lower(), version), set()).update(HASH.findall(block))
    return {key: frozenset(hashes) for key, hashes in found.items()}


def compare(name: str, *, write: bool) -> str:
    """One fixture: `same`, `written`, or what differs. Hashes of other platforms were left out."""
    path = FIXTURES / name / "export.txt"
    head, _, kept = path.read_text("utf-8").partition("\n")
    try:
        made = export(name, head.rpartition(" ")[2])
    except subprocess.CalledProcessError as error:
        return f"the tool failed: {(error.stderr or error.stdout).strip()[-300:]}"
    ours, theirs = packages(kept), packages(made)
    if write:
        path.write_text(f"{head}\n{made}", "utf-8")
        return "written"
    if ours.keys() != theirs.keys():
        return f"differs: {sorted(ours.keys() ^ theirs.keys())[:5]}"
    strange = [key for key, hashes in ours.items() if not hashes <= theirs[key]]
    return f"hashes differ: {strange[:5]}" if strange else f"same, {len(ours)} packages"


def main() -> int:
    """Every fixture, or those named."""
    parser = argparse.ArgumentParser(description="Compare the oracles of the locks.")
    parser.add_argument("names", metavar="NAME", nargs="*")
    parser.add_argument("--write", action="store_true", help="replace the exports")
    chosen = parser.parse_args()
    said = {name: compare(name, write=chosen.write) for name in chosen.names or EXPORTS}
    sys.stdout.writelines(f"{name}: {text}\n" for name, text in said.items())
    return 0 if all(text.startswith(("same", "written")) for text in said.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

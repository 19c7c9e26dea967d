"""Compare the locks' oracles with what the real tools export, or write them again.

    tools/lock_oracles.py [--write] [NAME...]      NAME is a directory of tests/fixtures/locks

Runs each tool, of the version that the first line of its export names, through `uv tool run` on a
copy of the fixture. Exporting asks no index, unless an installer is asked what it would install of
a requirements file; fetching a tool does. Exit code: 0, 1 for a difference. What needs a Python
that uv finds neither here nor elsewhere is told, and is no difference. A new fixture is made by
hand: tests/fixtures/locks/README.md says how.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "locks"
UV = "uv export --frozen --no-default-groups --no-emit-project"
PLUGIN = "poetry-plugin-export"
#: What the installers themselves read in a file that another tool wrote.
PIP = "pip install -q --dry-run --ignore-installed --no-deps --require-hashes --only-binary :all:"
SYNC = "uv pip install --dry-run --no-deps --target target --python 3.11 -r pylock.toml"
COMPILED = "uv pip compile -q --no-deps --no-annotate requirements.txt"
MICROPIPENV = "micropipenv requirements --method pipenv"
PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.M)
HASH = re.compile(r"sha256:[0-9a-f]{64}")
NO_PYTHON = re.compile(r"No interpreter found|python-build-standalone|python-downloads")


@dataclass(frozen=True)
class Export:
    """How an oracle is made: the tool's arguments, what else it needs, the Python it runs on.

    `name` is that of the file: `export.txt`, `export-NAME.txt` for other groups and extras.
    """

    directory: str
    arguments: str
    name: str = ""
    extra: str = ""
    python: str = "3.11"

    @property
    def path(self) -> Path:
        """The file that holds it."""
        name = f"export-{self.name}.txt" if self.name else "export.txt"
        return FIXTURES / self.directory / name

    @property
    def label(self) -> str:
        """How it is called in messages."""
        return f"{self.directory}/{self.name}" if self.name else self.directory


EXPORTS = (
    Export("poetry-2.1", "poetry export --only main,ml", extra=PLUGIN),
    Export("poetry-2.1", "poetry export --only main,ml,paper -E plot", "plot", PLUGIN),
    Export("poetry-2.0", "poetry export --only main,ml", extra=PLUGIN),
    Export("poetry-2.0", "poetry export --only main,ml,paper -E plot", "plot", PLUGIN),
    Export("poetry-1.1", "poetry export", python="3.9"),
    Export("poetry-1.0", "poetry export -f requirements.txt", python="3.8"),
    Export("uv", f"{UV} --group ml"),
    Export("uv", f"{UV} --group ml --group dev --extra plot", "plot"),
    Export("uv-conflicts", f"{UV} --group fast --extra new", "new"),
    Export("uv-conflicts", f"{UV} --group slow --extra old", "old"),
    Export("uv-workspace", "uv export --frozen --no-emit-workspace"),
    Export("pdm-4.5", "pdm export -f requirements -G ml"),
    Export("pdm-4.5", "pdm export -f requirements -G ml,dev", "dev"),
    Export("pdm-4.4", "pdm export -f requirements -G ml"),
    Export("pdm-4.1", "pdm export -f requirements --prod", python="3.10"),
    Export("pdm-4.1", "pdm export -f requirements --prod", "3.11"),
    Export("pip-compile", f"{PIP} --report - -r requirements.txt"),
    *(
        Export("uv-pip-compile", f"{COMPILED} --python-version {python}", python)
        for python in ("3.9", "3.11")
    ),
    *(
        Export("uv-pylock", f"{SYNC} --python-version {python}", python)
        for python in ("3.9", "3.10", "3.11", "3.12")
    ),
    Export("pip-lock", f"{SYNC} --python-version 3.11", "3.11"),
    Export("pipenv", "pipenv requirements --hash"),
    Export("pipenv", "pipenv requirements --hash --dev", "develop"),
    Export("pipenv", f"{MICROPIPENV} --no-dev", "micropipenv"),
    Export("pipenv", MICROPIPENV, "micropipenv-develop"),
)


def made(export: Export, version: str) -> str:
    """What the tool exports from a copy of the fixture. Raises `CalledProcessError`."""
    tool, *rest = shlex.split(export.arguments)
    runner = ["uv", "tool", "run", "--python", export.python, "--from", f"{tool}=={version}"]
    runner += ["--with", export.extra] if export.extra else []
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "project"
        shutil.copytree(FIXTURES / export.directory, copy)
        variables = dict(os.environ)
        if tool == "pdm":  # markers are those of the project's Python, which it would look for
            python = json.dumps(python_path(export.python))
            (copy / ".pdm.toml").write_text(f"[python]\npath = {python}\n", "utf-8")
            variables["PDM_USE_VENV"] = "0"
        done = subprocess.run(
            [*runner, tool, *rest],
            cwd=copy,
            env=variables,
            check=True,
            capture_output=True,
            text=True,
        )
    return as_requirements(done.stdout, done.stderr)


def python_path(version: str) -> str:
    """Where a Python is. Raises `CalledProcessError`, as a tool does, where there is none."""
    found = subprocess.run(
        ["uv", "python", "find", version], check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


def as_requirements(stdout: str, stderr: str) -> str:
    """pip's report, and uv's plan (on stderr), as requirements; others as they are."""
    if stdout.startswith("{"):
        wheels = json.loads(stdout)["install"]
        rows = [(w["metadata"], w["download_info"]["archive_info"]["hashes"]) for w in wheels]
        lines = [f"{m['name']}=={m['version']} --hash=sha256:{h['sha256']}" for m, h in rows]
    else:
        lines = re.findall(r"^ \+ ([A-Za-z0-9][\w.-]*==\S+)", stderr, re.M)
    return "".join(f"{line}\n" for line in sorted(lines)) if lines else stdout


def packages(text: str) -> dict[tuple[str, str], frozenset[str]]:
    """Name and version of each package, with its hashes."""
    found: dict[tuple[str, str], set[str]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        for name, version in PINNED.findall(block):
            found.setdefault((name.lower(), version), set()).update(HASH.findall(block))
    return {key: frozenset(hashes) for key, hashes in found.items()}


def compare(export: Export, *, write: bool) -> str:
    """One oracle: `same`, `written`, or what differs. Hashes of other platforms were left out."""
    head, _, kept = export.path.read_text("utf-8").partition("\n")
    try:
        text = made(export, head.rpartition(" ")[2])
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip()
        if NO_PYTHON.search(said):
            return f"not run: it needs Python {export.python}"
        return f"the tool failed: {said[-300:]}"
    if write:
        export.path.write_text(f"{head}\n{text}", "utf-8")
        return "written"
    return difference(packages(kept), packages(text))


def difference(
    ours: dict[tuple[str, str], frozenset[str]], theirs: dict[tuple[str, str], frozenset[str]]
) -> str:
    """What differs, or that they are the same."""
    if ours.keys() != theirs.keys():
        return f"differs: {sorted(ours.keys() ^ theirs.keys())[:5]}"
    strange = [key for key, hashes in ours.items() if not hashes <= theirs[key]]
    return f"hashes differ: {strange[:5]}" if strange else f"same, {len(ours)} packages"


def chosen(names: list[str]) -> Iterator[Export]:
    """The oracles of these directories; all without a name."""
    return (export for export in EXPORTS if not names or export.directory in names)


def main() -> int:
    """Every fixture, or those named."""
    parser = argparse.ArgumentParser(description="Compare the oracles of the locks.")
    parser.add_argument("names", metavar="NAME", nargs="*")
    parser.add_argument("--write", action="store_true", help="replace the exports")
    asked = parser.parse_args()
    good = True
    for export in chosen(asked.names):
        said = compare(export, write=asked.write)
        good = good and said.startswith(("same", "written", "not run"))
        sys.stdout.write(f"{export.label}: {said}\n")
        sys.stdout.flush()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

"""A bundle that is made without an engine and without the network, and its reproduce.sh called.

As a program: `made.py PROJECT OUT` writes the bundle of a project that needs no packages.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from repropack.bundle import BaseRecord, Bundle, Ingredients, checksums, write_bundle
from repropack.debian.debs import Deb
from repropack.pipeline import decide
from repropack.plan import Plan
from repropack.progress import Silent
from repropack.project import look
from repropack.settings import Settings

DEBS = (
    Deb(name="base-files", version="12.4", architecture="amd64", sha256="1" * 64),
    Deb(name="libssl3", version="3.0.15-1", architecture="amd64", sha256="2" * 64),
)
BASE = BaseRecord(reference="repropack/base:bookworm-py3.11", debs=DEBS)
TOOLS = (
    *(
        "sh",
        "cat",
        "chmod",
        "cp",
        "cut",
        "df",
        "env",
        "find",
        "grep",
        "head",
        "id",
        "ls",
        "mkdir",
        "mktemp",
    ),
    *("mv", "readlink", "rm", "rmdir", "sed", "sha256sum", "sleep", "sort", "tail", "tr"),
)
SHELLS = (("sh",), ("dash",), ("bash", "--posix"), ("busybox", "sh"))


def plan_of(project: Path) -> tuple[Plan, Ingredients]:
    """The plan of a project that needs no packages, and what it is made of."""
    looked = look(project, allow_dirty=False)
    plan = decide(looked, settings=Settings(cache=project.parent / "cache"), reporter=Silent())
    return plan, Ingredients(target=plan.base.need.target, wheels=(), tools=(), base=BASE)


def make_bundle(project: Path, out: Path) -> Bundle:
    """The bundle of a project that needs no packages."""
    plan, ingredients = plan_of(project)
    source = look(project, allow_dirty=False).source
    return write_bundle(plan, source, ingredients, cache=project.parent / "cache", out=out)


def reseal(bundle: Path) -> None:
    """Make a changed bundle one that was built so."""
    (bundle / checksums.SUMS).write_text(checksums.sums_text(bundle))


def tool_directory(directory: Path, *programs: Path) -> Path:
    """A directory for PATH with the POSIX tools that reproduce.sh uses, and these programs."""
    directory.mkdir(parents=True)
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None, name
        (directory / name).symlink_to(found)
    for program in programs:
        (directory / program.name).symlink_to(program)
    return directory


def reproduce(
    bundle: Path,
    *arguments: str,
    path: Path,
    shell: tuple[str, ...] = (),
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Call reproduce.sh with nothing in its environment but PATH and what is given."""
    program = [shutil.which(shell[0]) or shell[0], *shell[1:]] if shell else []
    variables = {"PATH": str(path), **(environment or {})}
    return subprocess.run(
        [*program, str(bundle / "reproduce.sh"), *arguments],
        cwd=cwd or bundle.parent,
        env=variables,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        stdin=subprocess.DEVNULL,
        timeout=600,
    )


if __name__ == "__main__":
    make_bundle(Path(sys.argv[1]), Path(sys.argv[2]))

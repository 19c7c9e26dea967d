"""What `reproduce.sh` adds to the run itself, when its image is there.

Owns: calling it as a reviewer does, with a Python on the machine and without one. Does not own: the
project (`project`), the statistics (`pairing`).
"""

from __future__ import annotations

import os
from pathlib import Path

from commands import docker, run
from pairing import Compare, Result, interleave
from project import Project


def measure_reproduce(project: Project, parent: Path, rounds: int, *, python: bool) -> Result:
    """`reproduce.sh` against `docker run` of the same command in the same image."""
    project.build()
    bundle = next(project.directory.glob(".repropack/bundles/*"))
    env = {} if python else {"PATH": str(without_python(parent / "bin"))}
    out = parent / "reproduction"
    command = [str(bundle / "reproduce.sh"), "--tolerance", "0.5", "--output", str(out)]
    bare = ("run", "--rm", "--network", "none", project.tag, "python", "train.py")
    run(command, env=env)
    docker(*bare)
    return Result(
        name="reproduce" if python else "reproduce-shell",
        what="reproduce.sh, image there" + ("" if python else ", no python3 on the machine"),
        peer="docker run --rm IMAGE python train.py",
        unit="s",
        compare=Compare.DIFFERENCE,
        target=2.0,
        pairs=interleave(
            lambda _: run(command, env=env).seconds, lambda _: docker(*bare).seconds, rounds
        ),
    )


def without_python(directory: Path) -> Path:
    """A PATH like this one, in which no python3 is found."""
    directory.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).glob("*") if Path(place).is_dir() else ():
            link = directory / program.name
            if not program.name.startswith("python") and not link.is_symlink():
                link.symlink_to(program)
    return directory

"""The command line as its users meet it: a process of its own, in a project of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from repropack.cli import run
from tests.conftest import ROOT, commit_all

REPROPACK = (sys.executable, "-m", "repropack")
#: What a failed or refused command must not leave beside the user's files.
TRACES = (".context.*", "*.tmp", "*.old", ".*.tmp", ".repropack.yaml.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything, for the message of a failing test."""
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def environment(extra: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """The environment of a command: this one's, with `extra`; None removes a variable."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONUNBUFFERED"):
        variables.pop(name, None)
    for name, value in (extra or {}).items():
        variables.pop(name, None)
        if value is not None:
            variables[name] = value
    return variables


def repropack(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    timeout_s: float = 120.0,
) -> Done:
    """Run a command to its end."""
    done = subprocess.run(
        [*REPROPACK, *map(str, arguments)],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_s,
    )
    return Done(
        code=done.returncode,
        out=done.stdout.decode("utf-8", "surrogateescape"),
        err=done.stderr.decode("utf-8", "surrogateescape"),
    )


def inside(*arguments: str | Path) -> Done:
    """Run a command in this process, ten times as fast: where streams and signals do not matter."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return Done(code=code, out=out.getvalue(), err=err.getvalue())


def project(directory: Path, files: Mapping[str, str | bytes]) -> Path:
    """A repository of these files with one commit. Text may be indented."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else textwrap.dedent(content).encode()
        path.write_bytes(data)
    commit_all(directory)
    return directory


def traces(directory: Path) -> list[str]:
    """What is left of something that was only half done, below a directory."""
    found = (path for pattern in TRACES for path in directory.rglob(pattern))
    return sorted({path.relative_to(directory).as_posix() for path in found})


def bundles(directory: Path) -> list[Path]:
    """Every bundle, whole or not, that lies where bundles go when nobody says where."""
    return sorted((directory / ".repropack" / "bundles").glob("*"))


def containers(name: str, *filters: str) -> list[str]:
    """The containers, running or not, of the project of this name."""
    wanted = [word for each in (f"name=repropack-{name}", *filters) for word in ("--filter", each)]
    return docker("ps", "-a", "--format", "{{.Names}}", *wanted)


def docker(*arguments: str) -> list[str]:
    """The lines that the docker command prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.split()


def remove_images(name: str) -> None:
    """The images of the project of this name: no other test has one of that name.

    With those that had its tag before another build got it.
    """
    tags = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"repropack/{name}")
    titled = ("--filter", f"label=org.opencontainers.image.title={name}")
    replaced = docker("images", "--quiet", "--no-trunc", "--filter", "dangling=true", *titled)
    if found := [*tags, *dict.fromkeys(replaced)]:
        docker("rmi", "--force", *found)

"""Running commands: timed, quiet, and with their output shown when they fail.

Owns: processes and the few words of docker that the benchmarks need. Does not own: what they
measure (`speed`), or which files they work on (`project`, `byhand`).
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: This process's environment without what changes how Python starts: an installed program has its
#: bytecode, whatever the shell of the one who measures says.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("PYTHON") and name != "REPROPACK_CACHE"
}


class BenchmarkError(Exception):
    """The benchmark cannot be done here; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that succeeded: wall-clock seconds, and what it wrote to stdout."""

    seconds: float
    output: str


def run(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Done:
    """Run a command to its end. `env` is added to `ENVIRONMENT`. Raises `BenchmarkError`."""
    began = time.perf_counter()
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env={**ENVIRONMENT, **(env or {})},
        cwd=cwd,
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise BenchmarkError(f"`{' '.join(command)}` exited {done.returncode}:\n{tail}")
    return Done(seconds=seconds, output=done.stdout)


def repropack_command() -> list[str]:
    """The installed command beside this interpreter; in a bare checkout, what it would run."""
    script = Path(sys.executable).with_name("repropack")
    if script.exists():
        return [str(script)]
    start = "import sys; from repropack.cli import main; sys.exit(main())"
    return [sys.executable, "-P", "-c", start]  # -P: not the modules of where we stand


def repropack(*arguments: str, cache: Path, env: Mapping[str, str] | None = None) -> Done:
    """One repropack command, with a cache of its own."""
    env = {"REPROPACK_CACHE": str(cache), **(env or {})}
    if len(repropack_command()) > 1:
        env = {**env, "PYTHONPATH": str(ROOT)}
    return run([*repropack_command(), *arguments], env=env)


def git(directory: Path, *arguments: str) -> str:
    """A git command in a directory, as an author who is nobody in particular."""
    identity = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    command = ["git", *identity, "-c", "commit.gpgsign=false", *arguments]
    return run(command, cwd=directory).output.strip()


def docker(*arguments: str, env: Mapping[str, str] | None = None) -> Done:
    """A docker command."""
    return run(["docker", *arguments], env=env)


def images(*filters: str) -> tuple[str, ...]:
    """The tags of images, by name or by what `docker images` can filter."""
    listed = docker("images", "--format", "{{.Repository}}:{{.Tag}}", *filters).output.split()
    return tuple(tag for tag in listed if "<none>" not in tag)


def dangling() -> frozenset[str]:
    """The ids of images that have no tag: what is left of earlier stages."""
    listed = docker("images", "--quiet", "--no-trunc", "--filter", "dangling=true")
    return frozenset(listed.output.split())


def size_bytes(image: str) -> int:
    """What an image takes, its base included, uncompressed."""
    return int(docker("inspect", "--format", "{{.Size}}", image).output)


def created_s(image: str) -> float:
    """When an image was made, in seconds since the epoch: of a cached one, when it was first."""
    text = docker("inspect", "--format", "{{.Created}}", image).output.strip()
    whole = text.replace("Z", "").partition(".")[0]
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.UTC)
    fraction = text.replace("Z", "").partition(".")[2]
    return moment.timestamp() + (float(f"0.{fraction}") if fraction.isdigit() else 0.0)


def require_new(image: str, since_s: float) -> None:
    """Refuse a measurement in which nothing was built. Raises `BenchmarkError`."""
    if created_s(image) < since_s:
        raise BenchmarkError(
            f"{image} came from a builder's cache: nothing was measured. An earlier benchmark that"
            " was cut off may have left images: `docker image prune` removes them"
        )

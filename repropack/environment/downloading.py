"""Running `pip download` for a target: the command, its progress, its exit.

Owns: the process. The machine's pip configuration (indexes, proxy, certificates) is used as it is.
Does not own: what a failure means (`failures`), checking and keeping files (`fetching`).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from repropack.environment.model import Lock, Requirement, Target
from repropack.environment.unbuilt import PINS
from repropack.errors import BuildError

GETS = re.compile(
    r"^\s*(?:Downloading|Using cached|Processing) (\S+\.whl)(?: \((\d[\d.]* [kMG]?B)\))?"
)
LOUDNESS = ("PIP_QUIET", "PIP_VERBOSE", "PIP_LOG")  # they would change the lines that are read here

Progress = Callable[[str], None]


class PipFailedError(Exception):
    """pip gave up; `lines` is everything that it said."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("pip failed")
        self.lines = lines


def download(
    requirements: Iterable[Requirement],
    lock: Lock,
    target: Target,
    directory: Path,
    *,
    by_url: frozenset[Requirement] = frozenset(),
    verbose: bool = False,
    progress: Progress,
) -> tuple[Path, ...]:
    """Download the wheels into a new directory `wheels` below `directory`.

    Requirements in `by_url` are asked for by the address that the lock names, the others by name
    from the indexes. Raises `PipFailedError`.
    """
    chosen = tuple(requirements)
    manifest = directory / "requirements.txt"
    manifest.write_text(manifest_text(chosen, lock, by_url), encoding="utf-8")
    wheels = directory / "wheels"
    command = [*pip_command(target, wheels), "-r", str(manifest), *(["-vv"] if verbose else [])]
    run(command, directory, reporter(len(chosen), progress))
    return tuple(sorted(wheels.glob("*.whl")))


def download_sources(
    requirements: tuple[Requirement, ...],
    lock: Lock,
    target: Target,
    directory: Path,
    *,
    hashed: bool = True,
    progress: Progress,
) -> tuple[Path, ...]:
    """Download source distributions into a new directory `sources`; nothing of them is executed.

    Without `hashed` the index alone vouches for them. Raises `PipFailedError`.
    """
    by_url = frozenset(item for item in requirements if item.origin and item.origin.url)
    manifest = directory / "sources.txt"
    manifest.write_text(manifest_text(requirements, lock, by_url), encoding="utf-8")
    destination = directory / "sources"
    words = pip_command(target, destination)
    words = [word for word in words if word != "--only-binary=:all:"]
    words = words if hashed else [word for word in words if word != "--require-hashes"]
    start = words.index("download")
    driver = str(Path(__file__).with_name("unbuilt.py"))
    command = [sys.executable, "-P", driver, *words[start:], "--no-binary=:all:"]
    pins = {item.name: item.version for item in requirements if item.version}
    run([*command, "-r", str(manifest)], directory, progress, {PINS: json.dumps(pins)})
    return tuple(sorted(destination.iterdir()))


def manifest_text(
    requirements: tuple[Requirement, ...], lock: Lock, by_url: frozenset[Requirement]
) -> str:
    """What pip reads: the author's own indexes, then one hashed line for each requirement."""
    lines = [f"--extra-index-url {url}" for url in lock.indexes]
    lines += [f"--find-links {url}" for url in lock.find_links]
    for requirement in requirements:
        spec = str(requirement)
        if requirement in by_url:
            spec = f"{requirement.name} @ {requirement.url}"
        lines.append(" ".join([spec, *(f"--hash={value}" for value in requirement.hashes)]))
    return "\n".join(lines) + "\n"


def pip_command(target: Target, destination: Path) -> list[str]:
    """`pip download` for the target and for nothing else."""
    from repropack.environment.target import full_version

    platforms = [word for tag in target.platforms for word in ("--platform", tag)]
    return [
        *(sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--require-hashes"),
        *("--only-binary=:all:", "--implementation", "cp"),
        *("--python-version", full_version(target)),
        *("--abi", target.abi, *platforms),
        *("--no-input", "--progress-bar", "off", "--no-color", "--disable-pip-version-check"),
        *("--dest", str(destination)),
    ]


def run(
    command: list[str],
    directory: Path,
    report: Progress,
    more: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run pip, hand on its lines as they come, and stop it when the caller is interrupted."""
    lines = []
    with start(command, directory, more) as process:
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                report(line)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise PipFailedError(tuple(lines))


def start(command: list[str], directory: Path, more: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start pip, its two outputs as one. Raises `BuildError` if there is nothing to start."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**pip_environment(directory), **more},
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise BuildError(
            f"cannot start {command[0]}: {error.strerror}", hint="install repropack again"
        ) from error


def pip_environment(directory: Path) -> dict[str, str]:
    """The caller's environment; pip's temporary files go where there is room for wheels."""
    environment = {name: value for name, value in os.environ.items() if name not in LOUDNESS}
    environment |= {
        "TMPDIR": str(directory),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
        "PIP_REQUIRE_VIRTUALENV": "0",
    }
    return environment


def reporter(total: int, progress: Progress) -> Progress:
    """Turn pip's lines into one line of progress for each wheel: count, file, size."""
    seen: set[str] = set()

    def report(line: str) -> None:
        match = GETS.match(line)
        if match is None:
            return
        name = match.group(1).rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            size = f" ({match.group(2)})" if match.group(2) else ""
            progress(f"fetching {len(seen)}/{total}: {name}{size}")

    return report

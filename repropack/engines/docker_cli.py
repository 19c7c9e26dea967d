"""The docker command on PATH, which repropack uses for one thing only: building with BuildKit.

Owns: finding out whether it can, and how it has to be called. The SDK does everything else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from repropack.metadata.times import OLDEST_TIME_S

_ANSWER_TIMEOUT_S = 30
_FIRST_WITHOUT_BUILTIN_BUILDKIT = 23
_FIRST_WITH_TIMES = (0, 13)  # https://github.com/moby/buildkit/blob/master/docs/build-repro.md
_FIRST_ENGINE_WITH_TIMES = 26  # https://github.com/moby/moby/blob/v26.0.0/vendor.mod: 0.13
_FIXED = "type=docker,dest=-,rewrite-timestamp=true"
_PLUGIN = "cli-plugins/docker-buildx"
_PLUGINS = tuple(
    Path(root) / "docker" / _PLUGIN
    for root in (
        "/usr/local/lib",
        "/usr/local/libexec",
        "/usr/lib",
        "/usr/libexec",
        "/opt/homebrew/lib",
        "/Applications/Docker.app/Contents/Resources",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerCli:
    """A docker command that can build with BuildKit: by the buildx plugin, or built in.

    `buildkit` is BuildKit's own version, where the plugin tells it; `engine` that of the daemon it
    is part of, which tells it where distributions build it without (v0.0.0+unknown).
    `keeps_archives`: the daemon keeps images in containerd's store, as the archives that they are.
    """

    program: str
    buildx: bool
    buildkit: str = ""
    engine: str = ""
    keeps_archives: bool = False
    context: str = ""
    env: tuple[tuple[str, str], ...] = ()

    def build_command(self, *, exact: bool = False) -> list[str]:
        """Return the words that start a build whose result is loaded into the engine.

        With `exact` it may be for `load_command` to load, from the builder's standard output.
        """
        if not self.buildx:
            return [self.program, "build"]
        # A user's own builder may live in a container, where the engine's images are not seen.
        builder = ["--builder", self.context] if self.context else []
        output = f"--output={_FIXED}" if exact and self.load_command() else "--load"
        return [self.program, "buildx", "build", output, *builder]

    def load_command(self) -> list[str] | None:
        """Return what loads the archive of an exact build; None where the builder makes none.

        BuildKit gives files another time only in an archive ("conflicts with unpack" is what it
        says otherwise), and the daemon's own store has none: there it does nothing, silently.
        """
        able = self.fixes_times and self.keeps_archives
        return [self.program, "load", "--quiet"] if able else None

    @property
    def fixes_times(self) -> bool:
        """Whether it can give every file of the layers that it makes the time that it is told."""
        if found := re.match(r"v?(\d+)\.(\d+)", self.buildkit):
            return (int(found[1]), int(found[2])) >= _FIRST_WITH_TIMES
        major = re.match(r"\d+", self.engine) if self.buildx else None
        return major is not None and int(major[0]) >= _FIRST_ENGINE_WITH_TIMES

    def time_args(self) -> tuple[tuple[str, str], ...]:
        """The build argument that says which time."""
        return (("SOURCE_DATE_EPOCH", str(OLDEST_TIME_S)),) if self.fixes_times else ()

    def environment(self) -> dict[str, str]:
        """Return the environment for the command: BuildKit on, the user's builder choice off."""
        kept = {name: value for name, value in os.environ.items() if name != "BUILDX_BUILDER"}
        switches = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        return {**kept, **switches, "DOCKER_CLI_HINTS": "false", **dict(self.env)}


def find_cli(program: str | None = None, env: tuple[tuple[str, str], ...] = ()) -> DockerCli | None:
    """Return the docker command (`program`, or the one on PATH) if it can use BuildKit."""
    program = program or shutil.which("docker")
    if program is None:
        return None
    version = re.search(r"version (\d+)\.", _answer(program, "--version") or "")
    old = version is not None and int(version[1]) < _FIRST_WITHOUT_BUILTIN_BUILDKIT
    if _has_buildx_file() and _answer(program, "buildx", "version") is not None:
        context = _answer(program, "context", "show") or ""
        told = _answer(program, "buildx", "inspect", *([context] if context else [])) or ""
        return DockerCli(
            program=program, buildx=True, buildkit=buildkit_version(told), context=context, env=env
        )
    # Up to 22 BuildKit is built in; since then it needs the plugin.
    return DockerCli(program=program, buildx=False, env=env) if old else None


def buildkit_version(told: str) -> str:
    """BuildKit's own version, in what `docker buildx inspect` tells; "" where it does not."""
    found = re.search(r"^\s*BuildKit(?: version)?:\s*(v?[0-9][^\s]*)", told, re.I | re.M)
    return found[1] if found and not found[1].startswith("v0.0.0") else ""


def _has_buildx_file() -> bool:
    """Whether the plugin lies where the docker command looks: asking the command takes longer.

    The places are those of docker's own documentation of its plugins, and of Docker Desktop.
    """
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    return any(path.exists() for path in (own / _PLUGIN, *_PLUGINS)) or _more_plugins(own)


def _more_plugins(own: Path) -> bool:
    """Whether the user's docker configuration names further places for plugins."""
    try:
        return "cliPluginsExtraDirs" in (own / "config.json").read_text("utf-8", "replace")
    except OSError:
        return False


def _answer(*command: str) -> str | None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_ANSWER_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

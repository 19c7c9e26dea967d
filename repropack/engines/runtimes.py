"""The command lines of runtimes that start a container for an ordinary user, without a daemon.

Owns: what each of them is told, so that a run sees what it would see in Docker: the image
read-only, `/work`, `/out`, an empty `/tmp`, the image's variables and no other, no network unless
it asked for one. Does not own: starting it (`cluster_run`).
https://hpc.github.io/charliecloud/ch-run.html, https://apptainer.org/docs/user/main/
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from repropack.engines.process import end

NAMES = ("apptainer", "charliecloud")
USER = ("1000", "1000")
_NAMESPACES = "unshare"
# What Charliecloud shows of the machine is made ready beforehand, in the run's own namespace. /sys
# would list the machine's network where the run has none of it. Charliecloud binds for reading and
# writing, so what must not be written to is made so; nobody but root may take away the restrictions
# that a mount has.
_PREPARE = """set -eu
printf run >/proc/sys/kernel/hostname
[ "$0" = network ] || mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /sys
while [ "$1" != -- ]; do
    mount --bind "$1" "$1"
    mount -o "remount,bind,ro$2" "$1"
    shift 2
done
shift
exec "$@"
"""
# Only a set-uid Apptainer needs no user namespace.
_MAY_START = """unshare --user true 2>/dev/null && exit
case $("$0" buildcfg) in *SUID_INSTALL=0*) unshare --user true ;; esac
"""
_FLAGS = ((os.ST_NOSUID, "nosuid"), (os.ST_NODEV, "nodev"), (os.ST_NOEXEC, "noexec"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A file or directory of this machine that a container sees at `target`."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A container: its root, what is bound into it, its variables, and what runs in it.

    `scratch` is a directory of the run's own, for what it writes to `/tmp`; `nothing` is empty.
    """

    root: Path
    scratch: Path
    nothing: Path
    binds: tuple[Bind, ...]
    variables: tuple[tuple[str, str], ...]
    command: tuple[str, ...]
    network: bool = False
    gpu: bool = False


class Runtime(Protocol):
    """A program that starts containers."""

    name: str
    gpu_runtime: str

    def programs(self) -> tuple[str, ...]:
        """What has to be installed."""

    def version(self) -> list[str]:
        """The command that says its version."""

    def trial(self) -> list[str]:
        """A command that fails where this machine does not let a user start a container."""

    def command(self, box: Box) -> list[str]:
        """The command that runs a container to its end."""

    def variables(self, box: Box) -> dict[str, str]:
        """The variables of that command, all of them."""

    def ask_to_end(self, process: subprocess.Popen[bytes]) -> None:
        """Pass the wish to stop on to what runs in the container."""


class Charliecloud:
    """`ch-run`, in namespaces of util-linux: processes end with it, and there is no network."""

    name = "charliecloud"
    gpu_runtime = ""

    def programs(self) -> tuple[str, ...]:
        """What has to be installed."""
        return ("ch-run", _NAMESPACES, "setpriv")

    def version(self) -> list[str]:
        """The command that says its version."""
        return [_found("ch-run"), "--version"]

    def trial(self) -> list[str]:
        """A user namespace, as each run has."""
        return [*_namespaces(network=False), "true"]

    def command(self, box: Box) -> list[str]:
        """`unshare … sh -c … ch-run …`."""
        protect = []
        for bind in box.binds:
            if bind.read_only:
                protect += [str(bind.source), _restrictions(bind.source)]
        words = ["setpriv", "--pdeathsig", "KILL"]  # so that none outlives who started it
        words += [*_namespaces(network=box.network), "/bin/sh", "-c", _PREPARE]
        words += [
            "network" if box.network else "closed",
            *protect,
            "--",
            _found("ch-run"),
            "--private-tmp",
            "--no-passwd",
        ]
        words += ["--uid", USER[0], "--gid", USER[1], "--cd", "/work"]
        for bind in box.binds:
            words += ["--bind", f"{_colonless(bind.source)}:{_colonless(bind.target)}"]
        words += ["--unset-env=*", "--env-no-expand"]
        words += [f"--set-env={name}={value}" for name, value in box.variables]
        return [*words, str(box.root), "--", *box.command]

    def variables(self, box: Box) -> dict[str, str]:
        """What `ch-run` itself wants."""
        return {"PATH": os.defpath, "USER": "repropack", "HOME": "/"}

    def ask_to_end(self, process: subprocess.Popen[bytes]) -> None:
        """`unshare` waits and passes nothing on: its one child is the runner."""
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        with suppress(OSError, ValueError):
            for pid in children.read_text("ascii").split():
                os.kill(int(pid), signal.SIGTERM)


class Apptainer:
    """`apptainer exec`, or `singularity exec` where that is what there is."""

    name = "apptainer"
    gpu_runtime = "apptainer"

    def programs(self) -> tuple[str, ...]:
        """What has to be installed."""
        return (self._program, _NAMESPACES)

    @property
    def _program(self) -> str:
        there = [name for name in ("apptainer", "singularity") if shutil.which(name)]
        return there[0] if there else "apptainer"

    def version(self) -> list[str]:
        """The command that says its version."""
        return [_found(self._program), "--version"]

    def trial(self) -> list[str]:
        """A user namespace, where it needs one."""
        return ["/bin/sh", "-c", _MAY_START, _found(self._program)]

    def command(self, box: Box) -> list[str]:
        """`apptainer exec …`, with nothing of the host but what is bound.

        Its `/tmp` would hold 64 MB. Variables are set by `env`: apptainer adds its own, and those
        that it is told go through a shell.
        """
        words = [_found(self._program), "exec", "--containall", "--cleanenv", "--no-home"]
        words += ["--no-umask", "--hostname", "run", "--pwd", "/work"]
        words += ["--workdir", str(box.scratch)]
        words += ["--nv"] if box.gpu else []
        if not box.network:
            # /sys would list the machine's network where the run has none of it.
            hidden = Bind(source=box.nothing, target="/sys/class/net", read_only=True)
            words += ["--net", "--network", "none", "--mount", _mount(hidden)]
        for bind in box.binds:
            words += ["--mount", _mount(bind)]
        variables = (f"{name}={value}" for name, value in box.variables)
        return [*words, str(box.root), "/usr/bin/env", "-i", *variables, *box.command]

    def variables(self, box: Box) -> dict[str, str]:
        """What it wants itself."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "USER") if name in os.environ}
        return {"PATH": os.defpath, **kept}

    def ask_to_end(self, process: subprocess.Popen[bytes]) -> None:
        """It passes signals on."""
        end(process)


def runtime(name: str) -> Runtime:
    """The runtime of that name."""
    return Charliecloud() if name == "charliecloud" else Apptainer()


def _found(program: str) -> str:
    return shutil.which(program) or program


def _namespaces(*, network: bool) -> list[str]:
    own = [] if network else ["--net"]
    words = [_found(_NAMESPACES), "--user", "--map-root-user", "--mount", *own]
    return [*words, "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]


def _restrictions(path: Path) -> str:
    flags = os.statvfs(path).f_flag
    return "".join(f",{name}" for flag, name in _FLAGS if flags & flag)


def _colonless(path: Path | str) -> str:
    """A path that `--bind` can tell from what follows it. Raises `ValueError`."""
    if ":" in str(path):
        raise ValueError(f"charliecloud cannot bind {str(path)!r}: it has a colon in it")
    return str(path)


def _mount(bind: Bind) -> str:
    """As `--mount` takes it: fields of CSV, so that a path may have a comma."""
    fields = ["type=bind", f"source={bind.source}", f"destination={bind.target}"]
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([*fields, *(["ro"] if bind.read_only else [])])
    return text.getvalue()

"""A Docker daemon of its own, that nobody else's containers depend on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest


def wait_for(what: Callable[[], object], limit_s: float = 30.0) -> None:
    """Until something is true; fails when it never is."""
    end_s = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.05)


class Daemon:
    """One that is running. `options` are its own, `path` is where its programs are looked for."""

    def __init__(self, directory: Path, *options: str, path: str = "") -> None:
        self.directory = directory
        self.host = f"unix://{directory}/docker.sock"
        self.log = (directory / "log").open("wb")
        self.process = subprocess.Popen(
            [
                # A network of its own: without a bridge, dockerd takes away the one of others.
                *("unshare", "--net", "dockerd", "--data-root", str(directory / "data")),
                *("--exec-root", str(directory / "exec"), "--pidfile", str(directory / "pid")),
                *("-H", self.host, "--bridge=none", "--iptables=false", *options),
            ],
            env={**os.environ, "PATH": path or os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )

    def ask(self, *arguments: str, stdin: int | None = None) -> str:
        """What the docker command says of this daemon; nothing while it does not answer."""
        command = ["docker", "-H", self.host, *arguments]
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True)
        return done.stdout.strip()

    def load(self, image: str) -> None:
        """Give it an image of the usual daemon."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
            assert saving.stdout is not None
            self.ask("load", stdin=saving.stdout.fileno())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon and wait until it has."""
        self.process.send_signal(number)
        self.process.wait(40)


def refuse(why: str) -> NoReturn:
    """Skip, but in CI, which has everything: there it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@contextmanager
def running(*options: str, path: str = "") -> Iterator[Daemon]:
    """A daemon, until nobody needs it any more. Skips where there cannot be one; fails in CI."""
    if not shutil.which("dockerd", path=path or None) or os.geteuid() != 0:
        refuse("dockerd is not installed, or this is not root")
    directory = Path(tempfile.mkdtemp(prefix="rpd"))  # a socket's path must be short
    started = Daemon(directory, *options, path=path)
    try:
        wait_for(lambda: started.ask("info", "--format", "{{.ServerVersion}}"))
        yield started
    finally:
        if started.process.poll() is None:
            started.stop()
        started.log.close()
        # A daemon that was killed leaves its mounts.
        mounts = Path("/proc/self/mounts").read_text().split()
        for mount in sorted((m for m in mounts if m.startswith(str(directory))), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=True)
        shutil.rmtree(directory)

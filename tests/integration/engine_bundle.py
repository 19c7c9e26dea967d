"""The smallest thing that both engines build: a probe, the judge, a manifest and a Dockerfile.

No repropack bundle is written for it, so a failure here is a failure of an engine.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repropack.engines import BuildRecipe, Engine, Image, RunOrder
from repropack.engines.base import BaseSpec, provide_base
from repropack.engines.docker import DockerEngine
from repropack.engines.docker_cli import find_cli
from repropack.engines.podman import PodmanEngine
from repropack.judge.model import Experiment
from repropack.judge.pyz import write_pyz

# The name of the runs of this process and of those that it starts: others may use the engine, too.
NAME = os.environ.setdefault("REPROPACK_TEST_NAME", f"repropack-test-{secrets.token_hex(4)}")
# Where root may not raise limits, as in many containers and on many clusters.
PODMAN_SETTINGS = """
[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
"""
PROBE = """
import json, os, pathlib, socket, sys, time

def status(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(name + ":"))

def writable(directory):
    try:
        (pathlib.Path(directory) / "probe").write_text("x")
    except OSError:
        return False
    return True

def isolation():
    script = pathlib.Path("/tmp/probe.sh")
    script.write_text("#!/bin/sh\\nexit 0\\n")
    script.chmod(0o755)
    facts = {
        "uid": os.getuid(), "gid": os.getgid(), "capabilities": int(status("CapEff"), 16),
        "bounding": int(status("CapBnd"), 16), "no_new_privs": status("NoNewPrivs"),
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "listed": sorted(os.listdir("/sys/class/net")), "host": socket.gethostname(),
        "writable": [d for d in ("/", "/opt", "/usr", "/root", "/repropack") if writable(d)],
        "scratch": writable("."), "tmp_runs": os.system(str(script)) == 0,
        "init": pathlib.Path("/proc/1/comm").read_text().strip(),
        "tmp_bytes": os.statvfs("/tmp").f_bavail * os.statvfs("/tmp").f_frsize,
        "shm_bytes": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
        "environment": dict(os.environ), "cwd": os.getcwd(),
    }
    pathlib.Path("facts.json").write_text(json.dumps(facts))

def memory():
    blocks = []
    while True:
        blocks.append(bytearray(b"x") * (16 << 20))

def log():
    line = b"x" * 99 + b"\\n"
    for _ in range(1000):
        sys.stdout.buffer.write(line * 10000)

def sleep():
    print("asleep", flush=True)
    time.sleep(300)

def fail():
    sys.exit(3)

def mounted():
    pathlib.Path("facts.json").write_text(pathlib.Path("data/set/x.txt").read_text())

globals()[sys.argv[1]]()
"""
EXPERIMENTS = tuple(
    Experiment(
        name=name,
        run=f"python probe.py {name}",
        outputs=("facts.json",),
    )
    for name in ("isolation", "memory", "log", "sleep", "fail", "mounted")
)
DOCKERFILE = """
FROM {base}
RUN mkdir -p /opt/env/bin /work /out && chown 1000:1000 /work /out \\
 && ln -s /usr/bin/python3 /opt/env/bin/python
ENV PYTHONHASHSEED="0"
ENV PATH=/opt/env/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp
COPY --chown=1000:1000 source/ /work/
COPY judge.pyz repropack.json /repropack/
USER 1000:1000
WORKDIR /work
"""


def write_context(directory: Path, *, base: str = "scratch", python: str = "3.11") -> Path:
    """Write everything that an engine builds from."""
    source = directory / "source"
    source.mkdir(parents=True)
    (source / "probe.py").write_text(PROBE)
    write_pyz(directory / "judge.pyz")
    manifest = {
        "schema": "repropack.bundle/1",
        "name": "probe",
        "experiments": [experiment.to_json() for experiment in EXPERIMENTS],
        "claims": [],
        "source": {"kind": "commit", "commit": "0" * 40},
    }
    (directory / "repropack.json").write_text(json.dumps(manifest))
    (directory / "pylock.toml").write_text(
        f'lock-version = "1.0"\nrequires-python = "=={python}.*"\n'
        'created-by = "repropack"\npackages = []\n'
    )
    (directory / "Dockerfile").write_text(DOCKERFILE.format(base=base))
    return directory


def recipe(context: Path, log: Path, *, tag: str = "repropack-test/probe:1") -> BuildRecipe:
    """The recipe for a context."""
    return BuildRecipe(context=context, tag=tag, log=log)


def order(image: Image, run_id: str, directory: Path, **more: Any) -> RunOrder:
    """The order for one run of the probe."""
    return RunOrder(image=image, run_id=run_id, name=NAME, directory=directory, **more)


def read(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text())


def ignore(_: str) -> None:
    """Progress that nobody looks at."""


def dockerfile(directory: Path, text: str) -> BuildRecipe:
    """The recipe for a Dockerfile, which is written to a new directory."""
    directory.mkdir(exist_ok=True)
    (directory / "Dockerfile").write_text(text)
    return recipe(directory, directory.parent / "build.log", tag="repropack-test/build:1")


def proxy_config(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the docker command's configuration lend proxies to containers."""
    directory.mkdir()
    proxies = '{"httpProxy": "http://u:secret@index.example:3128", "noProxy": "a.index.example"}'
    (directory / "config.json").write_text(f'{{"proxies": {{"default": {proxies}}}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(directory))


def buildkit_cli() -> str | None:
    """A docker command that can build with BuildKit."""
    candidates = (shutil.which("docker"), "/usr/bin/docker")
    return next((path for path in candidates if path and find_cli(path)), None)


class Cli:
    """An engine, and its command to look at what it has: Podman's takes the words of Docker's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def engine(self, **options: Any) -> DockerEngine | PodmanEngine:
        """A new engine."""
        return (DockerEngine if self.name == "docker" else PodmanEngine)(**options)

    def do(self, *words: str) -> str:
        """The output of the command."""
        return subprocess.run(
            [self.name, *words], check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def containers(self) -> list[str]:
        """The containers of the runs that are started here."""
        filters = ("--filter", "label=repropack.run=1", "--filter", f"name={NAME}")
        return self.do("ps", "--all", "--quiet", "--no-trunc", *filters).split()

    def volumes(self) -> set[str]:
        """The names of all volumes."""
        return set(self.do("volume", "ls", "--quiet").split())


def cli_of(name: str) -> Iterator[Cli]:
    """Docker's or Podman's."""
    if name == "docker":
        yield Cli("docker")
    else:
        yield from podman()


def podman() -> Iterator[Cli]:
    """Podman, with settings that work on this machine, and the base that Docker has.

    A test is skipped where there is none, and fails where everything has to run.
    """
    if shutil.which("podman") is None:
        assert os.environ.get("CI") != "true", "apt-get install podman"
        pytest.skip("there is no podman")
    cli, docker = Cli("podman"), DockerEngine()
    base = bookworm(docker)
    if cli.engine().image(base.tag) is None:
        with subprocess.Popen(["docker", "save", base.tag], stdout=subprocess.PIPE) as saved:
            subprocess.run(["podman", "load", "--quiet"], stdin=saved.stdout, check=True)
    trial = ["podman", "run", "--rm", "--network", "none", "--pull", "never", base.tag, "true"]
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        if subprocess.run(trial, stderr=subprocess.DEVNULL).returncode:
            settings = Path(directory, "containers.conf")
            settings.write_text(PODMAN_SETTINGS)
            patch.setenv("CONTAINERS_CONF", str(settings))
        yield cli


def store_apart(directory: Path) -> dict[str, str]:
    """Variables for a Podman with a store of its own, as empty as the directory.

    What runs is noted there, too: `podman system reset` would take away everybody's notes.
    """
    told = os.environ.get("CONTAINERS_CONF")
    settings = Path(told).read_text() if told else "[engine]\n"
    own = f'[engine]\ntmp_dir = "{directory}/libpod"\n'
    containers, storage = directory / "containers.conf", directory / "storage.conf"
    containers.write_text(settings.replace("[engine]\n", own))
    storage.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{directory}/images"\n'
        f'runroot = "{directory}/run"\n'
    )
    return {"CONTAINERS_CONF": str(containers), "CONTAINERS_STORAGE_CONF": str(storage)}


def bookworm(engine: Engine) -> Image:
    """The base that tests build on."""
    spec = BaseSpec(suite="bookworm", python="3.11")
    return provide_base(engine, spec, allow_pull=True, progress=ignore)

"""The smallest thing that both engines build: a probe, the judge, a manifest and a Dockerfile.

No repropack bundle is written for it, so a failure here is a failure of an engine.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from repropack.engines import BuildRecipe, Engine, Image, RunOrder
from repropack.engines.base import BaseSpec, provide_base
from repropack.judge.model import Experiment
from repropack.judge.pyz import write_pyz

# The name of the runs of this process and of those that it starts: others may use the engine, too.
NAME = os.environ.setdefault("REPROPACK_TEST_NAME", f"repropack-test-{secrets.token_hex(4)}")
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
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "writable": [d for d in ("/", "/opt", "/usr", "/root", "/repropack") if writable(d)],
        "scratch": writable("."), "tmp_runs": os.system(str(script)) == 0,
        "init": pathlib.Path("/proc/1/comm").read_text().strip(),
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


def bookworm(engine: Engine) -> Image:
    """The base that tests build on."""
    spec = BaseSpec(suite="bookworm", python="3.11")
    return provide_base(engine, spec, allow_pull=True, progress=ignore)

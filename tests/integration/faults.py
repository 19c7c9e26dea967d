"""A project on which faults are tried: killed at random points, and looked through afterwards."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from repropack.archives import at_hand
from repropack.bundle import checksums
from repropack.marks import is_orphan
from repropack.progress import Silent
from tests.cli.driver import REPROPACK, Done, environment, project

PYTHON = "{}.{}".format(*sys.version_info)
CONFIG = """
    name: {name}
    environment: {{python: "{python}"}}
    experiments:
      e:
        run: python e.py {{seed}}
        seeds: [0, 1]
        outputs: [out.txt]
        metrics: {{v: {{stdout: 'v=(.*)'}}}}
    claims: [{{id: v, metric: e.v, value: "1"}}]
"""
SCRIPT = """
    import pathlib, time
    time.sleep(0.2)
    pathlib.Path("out.txt").write_text("x" * 100_000)
    print("v=1")
"""
LIMIT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A project with a cache of its own; `engine` builds and runs."""

    directory: Path
    name: str
    engine: str
    python: str = PYTHON
    env: dict[str, str | None] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        """The repository."""
        return self.directory / "project"

    @property
    def cache(self) -> Path:
        """What several calls share."""
        return self.directory / "cache"

    def make(self, requirements: str = "") -> Ground:
        """Write the project."""
        project(
            self.project,
            {
                "repropack.yaml": CONFIG.format(name=self.name, python=self.python),
                "e.py": SCRIPT,
                "requirements.txt": requirements,
                "data.bin": random.Random(7).randbytes(1 << 20),
            },
        )
        return self

    @property
    def archive(self) -> Path:
        """The bundle as one file, which commands write and read."""
        return self.directory / "out" / "bundle.tar.zst"

    def words(self, *command: str) -> list[str]:
        """A command on the project, or on what stands behind the command, with this engine."""
        named = command[1:2] if command[1:] and not command[1].startswith("-") else ()
        subject, options = named or (str(self.project),), command[1 + len(named) :]
        return [*REPROPACK, command[0], *subject, "--engine", self.engine, *options]

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start it as a process of its own."""
        return subprocess.Popen(
            self.words(*command),
            cwd=self.directory,  # where a verification of an archive goes
            env=environment({"REPROPACK_CACHE": str(self.cache), **self.env}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *command: str) -> Done:
        """Run it to its end."""
        return ended(self.start(*command))

    def kill_during(self, command: Sequence[str], delay_s: float) -> bool:
        """Kill it after a while, if it has not ended by then; whether it was killed."""
        process = self.start(*command)
        try:
            process.communicate(timeout=delay_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()  # what it started may hold its streams for longer
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                stream.close()
            return True
        return False

    def bundles(self) -> list[Path]:
        """Every bundle that is there, by its name."""
        places = (self.project / ".repropack" / "bundles", self.directory / "out")
        found = (path for place in places if place.is_dir() for path in place.iterdir())
        return [path for path in found if path.is_dir() and not path.name.startswith(".")]


def ended(process: subprocess.Popen[str]) -> Done:
    """The end of a command that may not hang."""
    out, err = process.communicate(timeout=LIMIT_S)
    assert "Traceback" not in err, err
    return Done(code=process.returncode, out=out, err=err)


def assert_nothing_is_half(ground: Ground) -> None:
    """Bundles are whole, records and reports are JSON, the cache has what its names say."""
    for bundle in ground.bundles():
        checksums.check(bundle)
    for archive in written_archives(ground):
        with at_hand(archive, cache=ground.directory / "looking", reporter=Silent()) as bundle:
            checksums.check(bundle)
    for home in (ground.project, ground.directory):
        results = home / ".repropack" / "verifications"
        for path in (*results.glob("*/runs/[!.]*/record.json"), *results.glob("*/report.json")):
            json.loads(path.read_bytes())
    for path in (*ground.cache.glob("resolved/*.json"), *ground.cache.glob("venv/*/*.json")):
        json.loads(path.read_bytes())
    for path in ground.cache.glob("wheels/*/*.whl"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.parent.name


def written_archives(ground: Ground) -> list[Path]:
    """Every archive that is there by its name: as one file, or in parts with their list."""
    out = ground.archive.parent
    return [*out.glob("[!.]*.tar.zst"), *out.glob("[!.]*.tar.zst.sha256")]


def left_over(ground: Ground) -> list[str]:
    """Half-written directories of processes that are gone, wherever they may lie."""
    places = [ground.project / ".repropack" / "bundles", ground.directory / "out", ground.directory]
    places += [ground.cache, *(path for path in ground.cache.rglob("*") if path.is_dir())]
    found = (path for place in places if place.is_dir() for path in place.iterdir())
    return sorted({str(path) for path in found if is_orphan(stem(path)) and not kept(path)})


def stem(path: Path) -> str:
    """A name without what follows its owner."""
    return path.name.removesuffix(".tmp").removesuffix(".old")


def kept(path: Path) -> bool:
    """An environment that is whole bears the name of the process that made it."""
    entries = path.parent.glob("*.json")
    return any(json.loads(entry.read_bytes()).get("directory") == str(path) for entry in entries)


def duration_s(ground: Ground, command: Sequence[str]) -> float:
    """How long a command takes when nothing happens to it."""
    began = time.monotonic()
    done = ground.call(*command)
    assert done.code == 0, done.said
    return time.monotonic() - began

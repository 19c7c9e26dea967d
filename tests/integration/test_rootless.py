"""An ordinary user with rootless Podman: reproduce.sh, and `repropack verify`."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from repropack.engines.docker import DockerEngine
from tests.cli.driver import project, remove_images, repropack
from tests.conftest import ROOT
from tests.integration.engine_bundle import PODMAN_SETTINGS, bookworm
from tests.integration.test_cdi import DEVICE, SMI, cdi

pytestmark = [pytest.mark.engine, pytest.mark.slow]
__all__ = ["cdi"]  # a fixture
NAME = "rootless-probe"
CONFIG = f"""
    name: {NAME}
    experiments:
      e: {{run: python e.py, outputs: [who.txt], metrics: {{v: {{stdout: 'v=(.*)'}}}}}}
      m:
        run: python m.py {{seed}}
        seeds: [0, 1, 2]
        gpu: optional
        metrics: {{x: {{stdout: 'x=(.*)'}}}}
        quick: {{seeds: [1]}}
    claims:
      - {{id: v, metric: e.v, value: "1"}}
      - {{id: m, metric: m.x, value: "1", tolerance: 2, quick: true}}
"""
MANY = f"""
import os, pathlib, sys
print("gpu", os.environ.get("PROBE_GPU"), pathlib.Path("{DEVICE}").exists(), flush=True)
print("x=" + sys.argv[1])
"""
SCRIPT = "import os, pathlib\npathlib.Path('who.txt').write_text(str(os.getuid()))\nprint('v=1')\n"
NEEDED = ("useradd", "userdel", "setpriv", "podman", "slirp4netns", "newuidmap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody without rights, with a home and rootless Podman."""

    home: Path
    uid: int
    bundle: Path

    def call(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, with nothing of root's environment."""
        environment = {
            "HOME": str(self.home),
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "TMPDIR": str(self.home / "tmp"),
            **variables,
        }
        who = ("setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--init-groups")
        return subprocess.run(
            [*who, *words], env=environment, cwd=self.home, capture_output=True, text=True
        )


def missing(what: str) -> None:
    """Where everything has to run, this fails."""
    assert os.environ.get("CI") != "true", what
    pytest.skip(what)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """A user made for this test, who has the base and a bundle. Skipped where that cannot be."""
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if os.getuid() or absent:
        missing(f"needs root to make a user, and {', '.join(absent) or 'nothing else'}")
    name = f"rp{secrets.token_hex(3)}"
    home = Path(tempfile.mkdtemp(prefix="rp-home-"))
    subprocess.run(["useradd", "--home-dir", str(home), "--no-create-home", name], check=True)
    try:
        yield settled(name, home, tmp_path_factory.mktemp("rootless"))
    finally:
        remove_images(NAME)
        uid = pwd.getpwnam(name).pw_uid
        Person(home=home, uid=uid, bundle=home).call(
            "podman", "unshare", "rm", "-rf", str(home / ".local")
        )
        end_pause(home)
        subprocess.run(["userdel", name], check=True)
        shutil.rmtree(home)


def end_pause(home: Path) -> None:
    """End the process that keeps the namespace of a user, who could not be removed."""
    with suppress(OSError, ValueError):
        number = int((home / "run/libpod/tmp/pause.pid").read_text())
        os.kill(number, signal.SIGKILL)
        while Path(f"/proc/{number}").exists():
            time.sleep(0.05)


def settled(name: str, home: Path, directory: Path) -> Person:
    """The user's home, with what a reviewer has."""
    done = repropack("build", project(directory / "project", FILES), "-o", directory / "bundle")
    assert done.code == 0, done.said
    bundle = Path(shutil.copytree(directory / "bundle", home / "bundle", symlinks=True))
    for each in ("run", "tmp", ".config/containers"):
        (home / each).mkdir(parents=True)
    (home / "run").chmod(0o700)
    (home / ".config/containers/containers.conf").write_text(PODMAN_SETTINGS)
    uid = pwd.getpwnam(name).pw_uid
    for path in (home, *home.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)
    made = Person(home=home, uid=uid, bundle=bundle)
    told = made.call("podman", "info", "--format", "{{.Host.Security.Rootless}}")
    if told.stdout.strip() != "true":
        missing(f"podman does not work here without root: {told.stderr}")
    archive = home / "base.tar"
    subprocess.run(["docker", "save", "-o", archive, bookworm(DockerEngine()).tag], check=True)
    os.chown(archive, uid, uid)
    loaded = made.call("podman", "load", "--quiet", "--input", str(archive))
    assert loaded.returncode == 0, loaded.stderr
    archive.unlink()
    return made


FILES: dict[str, str | bytes] = {"repropack.yaml": CONFIG, "e.py": SCRIPT, "m.py": MANY}


def python_of(person: Person) -> str:
    """A Python that this user can start and that has this one's packages."""
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        code = "import sys; print(sys.version_info[:2])"
        try:
            done = person.call(candidate, "-c", code)
        except OSError:
            continue
        if done.stdout.strip() == str(tuple(sys.version_info[:2])):
            return candidate
    pytest.skip("this user can start no Python of this version")


def test_reproduce_sh(person: Person) -> None:
    """It builds, runs and judges; what comes out belongs to the user, and nothing is left."""
    done = person.call(str(person.bundle / "reproduce.sh"), "--engine", "podman", "--claim", "v")
    assert done.returncode == 0, done.stderr
    assert "reproduced: 1 of 1 claims" in done.stdout
    runs = person.bundle / "reproduction" / "runs"
    assert (runs / "e" / "outputs" / "who.txt").read_text() == "1000"
    owners = {path.lstat().st_uid for path in (person.bundle / "reproduction").rglob("*")}
    assert owners == {person.uid}
    assert person.call("podman", "ps", "--all", "--quiet").stdout == ""


def test_verify(person: Person) -> None:
    """`repropack verify` of the bundle does the same, and compares the image when it is rebuilt."""
    packages = sysconfig.get_paths()["purelib"]
    variables = {"PYTHONPATH": f"{ROOT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    out = person.home / "verification"
    done = person.call(
        *(python_of(person), "-m", "repropack", "verify", str(person.bundle), "--rebuild"),
        *("--claim", "v"),
        *("--engine", "podman", "-o", str(out)),
        **variables,
    )
    assert done.returncode == 0, done.stderr
    assert "reproduced: 1 of 1 claims" in done.stdout
    assert "image: what was built here has another id" in done.stderr
    assert {path.lstat().st_uid for path in out.rglob("*")} == {person.uid}
    assert person.call("podman", "ps", "--all", "--quiet").stdout == ""


def test_chosen_runs(person: Person) -> None:
    """Runs are chosen, shared, counted, resumed and repeated as they are for everybody else."""
    out = str(person.home / "chosen")
    script = (str(person.bundle / "reproduce.sh"), "--engine", "podman", "-o", out, "--yes")
    many = ["run: m-seed0", "run: m-seed1", "run: m-seed2"]
    for options, runs, told in (
        (("--only", "m", "--jobs", "2"), many, "reproduced: 1 of 1 claims"),
        (("--quick", "--cpu"), ["run: m-seed1+quick"], "quick set passed: 1 of 1 claims"),
        (("--claim", "v"), ["run: e"], "reproduced: 1 of 1 claims"),
        (("--claim", "v", "--resume"), [], "1 of 1 runs were done by an earlier call"),
        (("--claim", "v", "--runs", "2", "--resume"), ["run: e-run2"], "reproduced: 1 of 1 claims"),
        (("--claim", "v", "--restart"), ["run: e"], "reproduced: 1 of 1 claims"),
    ):
        done = person.call(*script, *options)
        assert done.returncode == 0 and told in done.stdout, done.stderr
        begun = [line for line in done.stderr.splitlines() if line.startswith("run: ")]
        assert sorted(begun) == runs, done.stderr
    assert person.call("podman", "ps", "--all", "--quiet").stdout == ""


@pytest.mark.usefixtures("cdi")
def test_gpus(person: Person) -> None:
    """An ordinary user is given GPUs by the machine's description, each run its own."""
    program = person.home / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(SMI)
    program.chmod(0o755)
    out = person.home / "gpus"
    script = (str(person.bundle / "reproduce.sh"), "--engine", "podman", "-o", str(out))
    path = f"{program.parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    for jobs, expected in (("1", {"all True"}), ("2", {"GPU-1 True", "1 True"})):
        done = person.call(*script, "--only", "m", "--jobs", jobs, "--restart", PATH=path)
        assert done.returncode == 0, done.stderr
        logs = (path.read_text() for path in out.glob("runs/*/log.txt"))
        assert {log.splitlines()[0].removeprefix("gpu ") for log in logs} == expected

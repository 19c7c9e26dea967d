"""Runs without a daemon and without rights, of images that Docker built."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from repropack.engines import BUILDS_NONE, Image, Mount, RunStatus, choose
from repropack.engines.cluster import ClusterEngine
from repropack.engines.docker import DockerEngine
from repropack.engines.runtimes import Bind, Box, runtime
from repropack.errors import BuildError, RunError
from repropack.zstd import library
from tests.conftest import commit_all
from tests.integration.cluster_probe import APPTAINER, NOBODY, PROBE_TAG, archive, engine, image
from tests.integration.engine_bundle import ignore, order, read, recipe
from tests.integration.reviewer_probe import repropack

pytestmark = pytest.mark.engine

__all__ = ["archive", "engine", "image"]  # fixtures
ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
name: cluster-probe
experiments:
  e: {run: python e.py, metrics: {v: {stdout: 'v=(\\d+)'}}}
claims:
  - {id: v, metric: e.v, value: "7"}
"""


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Every test here also proves that no process and no scratch directory outlives it."""
    before = scratch()
    yield
    for _ in range(50):
        if not sleeping() and scratch() <= before:
            return
        time.sleep(0.1)
    raise AssertionError(f"left behind: {sleeping()} {scratch() - before}")


def scratch() -> set[Path]:
    """The directories that runs work in."""
    return set(Path(tempfile.gettempdir()).glob("repropack-run-*"))


def sleeping() -> list[str]:
    """The processes of the probe that are running."""
    done = subprocess.run(["pgrep", "-f", "probe.py sleep"], capture_output=True, text=True)
    return done.stdout.split()


def start(image: Image, engine: ClusterEngine, out: Path) -> subprocess.Popen[str]:
    """A process of its own that runs the probe, which sleeps by now."""
    code = (
        "import sys; from pathlib import Path\n"
        "from repropack.engines.cluster import ClusterEngine\n"
        "from repropack.errors import RepropackError\n"
        "from tests.integration.engine_bundle import order\n"
        "engine = ClusterEngine('charliecloud', directory=Path(sys.argv[1]))\n"
        "say = lambda line: print(line, flush=True)\n"
        "found = engine.run(order(engine.image(sys.argv[2]), 'sleep', Path(sys.argv[3])), say)\n"
        "print(f'status={found.status} reason={found.reason}')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(engine.directory), image.tag, str(out), engine.name],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout or ():
        if "asleep" in line:
            return process
    raise AssertionError("the probe never slept")


def test_the_image_is_the_one_that_was_built(image: Image) -> None:
    """Its id and layers are Docker's, so reports name the same image."""
    built = DockerEngine().image(PROBE_TAG)
    assert built is not None and (image.id, image.layers) == (built.id, built.layers)


def test_run_is_isolated(engine: ClusterEngine, image: Image, tmp_path: Path) -> None:
    """No network, no capability that counts, a read-only root, and a scratch directory."""
    engine.run(order(image, "isolation", tmp_path / "out"), ignore)
    facts = read(tmp_path / "out" / "outputs" / "facts.json")
    user = NOBODY if engine.name == "apptainer" else 1000
    assert (facts["uid"], facts["gid"], facts["cwd"]) == (user, user, "/work")
    assert (facts["interfaces"], facts["writable"]) == (["lo"], [])
    assert set(facts["listed"]) <= {"lo"} and facts["host"] == "run"
    assert facts["tmp_bytes"] > 64 << 20  # all that apptainer has of itself
    assert (facts["capabilities"], facts["no_new_privs"]) == (0, "1")
    assert facts["scratch"] and facts["tmp_runs"]
    assert facts["environment"]["PYTHONHASHSEED"] == "0"
    shells = {"LC_CTYPE", "OLDPWD", "PWD", "SHLVL", "_", "CH_RUNNING"}
    assert set(facts["environment"]) - shells == {"HOME", "PATH", "PYTHONHASHSEED"}


def test_network_only_when_declared(engine: ClusterEngine, image: Image, tmp_path: Path) -> None:
    """An experiment that declares the network has the machine's."""
    engine.run(order(image, "isolation", tmp_path / "out", network=True), ignore)
    assert len(read(tmp_path / "out" / "outputs" / "facts.json")["interfaces"]) > 1


def test_exit_code_and_facts(engine: ClusterEngine, image: Image, tmp_path: Path) -> None:
    """A failed experiment is no lost run, and what is known of it stands in its record."""
    facts = (("commit", "abc"), ("note", "a b; $(rm) 'q' \"ü\""))
    result = engine.run(order(image, "fail", tmp_path / "out", facts=facts), ignore)
    record = read(tmp_path / "out" / "record.json")
    assert (result.status, record["status"], record["exit_code"]) == ("completed", "failed", 3)
    assert record["facts"]["note"] == facts[1][1] and record["facts"]["image_id"] == image.id
    assert record["facts"]["engine"].startswith(f"{engine.name} ")
    assert {path.stat().st_uid for path in (tmp_path / "out").rglob("*")} == {os.getuid()}


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_dataset_is_mounted_read_only(
    engine: ClusterEngine, image: Image, tmp_path: Path, kind: str
) -> None:
    """It is seen below the source, also at a path with spaces, and cannot be written to."""
    source = tmp_path / "my data ü"
    source.mkdir()
    (source / "x.txt").write_text("7")
    mount = Mount(source=source, target="/work/data/set")
    if kind == "file":
        mount = Mount(source=source / "x.txt", target="/work/data/set/x.txt")
    result = engine.run(order(image, "mounted", tmp_path / "out", mounts=(mount,)), ignore)
    assert result.status is RunStatus.COMPLETED
    assert read(tmp_path / "out" / "outputs" / "facts.json") == 7
    command = [*engine_command(engine, image, tmp_path, mount), "sh", "-c", "echo 8 > $0"]
    target = f"{mount.target}/x.txt" if kind == "directory" else mount.target
    done = subprocess.run([*command, target], capture_output=True, text=True)
    assert "Read-only file system" in done.stderr and (source / "x.txt").read_text() == "7"


def engine_command(engine: ClusterEngine, image: Image, directory: Path, mount: Mount) -> list[str]:
    """How a container with that mount is started, up to what runs in it."""
    work = directory / "work"
    place = work / Path(mount.target).relative_to("/work")
    place.parent.mkdir(parents=True)
    place.mkdir() if mount.source.is_dir() else place.touch()
    binds = (
        Bind(source=work, target="/work"),
        Bind(source=mount.source, target=mount.target, read_only=True),
    )
    written, nothing = directory / "tmp", directory / "nothing"
    for path in (written, nothing):
        path.mkdir()
    box = Box(
        root=engine.root_of(image),
        scratch=written,
        nothing=nothing,
        binds=binds,
        variables=(),
        command=(),
    )
    started = runtime(engine.name)
    variables = (f"{name}={value}" for name, value in started.variables(box).items())
    return ["env", "-i", *variables, *started.command(box)]


def test_ctrl_c_stops_the_run(engine: ClusterEngine, image: Image, tmp_path: Path) -> None:
    """SIGINT ends the run within seconds, and the record says so."""
    process = start(image, engine, tmp_path / "out")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert "status=interrupted reason=stopped by the user" in output
    assert read(tmp_path / "out" / "record.json")["status"] == "interrupted"


def test_runner_past_its_timeout_is_stopped(
    engine: ClusterEngine, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine steps in when the runner does not keep the timeout, and keeps its record."""
    monkeypatch.setattr("repropack.engines.process.OUTER_GRACE_S", 1.0)
    result = engine.run(order(image, "sleep", tmp_path / "out", timeout_s=0.5), ignore)
    assert (result.status, "timeout" in result.reason) == (RunStatus.COMPLETED, True)
    assert read(tmp_path / "out" / "record.json")["status"] == "interrupted"


def test_a_killed_process_leaves_no_run(
    engine: ClusterEngine, image: Image, tmp_path: Path
) -> None:
    """`kill -9` ends the container, too: it has nobody who would remove it later."""
    before = scratch()
    process = start(image, engine, tmp_path / "out")
    assert sleeping()
    process.kill()
    process.communicate(timeout=30)
    for _ in range(50):
        if not sleeping():
            break
        time.sleep(0.1)
    assert not sleeping() and not (tmp_path / "out").exists()
    assert len(scratch() - before) == 1  # all that is left, until the next run
    engine.run(order(image, "fail", tmp_path / "next"), ignore)
    assert scratch() <= before


def test_nothing_is_built(engine: ClusterEngine, tmp_path: Path) -> None:
    """It says where to build instead."""
    with pytest.raises(BuildError) as raised:
        engine.build(recipe(tmp_path, tmp_path / "log"), ignore)
    assert raised.value.hint == BUILDS_NONE


def test_an_image_that_is_gone(engine: ClusterEngine, image: Image, tmp_path: Path) -> None:
    """It is told before anything is started."""
    gone = replace(image, id="sha256:" + "0" * 64)
    with pytest.raises(RunError, match="not there any more"):
        engine.run(order(gone, "fail", tmp_path / "out"), ignore)


@pytest.mark.parametrize("engine", [APPTAINER], indirect=True)
def test_its_own_reader_takes_the_archive(
    engine: ClusterEngine, archive: Path, tmp_path: Path
) -> None:
    """`apptainer build` reads it as an OCI archive, once zstd has unpacked it."""
    plain = tmp_path / "image.tar"
    with library().open(archive) as packed, plain.open("wb") as file:
        shutil.copyfileobj(packed, file)
    goal = str(tmp_path / "root")
    command = ["apptainer", "build", "--sandbox", goal, f"oci-archive:{plain}"]
    subprocess.run(command, env={**os.environ, "HOME": str(tmp_path)}, check=True)
    assert (tmp_path / "root/work/probe.py").is_file()


def test_chosen_by_name_only(engine: ClusterEngine) -> None:
    """`--engine charliecloud`, `--engine apptainer`."""
    assert choose(engine.name).check().version == engine.check().version


def test_a_bundle_is_verified(engine: ClusterEngine, tmp_path: Path) -> None:
    """`verify BUNDLE --engine NAME`, without a daemon; without an image it says why not."""
    project, bundle = tmp_path / "project", tmp_path / "bundle"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("print('v=7')\n")
    commit_all(project)
    made = repropack("build", str(project), "--with-image", "-o", str(bundle))
    assert made.returncode == 0, made.stderr
    tag = json.loads((bundle / "image.json").read_bytes())["tag"]
    subprocess.run(["docker", "rmi", "--force", tag], capture_output=True, check=True)
    nowhere = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    cache = {**nowhere, "REPROPACK_CACHE": str(tmp_path / "cache")}
    words = ("verify", str(bundle), "--engine", engine.name, "-o", str(tmp_path / "out"))
    done = repropack(*words, **cache)
    assert done.returncode == 0, done.stderr
    assert "reproduced: 1 of 1 claims" in done.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_bytes())
    assert report["engine"]["name"] == engine.name
    refused = repropack("verify", str(project), "--engine", engine.name, **cache)
    assert refused.returncode == 2 and "--with-image" in refused.stderr

"""Runs in containers: what Docker and Podman both have to do, against the real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repropack.engines import Image, Mount, RunStatus
from repropack.engines.owners import labels
from repropack.errors import RunError
from tests.integration.engine_bundle import (
    NAME,
    Cli,
    bookworm,
    cli_of,
    ignore,
    order,
    read,
    recipe,
    write_context,
)

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=["docker", "podman"])
def there(request: pytest.FixtureRequest) -> Iterator[Cli]:
    """One of the engines."""
    yield from cli_of(request.param)


@pytest.fixture(scope="module")
def base(there: Cli) -> Image:
    """The default base; the first test run on a machine makes it."""
    return bookworm(there.engine())


@pytest.fixture(scope="module")
def image(there: Cli, base: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The probe's image."""
    context = write_context(tmp_path_factory.mktemp("probe") / "context", base=base.tag)
    engine = there.engine()
    built = engine.build(recipe(context, context.parent / "build.log", tag=PROBE_TAG), ignore)
    yield built
    there.do("rmi", built.tag)


@pytest.fixture(autouse=True)
def nothing_left_behind(there: Cli) -> Iterator[None]:
    """Every test here also proves that no container and no volume outlives it."""
    before = there.volumes()
    yield
    assert there.containers() == []
    for _ in range(60):
        if not there.volumes() - before:
            return
        time.sleep(0.5)  # somebody else's runs, on a machine that is shared, come to an end
    raise AssertionError(f"volumes are left behind: {there.volumes() - before}")


PROBE_TAG = "repropack-test/runs:1"


def test_exit_code_comes_through(there: Cli, image: Image, tmp_path: Path) -> None:
    """The experiment's exit code stands in the record, and a failed experiment is no lost run."""
    result = there.engine().run(order(image, "fail", tmp_path / "out"), ignore)
    record = read(tmp_path / "out" / "record.json")
    assert (result.status, record["status"], record["exit_code"]) == ("completed", "failed", 3)


def test_end_is_told_before_results_are_here(there: Cli, image: Image, tmp_path: Path) -> None:
    """Whoever waits for the machine hears once that nothing runs, before anything is copied."""
    out = tmp_path / "out"
    seen = []

    def ended() -> None:
        seen.append((len(there.containers()), out.exists()))

    there.engine().run(order(image, "fail", out), ignore, None, ended)
    assert seen == [(1, False)]
    assert read(out / "record.json")["exit_code"] == 3


def test_run_is_isolated(there: Cli, image: Image, tmp_path: Path) -> None:
    """No network, no capability, no privilege, a read-only root, and a scratch directory."""
    there.engine().run(order(image, "isolation", tmp_path / "out"), ignore)
    facts = read(tmp_path / "out" / "outputs" / "facts.json")
    assert (facts["uid"], facts["gid"], facts["cwd"]) == (1000, 1000, "/work")
    assert (facts["capabilities"], facts["bounding"], facts["no_new_privs"]) == (0, 0, "1")
    assert (facts["interfaces"], facts["writable"]) == (["lo"], [])
    assert facts["scratch"] and facts["tmp_runs"]
    assert facts["init"] in ("docker-init", "tini", "podman-init", "catatonit")
    assert facts["shm_bytes"] == 1 << 30


def test_network_only_when_declared(there: Cli, image: Image, tmp_path: Path) -> None:
    """An experiment that declares the network gets an interface."""
    there.engine().run(order(image, "isolation", tmp_path / "out", network=True), ignore)
    assert len(read(tmp_path / "out" / "outputs" / "facts.json")["interfaces"]) > 1


def test_outputs_belong_to_the_caller(there: Cli, image: Image, tmp_path: Path) -> None:
    """What a run wrote as another user is the caller's afterwards."""
    there.engine().run(order(image, "isolation", tmp_path / "out"), ignore)
    owners = {path.stat().st_uid for path in (tmp_path / "out").rglob("*")}
    assert owners == {os.getuid()}


def test_facts_reach_the_record(there: Cli, image: Image, tmp_path: Path) -> None:
    """Facts of the caller and of the engine are in the record, whatever characters they hold."""
    facts = (("commit", "abc"), ("note", "a b; $(rm) 'q' \"ü\""))
    there.engine().run(order(image, "fail", tmp_path / "out", facts=facts), ignore)
    found = read(tmp_path / "out" / "record.json")["facts"]
    assert found["note"] == "a b; $(rm) 'q' \"ü\""
    assert (found["commit"], found["image_id"], found["gpu"]) == ("abc", image.id, "none")


def test_dataset_is_mounted_read_only(there: Cli, image: Image, tmp_path: Path) -> None:
    """A mounted directory is seen inside the scratch directory, also at a path with spaces."""
    source = tmp_path / "my data ü"
    source.mkdir()
    (source / "x.txt").write_text("7")
    mounts = (Mount(source=source, target="/work/data/set"),)
    there.engine().run(order(image, "mounted", tmp_path / "out", mounts=mounts), ignore)
    assert read(tmp_path / "out" / "outputs" / "facts.json") == 7


def test_large_log_does_not_go_through_the_engine(there: Cli, image: Image, tmp_path: Path) -> None:
    """1 GB of output arrives whole in log.txt, and only a few lines of it as progress."""
    lines: list[str] = []
    result = there.engine().run(order(image, "log", tmp_path / "out"), lines.append)
    assert result.status is RunStatus.COMPLETED
    assert (tmp_path / "out" / "log.txt").stat().st_size == 1_000_000_000
    assert len(lines) < 200
    assert max(map(len, lines), default=0) <= 200


def test_out_of_memory(
    there: Cli, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed for lack of memory says so, and nothing is left where it was called."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    result = there.engine(memory_bytes=256 << 20).run(
        order(image, "memory", tmp_path / "out"), ignore
    )
    record = read(tmp_path / "out" / "record.json")
    assert (record["status"], "out of memory" in record["reason"]) == ("killed", True)
    assert not list(here.iterdir())  # podman's monitor would leave a file called `oom`
    # Podman only notices when the container's first process is the one that is killed.
    assert there.name == "podman" or "memory" in result.reason


def test_killed_container_is_lost(there: Cli, image: Image, tmp_path: Path) -> None:
    """A container that somebody kills half-way is a lost run without a record."""

    def kill(line: str) -> None:
        if "asleep" in line:
            there.do("kill", *there.containers())

    result = there.engine().run(order(image, "sleep", tmp_path / "out"), kill)
    assert (result.status, "killed from outside" in result.reason) == (RunStatus.LOST, True)
    assert not (tmp_path / "out" / "record.json").exists()


def test_runner_past_its_timeout_is_stopped(
    there: Cli, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine steps in when the runner does not keep the timeout, and keeps its record."""
    monkeypatch.setattr("repropack.engines.one_run.OUTER_GRACE_S", 1.0)
    result = there.engine().run(order(image, "sleep", tmp_path / "out", timeout_s=0.5), ignore)
    assert result.status is RunStatus.COMPLETED
    assert "timeout" in result.reason
    assert read(tmp_path / "out" / "record.json")["status"] == "interrupted"


def _start_sleeping(there: Cli, image: Image, out: Path) -> subprocess.Popen[str]:
    script = str(Path(__file__).with_name("interruptible.py"))
    process = subprocess.Popen(
        [sys.executable, script, there.name, image.tag, str(out)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout or ():
        if "asleep" in line:
            return process
    raise AssertionError("the probe never slept")


def test_ctrl_c_stops_the_run(there: Cli, image: Image, tmp_path: Path) -> None:
    """SIGINT ends the run within seconds, the record says so, and the container is gone."""
    process = _start_sleeping(there, image, tmp_path / "out")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert "status=interrupted reason=stopped by the user" in output
    assert read(tmp_path / "out" / "record.json")["status"] == "interrupted"


def test_second_ctrl_c_removes_the_container(there: Cli, image: Image, tmp_path: Path) -> None:
    """Two SIGINTs in a row leave no container behind either."""
    process = _start_sleeping(there, image, tmp_path / "out")
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    process.communicate(timeout=30)
    assert process.returncode is not None


def test_what_a_killed_process_left_is_removed(there: Cli, image: Image, tmp_path: Path) -> None:
    """`kill -9` leaves a run behind; the next run removes it, and none of a process that lives."""
    mine = [word for pair in labels().items() for word in ("--label", "=".join(pair))]
    own = there.do("create", "--name", f"{NAME}-own", *mine, image.id, "true").strip()
    try:
        process = _start_sleeping(there, image, tmp_path / "out")
        process.kill()
        process.communicate()
        assert len(there.containers()) == 2
        there.engine().run(order(image, "isolation", tmp_path / "next"), ignore)
        assert there.containers() == [own]
    finally:
        there.do("rm", own)


def test_image_without_a_runner(there: Cli, base: Image, tmp_path: Path) -> None:
    """An image that cannot run the judge is a lost run that says what it could not start."""
    result = there.engine().run(order(base, "fail", tmp_path / "out"), ignore)
    assert result.status is RunStatus.LOST
    assert "/opt/env/bin/python" in result.reason or "failed to exec" in result.reason


def test_missing_image(there: Cli, tmp_path: Path) -> None:
    """An image that is gone is told with the command that makes it again."""
    gone = Image(tag="repropack-test/gone:1", id="sha256:" + "0" * 64, size_bytes=0)
    with pytest.raises(RunError, match="could not be created") as caught:
        there.engine().run(order(gone, "fail", tmp_path / "out"), ignore)
    assert caught.value.hint and "repropack build" in caught.value.hint


def test_results_of_another_run_are_not_touched(there: Cli, image: Image, tmp_path: Path) -> None:
    """A directory that holds something is refused before anything runs."""
    (tmp_path / "record.json").write_text("{}")
    with pytest.raises(RunError, match="not empty"):
        there.engine().run(order(image, "fail", tmp_path), ignore)


def test_gpu_without_a_toolkit(there: Cli, image: Image, tmp_path: Path) -> None:
    """Asking for a GPU that the engine cannot give fails and says what to install."""
    if there.engine().check().gpu_runtime:
        pytest.skip("this engine can hand over a GPU")
    with pytest.raises(RunError, match="GPU") as caught:
        there.engine().run(order(image, "fail", tmp_path / "out", gpu=True), ignore)
    assert caught.value.hint and "nvidia" in caught.value.hint

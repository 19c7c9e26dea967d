"""The docker engine against a real daemon."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repropack.engines import BuildRecipe, Image, Mount, RunStatus
from repropack.engines.docker import DockerEngine
from repropack.engines.docker_cli import find_cli
from repropack.engines.docker_orphans import labels
from repropack.errors import BuildError, RunError
from tests.integration.engine_bundle import (
    NAME,
    bookworm,
    ignore,
    order,
    read,
    recipe,
    write_context,
)

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def base() -> Image:
    """The default base; the first test run on a machine makes it."""
    return bookworm(DockerEngine())


@pytest.fixture(scope="session")
def image(base: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The probe's image."""
    context = write_context(tmp_path_factory.mktemp("probe") / "context", base=base.tag)
    engine = DockerEngine()
    built = engine.build(recipe(context, context.parent / "build.log"), ignore)
    yield built
    engine.remove_image(built.tag)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Every test here also proves that no container and no volume outlives it."""
    before = _volumes()
    yield
    assert _containers(DockerEngine()) == []
    for _ in range(60):
        if not _volumes() - before:
            return
        time.sleep(0.5)  # somebody else's runs, on a machine that is shared, come to an end
    raise AssertionError(f"volumes are left behind: {_volumes() - before}")


def _containers(engine: DockerEngine) -> list[str]:
    """The containers of the runs that are started here."""
    filters = {"label": "repropack.run=1", "name": NAME}
    return [str(found["Id"]) for found in engine.client.containers(all=True, filters=filters)]


def _volumes() -> set[str]:
    return {str(found["Name"]) for found in DockerEngine().client.volumes()["Volumes"] or []}


def _buildkit_cli() -> str | None:
    candidates = (shutil.which("docker"), "/usr/bin/docker")
    return next((path for path in candidates if path and find_cli(path)), None)


def _engine(builder: str) -> DockerEngine:
    if builder == "buildkit" and _buildkit_cli() is None:
        pytest.skip("no docker command here can build with BuildKit")
    return DockerEngine(builder=builder, cli=_buildkit_cli())


def _dockerfile(directory: Path, text: str) -> BuildRecipe:
    directory.mkdir(exist_ok=True)
    (directory / "Dockerfile").write_text(text)
    return recipe(directory, directory.parent / "build.log", tag="repropack-test/build:1")


def test_exit_code_comes_through(image: Image, tmp_path: Path) -> None:
    """The experiment's exit code stands in the record, and a failed experiment is no lost run."""
    result = DockerEngine().run(order(image, "fail", tmp_path / "out"), ignore)
    record = read(tmp_path / "out" / "record.json")
    assert (result.status, record["status"], record["exit_code"]) == ("completed", "failed", 3)


def test_run_is_isolated(image: Image, tmp_path: Path) -> None:
    """No network, no capability, no privilege, a read-only root, and a scratch directory."""
    DockerEngine().run(order(image, "isolation", tmp_path / "out"), ignore)
    facts = read(tmp_path / "out" / "outputs" / "facts.json")
    assert (facts["uid"], facts["gid"], facts["cwd"]) == (1000, 1000, "/work")
    assert (facts["capabilities"], facts["bounding"], facts["no_new_privs"]) == (0, 0, "1")
    assert (facts["interfaces"], facts["writable"]) == (["lo"], [])
    assert facts["scratch"] and facts["tmp_runs"]
    assert facts["init"] in ("docker-init", "tini")
    assert facts["shm_bytes"] == 1 << 30


def test_network_only_when_declared(image: Image, tmp_path: Path) -> None:
    """An experiment that declares the network gets an interface."""
    DockerEngine().run(order(image, "isolation", tmp_path / "out", network=True), ignore)
    assert len(read(tmp_path / "out" / "outputs" / "facts.json")["interfaces"]) > 1


def test_proxies_of_the_docker_config_stay_out(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxies that the docker CLI would lend to containers do not reach a run."""
    _proxy_config(tmp_path / "config", monkeypatch)
    DockerEngine().run(order(image, "isolation", tmp_path / "out"), ignore)
    facts = read(tmp_path / "out" / "outputs" / "facts.json")
    assert [name for name in facts["environment"] if "proxy" in name.lower()] == []


def _proxy_config(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.mkdir()
    proxies = '{"httpProxy": "http://u:secret@index.example:3128", "noProxy": "a.index.example"}'
    (directory / "config.json").write_text(f'{{"proxies": {{"default": {proxies}}}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(directory))


def test_outputs_belong_to_the_caller(image: Image, tmp_path: Path) -> None:
    """What a run wrote as another user is the caller's afterwards."""
    DockerEngine().run(order(image, "isolation", tmp_path / "out"), ignore)
    owners = {path.stat().st_uid for path in (tmp_path / "out").rglob("*")}
    assert owners == {os.getuid()}


def test_facts_reach_the_record(image: Image, tmp_path: Path) -> None:
    """Facts of the caller and of the engine are in the record, whatever characters they hold."""
    facts = (("commit", "abc"), ("note", "a b; $(rm) 'q' \"ü\""))
    DockerEngine().run(order(image, "fail", tmp_path / "out", facts=facts), ignore)
    found = read(tmp_path / "out" / "record.json")["facts"]
    assert found["note"] == "a b; $(rm) 'q' \"ü\""
    assert (found["commit"], found["image_id"], found["gpu"]) == ("abc", image.id, "none")


def test_dataset_is_mounted_read_only(image: Image, tmp_path: Path) -> None:
    """A mounted directory is seen inside the scratch directory, also at a path with spaces."""
    source = tmp_path / "my data ü"
    source.mkdir()
    (source / "x.txt").write_text("7")
    mounts = (Mount(source=source, target="/work/data/set"),)
    DockerEngine().run(order(image, "mounted", tmp_path / "out", mounts=mounts), ignore)
    assert read(tmp_path / "out" / "outputs" / "facts.json") == 7


def test_large_log_does_not_go_through_the_engine(image: Image, tmp_path: Path) -> None:
    """1 GB of output arrives whole in log.txt, and only a few lines of it as progress."""
    lines: list[str] = []
    result = DockerEngine().run(order(image, "log", tmp_path / "out"), lines.append)
    assert result.status is RunStatus.COMPLETED
    assert (tmp_path / "out" / "log.txt").stat().st_size == 1_000_000_000
    assert len(lines) < 200
    assert max(map(len, lines), default=0) <= 200


def test_out_of_memory(image: Image, tmp_path: Path) -> None:
    """A run that is killed for lack of memory says so."""
    engine = DockerEngine(memory_bytes=256 << 20)
    result = engine.run(order(image, "memory", tmp_path / "out"), ignore)
    assert "memory" in result.reason
    assert read(tmp_path / "out" / "engine.json")["oom_killed"] is True
    assert read(tmp_path / "out" / "record.json")["status"] == "killed"


def test_killed_container_is_lost(image: Image, tmp_path: Path) -> None:
    """A container that somebody kills half-way is a lost run without a record."""
    engine = DockerEngine()

    def kill(line: str) -> None:
        if "asleep" in line:
            for found in _containers(engine):
                engine.client.kill(found)

    result = engine.run(order(image, "sleep", tmp_path / "out"), kill)
    assert (result.status, "killed from outside" in result.reason) == (RunStatus.LOST, True)
    assert not (tmp_path / "out" / "record.json").exists()


def test_runner_past_its_timeout_is_stopped(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine steps in when the runner does not keep the timeout, and keeps its record."""
    monkeypatch.setattr("repropack.engines.docker_run.OUTER_GRACE_S", 1.0)
    result = DockerEngine().run(order(image, "sleep", tmp_path / "out", timeout_s=0.5), ignore)
    assert result.status is RunStatus.COMPLETED
    assert "timeout" in result.reason
    assert read(tmp_path / "out" / "record.json")["status"] == "interrupted"


def _start_sleeping(image: Image, out: Path) -> subprocess.Popen[str]:
    script = str(Path(__file__).with_name("interruptible.py"))
    process = subprocess.Popen(
        [sys.executable, script, "docker", image.tag, str(out)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout or ():
        if "asleep" in line:
            return process
    raise AssertionError("the probe never slept")


def test_ctrl_c_stops_the_run_and_keeps_its_record(image: Image, tmp_path: Path) -> None:
    """SIGINT ends the run within seconds, the record says so, and the container is gone."""
    process = _start_sleeping(image, tmp_path / "out")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert "status=interrupted reason=stopped by the user" in output
    assert read(tmp_path / "out" / "record.json")["status"] == "interrupted"


def test_second_ctrl_c_removes_the_container_at_once(image: Image, tmp_path: Path) -> None:
    """Two SIGINTs in a row leave no container behind either."""
    process = _start_sleeping(image, tmp_path / "out")
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    process.communicate(timeout=30)
    assert process.returncode is not None


def test_what_a_killed_process_left_is_removed(image: Image, tmp_path: Path) -> None:
    """`kill -9` leaves a run behind; the next run removes it, and none of a process that lives."""
    engine, image_id = DockerEngine(), image.id
    own = engine.client.create_container(image_id, ["true"], name=f"{NAME}-own", labels=labels())
    try:
        process = _start_sleeping(image, tmp_path / "out")
        process.kill()
        process.communicate()
        assert len(_containers(engine)) == 2
        engine.run(order(image, "isolation", tmp_path / "next"), ignore)
        assert _containers(engine) == [own["Id"]]
    finally:
        engine.client.remove_container(own["Id"])


def test_image_without_a_runner(base: Image, tmp_path: Path) -> None:
    """An image that cannot run the judge is a lost run that says what it could not start."""
    result = DockerEngine().run(order(base, "fail", tmp_path / "out"), ignore)
    assert result.status is RunStatus.LOST
    assert "127" in result.reason and "/opt/env/bin/python" in result.reason


def test_missing_image(tmp_path: Path) -> None:
    """An image that is gone is told with the command that makes it again."""
    gone = Image(tag="repropack-test/gone:1", id="sha256:" + "0" * 64, size_bytes=0)
    with pytest.raises(RunError, match="could not be created") as caught:
        DockerEngine().run(order(gone, "fail", tmp_path / "out"), ignore)
    assert caught.value.hint and "repropack build" in caught.value.hint


def test_results_of_another_run_are_not_touched(image: Image, tmp_path: Path) -> None:
    """A directory that holds something is refused before anything runs."""
    (tmp_path / "record.json").write_text("{}")
    with pytest.raises(RunError, match="not empty"):
        DockerEngine().run(order(image, "fail", tmp_path), ignore)


def test_gpu_without_a_toolkit(image: Image, tmp_path: Path) -> None:
    """Asking for a GPU that the engine cannot give fails and says what to install."""
    if DockerEngine().check().gpu_runtime:
        pytest.skip("this engine can hand over a GPU")
    with pytest.raises(RunError, match="GPU") as caught:
        DockerEngine().run(order(image, "fail", tmp_path / "out", gpu=True), ignore)
    assert caught.value.hint and "nvidia" in caught.value.hint


@pytest.mark.slow
def test_overhead(image: Image, tmp_path: Path) -> None:
    """A run costs at most a second more than `docker run --rm` of the same image."""
    ours, bare = [], []
    for number in range(3):
        began = time.perf_counter()
        DockerEngine().run(order(image, "fail", tmp_path / f"out{number}"), ignore)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        subprocess.run(
            ["docker", "run", "--rm", "--network", "none", image.tag, "true"], check=True
        )
        bare.append(time.perf_counter() - began)
    assert statistics.median(ours) - statistics.median(bare) < 1.0


@pytest.mark.parametrize("builder", ["legacy", "buildkit"])
def test_build_tags_and_labels(builder: str, base: Image, tmp_path: Path) -> None:
    """Both builders tag and label the image, and write the complete log."""
    text = f'FROM {base.tag}\nARG WORD=none\nRUN echo "got $WORD" && echo ünïcode\n'
    plain = _dockerfile(tmp_path / "context", text)
    labels = (("repropack.test", 'a "b" $c'),)
    engine = _engine(builder)
    built = engine.build(
        BuildRecipe(
            context=plain.context,
            tag=plain.tag,
            extra_tags=("repropack-test/build:2",),
            labels=labels,
            build_args=(("WORD", "it"),),
            log=plain.log,
        ),
        ignore,
    )
    other = engine.image("repropack-test/build:2")
    assert other is not None and other.id == built.id
    assert dict(built.labels)["repropack.test"] == 'a "b" $c'
    assert "got it" in plain.log.read_text()
    engine.remove_image("repropack-test/build:2")
    engine.remove_image(built.tag)
    assert engine.image(built.tag) is None


@pytest.mark.parametrize("builder", ["legacy", "buildkit"])
def test_build_has_no_network_and_no_proxy(
    builder: str, base: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build step sees the loopback interface only, and no proxy of the docker config."""
    _proxy_config(tmp_path / "config", monkeypatch)
    text = f'FROM {base.tag}\nRUN test "$(ls /sys/class/net)" = lo && ! env | grep -i proxy=.\n'
    engine = _engine(builder)
    built = engine.build(_dockerfile(tmp_path / "context", text), ignore)
    history = str(engine.client.history(built.id))  # type: ignore[no-untyped-call]
    assert "secret" not in history
    engine.remove_image(built.tag)


@pytest.mark.parametrize("builder", ["legacy", "buildkit"])
def test_failing_step_is_named(builder: str, base: Image, tmp_path: Path) -> None:
    """A failed build names the step, what the command said last, and the log."""
    text = f"FROM {base.tag}\nRUN true\nRUN echo the r'eason is this' >&2; exit 9\nRUN true\n"
    wanted = _dockerfile(tmp_path / "context", text)
    steps: list[str] = []
    with pytest.raises(BuildError) as caught:
        _engine(builder).build(wanted, steps.append)
    assert "RUN echo the" in caught.value.what
    assert "the reason is this" in caught.value.what
    assert caught.value.log == wanted.log
    assert any("RUN true" in step for step in steps)


@pytest.mark.parametrize("builder", ["legacy", "buildkit"])
def test_missing_base_is_a_build_error(builder: str, tmp_path: Path) -> None:
    """A base that is not there is an error with a log."""
    wanted = _dockerfile(tmp_path / "context", "FROM repropack-test/absent:1\nRUN true\n")
    with pytest.raises(BuildError, match="could not be built"):
        _engine(builder).build(wanted, ignore)


@pytest.mark.parametrize("builder", ["legacy", "buildkit"])
def test_dockerignore_is_kept(builder: str, base: Image, tmp_path: Path) -> None:
    """What .dockerignore names is not sent by either builder."""
    text = f"FROM {base.tag}\nCOPY . /c\nRUN test -e /c/kept/a && ! test -e /c/wheels\n"
    wanted = _dockerfile(tmp_path / "context", text)
    for name in ("kept", "wheels"):
        (wanted.context / name).mkdir()
        (wanted.context / name / "a").write_text("a")
    (wanted.context / ".dockerignore").write_text("# no wheels\nwheels\n")
    engine = _engine(builder)
    engine.remove_image(engine.build(wanted, ignore).tag)


def test_check_describes_the_machine() -> None:
    """A daemon that answers is described: version, processors, memory, free disk."""
    facts = DockerEngine().check()
    assert facts.version and facts.cpus and facts.memory_bytes
    assert facts.builder in ("legacy", "buildkit")
    assert facts.disk_free_bytes is None or facts.disk_free_bytes > 0


def test_legacy_build_leaves_no_thrown_away_stage(base: Image, tmp_path: Path) -> None:
    """Of a stage that only lends files, nothing stays: with CUDA it would be gigabytes."""
    marker = secrets.token_hex(8)
    recipe = _dockerfile(
        tmp_path,
        f"FROM {base.tag} AS first\nLABEL made-by={marker}\nCOPY file /file\nRUN cp /file /copy\n"
        f"FROM {base.tag}\nLABEL made-by={marker}\nCOPY --from=first /copy /copy\n",
    )
    (recipe.context / "file").write_text(marker)
    engine = DockerEngine(builder="legacy")
    built = engine.build(recipe, lambda line: None)
    try:
        images = engine.client.images(all=True, filters={"label": f"made-by={marker}"})
        holding = [each["Id"] for each in images if each["Size"] > base.size_bytes]
        assert holding == [built.id]
    finally:
        engine.remove_image(recipe.tag)

"""The venv engine with a real uv and a real Python; no network is needed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from repropack.engines import Image, Mount, RunStatus
from repropack.engines.venv import VenvEngine
from repropack.engines.venv_build import _copy_parts
from repropack.errors import BuildError, IntegrityError, RunError
from tests.integration.engine_bundle import ignore, order, read, recipe, write_context

ROOT = Path(__file__).resolve().parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> VenvEngine:
    """An engine with files of its own."""
    return VenvEngine(directory=tmp_path_factory.mktemp("venv engine"))


@pytest.fixture(scope="module")
def image(engine: VenvEngine, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The probe, built."""
    context = write_context(tmp_path_factory.mktemp("probe") / "context", python=PYTHON)
    return engine.build(recipe(context, context.parent / "build.log"), ignore)


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's runs work: other tests run at the same time."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def wheel(directory: Path) -> tuple[str, str]:
    """Write the wheel of a module `answer`; gives its file name and SHA-256."""
    name = "answer-1.0-py3-none-any.whl"
    files = {
        "answer.py": b"VALUE = 42\n",
        "answer-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: answer\nVersion: 1.0\n",
        "answer-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = "".join(f"{path},{_record_hash(data)},{len(data)}\n" for path, data in files.items())
    files["answer-1.0.dist-info/RECORD"] = (record + "answer-1.0.dist-info/RECORD,,\n").encode()
    directory.mkdir()
    with zipfile.ZipFile(directory / name, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return name, hashlib.sha256((directory / name).read_bytes()).hexdigest()


def _record_hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def with_wheel(context: Path) -> Path:
    """Add a locked wheel to a context; gives its lock."""
    name, sha256 = wheel(context / "wheels")
    size = (context / "wheels" / name).stat().st_size
    lock = context / "pylock.toml"
    lock.write_text(
        f'lock-version = "1.0"\nrequires-python = "=={PYTHON}.*"\ncreated-by = "repropack"\n'
        f'[[packages]]\nname = "answer"\nversion = "1.0"\nwheels = [{{ name = "{name}", '
        f'path = "wheels/{name}", size = {size}, hashes = {{ sha256 = "{sha256}" }} }}]\n'
    )
    return lock


def test_check(engine: VenvEngine) -> None:
    """The engine says which uv it uses, and what the machine has."""
    facts = engine.check()
    assert facts.version.startswith("uv ")
    assert facts.cpus and facts.memory_bytes and facts.disk_free_bytes


def test_exit_code_comes_through(engine: VenvEngine, image: Image, tmp_path: Path) -> None:
    """The experiment's exit code stands in the record, with the engine's name."""
    result = engine.run(order(image, "fail", tmp_path / "out"), ignore)
    record = read(tmp_path / "out" / "record.json")
    assert (result.status, record["exit_code"]) == (RunStatus.COMPLETED, 3)
    assert record["facts"]["engine"] == "venv"
    assert read(tmp_path / "out" / "engine.json")["status"] == "completed"


def test_variables_of_the_caller_stay_out(
    engine: VenvEngine, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run sees the Dockerfile's variables, and none of the caller's that could change it."""
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    engine.run(order(image, "isolation", tmp_path / "out"), ignore)
    found = read(tmp_path / "out" / "outputs" / "facts.json")["environment"]
    assert found["PYTHONHASHSEED"] == "0"
    assert "PYTHONPATH" not in found and "AWS_SECRET_ACCESS_KEY" not in found
    assert found["CUDA_VISIBLE_DEVICES"] == ""
    assert found["PATH"].partition(os.pathsep)[0].endswith("/bin")


def test_runs_in_a_scratch_copy(
    engine: VenvEngine, image: Image, tmp_path: Path, scratch: Path
) -> None:
    """What a run writes is neither in the kept source nor left on the disk."""
    engine.run(order(image, "isolation", tmp_path / "out"), ignore)
    built = engine._shelf.find(image.tag)
    assert built is not None
    assert [path.name for path in (built.directory / "source").iterdir()] == ["probe.py"]
    assert not list(scratch.iterdir())


def test_dataset_is_shown(engine: VenvEngine, image: Image, tmp_path: Path) -> None:
    """A dataset stands where a container would mount it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.txt").write_text("7")
    mounts = (Mount(source=tmp_path / "data", target="/work/data/set"),)
    engine.run(order(image, "mounted", tmp_path / "out", mounts=mounts), ignore)
    assert read(tmp_path / "out" / "outputs" / "facts.json") == 7


@pytest.mark.parametrize("target", ["/data", "/work", "/work/../etc", "work/x"])
def test_dataset_elsewhere(target: str, engine: VenvEngine, image: Image, tmp_path: Path) -> None:
    """A place outside the scratch copy cannot be had without a container, and is said so."""
    mounts = (Mount(source=tmp_path, target=target),)
    with pytest.raises(RunError, match="without a container"):
        engine.run(order(image, "fail", tmp_path / "out", mounts=mounts), ignore)


def test_wheels_are_installed_by_hash(engine: VenvEngine, tmp_path: Path) -> None:
    """A locked wheel is installed from beside the lock, without an index."""
    context = write_context(tmp_path / "context", python=PYTHON)
    with_wheel(context)
    built = engine.build(recipe(context, tmp_path / "log", tag="t:wheel"), ignore)
    kept = engine._shelf.find(built.tag)
    assert kept is not None
    command = [str(kept.python), "-c", "import answer; print(answer.VALUE)"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "42\n"


def test_damaged_wheel(engine: VenvEngine, tmp_path: Path) -> None:
    """A wheel that is not the locked one is an integrity error (7), and nothing is kept."""
    context = write_context(tmp_path / "context", python=PYTHON)
    lock = with_wheel(context)
    locked = lock.read_text().partition('sha256 = "')[2][:64]
    lock.write_text(lock.read_text().replace(locked, "0" * 64))
    with pytest.raises(IntegrityError) as caught:
        engine.build(recipe(context, tmp_path / "log", tag="t:damaged"), ignore)
    assert (caught.value.exit_code, caught.value.log) == (7, tmp_path / "log")
    assert engine.image("t:damaged") is None


def test_python_that_is_not_here(engine: VenvEngine, tmp_path: Path) -> None:
    """A Python that this machine has not is told with what to do instead."""
    context = write_context(tmp_path / "context", python="3.4")
    with pytest.raises(BuildError, match=r"3\.4") as caught:
        engine.build(recipe(context, tmp_path / "log", tag="t:old"), ignore)
    assert caught.value.hint and "--engine docker" in caught.value.hint


def test_identity_follows_the_content(engine: VenvEngine, image: Image, tmp_path: Path) -> None:
    """Equal contents give an equal id; one changed byte or mode of the source another."""
    context = write_context(tmp_path / "context", python=PYTHON)
    wanted = recipe(context, tmp_path / "log", tag="t:same")
    assert engine.build(wanted, ignore).id == image.id
    (context / "source" / "probe.py").chmod(0o755)
    changed = engine.build(wanted, ignore).id
    (context / "source" / "new").touch()
    assert len({image.id, changed, engine.build(wanted, ignore).id}) == 3


def test_environment_is_made_once(engine: VenvEngine, image: Image, tmp_path: Path) -> None:
    """A second project with the same lock makes no second environment."""
    context = write_context(tmp_path / "context", python=PYTHON)
    (context / "source" / "other").touch()
    steps: list[str] = []
    engine.build(recipe(context, tmp_path / "log", tag="t:other"), steps.append)
    assert steps == ["copying the source"]


def test_tags(engine: VenvEngine, image: Image, tmp_path: Path) -> None:
    """Another tag names the same environment, with its labels."""
    context = write_context(tmp_path / "context", python=PYTHON)
    wanted = replace(
        recipe(context, tmp_path / "log", tag="t:1"), extra_tags=("t:2",), labels=(("a", "b"),)
    )
    built = engine.build(wanted, ignore)
    engine.tag(built, ("t:3",))
    for tag in ("t:1", "t:2", "t:3"):
        assert engine.image(tag) == replace(built, tag=tag)
    assert engine.image("t:4") is None


def test_killed_runner_is_lost(
    engine: VenvEngine, image: Image, tmp_path: Path, scratch: Path
) -> None:
    """A runner that is killed leaves no record and no process, and the result says so."""

    def kill(line: str) -> None:
        if "asleep" in line:
            found = subprocess.run(
                ["pgrep", "-f", f"judge.pyz run sleep --out {tmp_path}"],
                capture_output=True,
                text=True,
            )
            os.kill(int(found.stdout.split()[0]), signal.SIGKILL)

    result = engine.run(order(image, "sleep", tmp_path / "out"), kill)
    assert (result.status, "137" in result.reason) == (RunStatus.LOST, True)
    assert "probe.py sleep" not in _processes_below(scratch)


def _processes_below(directory: Path) -> str:
    """The command lines of the processes that work below a directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str((process / "cwd").readlink()).startswith(f"{directory}/repropack-run-"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return "\n".join(found)


def test_runner_past_its_timeout_is_stopped(
    engine: VenvEngine, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine steps in when the runner does not keep the timeout, and keeps its record."""
    monkeypatch.setattr("repropack.engines.process.OUTER_GRACE_S", 1.0)
    result = engine.run(order(image, "sleep", tmp_path / "out", timeout_s=0.5), ignore)
    assert (result.status, "timeout" in result.reason) == (RunStatus.COMPLETED, True)
    assert read(tmp_path / "out" / "record.json")["status"] == "interrupted"


def test_ctrl_c_keeps_the_record(engine: VenvEngine, image: Image, tmp_path: Path) -> None:
    """SIGINT ends the run within seconds, and the record says so."""
    script = str(Path(__file__).with_name("interruptible.py"))
    root = str(engine._shelf.root)
    process = subprocess.Popen(
        [sys.executable, script, "venv", image.tag, str(tmp_path / "out"), root],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout or ():
        if "asleep" in line:
            process.send_signal(signal.SIGINT)
            break
    output, _ = process.communicate(timeout=30)
    assert "status=interrupted" in output
    assert read(tmp_path / "out" / "record.json")["status"] == "interrupted"


def test_removed_environment(engine: VenvEngine, image: Image, tmp_path: Path) -> None:
    """A run of something that is not kept any more says how to make it again."""
    gone = replace(image, tag="t:gone")
    with pytest.raises(RunError, match="not there any more") as caught:
        engine.run(order(gone, "fail", tmp_path / "out"), ignore)
    assert caught.value.hint == "repropack build"


def test_two_processes_may_build_the_same(tmp_path: Path) -> None:
    """The slower of two finds what the faster one has made, and leaves nothing behind."""
    context = write_context(tmp_path / "context", python=PYTHON)
    made = tmp_path / "images" / "digest"
    _copy_parts(context, made)
    before = sorted(path.name for path in made.iterdir())
    _copy_parts(context, made)
    assert sorted(path.name for path in made.iterdir()) == before
    assert [path.name for path in made.parent.iterdir()] == ["digest"]

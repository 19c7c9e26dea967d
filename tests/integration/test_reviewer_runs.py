"""How reproduce.sh does the runs: several at once, none twice, and the quick set.

With Docker and Podman; `test_rootless` does the same for an ordinary user.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import commit_all
from tests.integration.engine_bundle import Cli, cli_of
from tests.integration.reviewer_probe import Desk, engine_path, record, repropack
from tests.unit.bundle.made import reproduce as call_script

pytestmark = pytest.mark.engine
NAME = "reviewer-runs"
CONFIG = f"""
name: {NAME}
experiments:
  e:
    run: python e.py {{seed}} 2
    seeds: [0, 1, 2, 3]
    gpu: optional
    metrics: {{x: {{json: r.json, key: x}}}}
    quick: {{run: "python e.py {{seed}} 0", seeds: [1]}}
  once: {{run: python e.py 7 0, metrics: {{x: {{json: r.json, key: x}}}}}}
claims:
  - {{id: mean, metric: e.x, value: "1.5", tolerance: 5, quick: true}}
  - {{id: once, metric: once.x, value: "7"}}
"""
SCRIPT = """
import json, sys, time
began = time.time()
print("began", sys.argv[1], flush=True)
time.sleep(float(sys.argv[2]))
json.dump({"x": int(sys.argv[1]), "began": began, "ended": time.time()}, open("r.json", "w"))
"""


#: Every test is for both engines; with Podman the longer ones belong to the long checks.
BOTH = pytest.mark.parametrize("there", ["docker", "podman"], indirect=True, scope="module")
LONG = pytest.mark.parametrize(
    "there",
    ["docker", pytest.param("podman", marks=pytest.mark.slow)],
    indirect=True,
    scope="module",
)


@pytest.fixture(scope="module")
def there(request: pytest.FixtureRequest) -> Iterator[Cli]:
    """One of the engines."""
    yield from cli_of(request.param)


@pytest.fixture(scope="module")
def desk(there: Cli, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The bundle of four runs of two seconds, and its image."""
    directory = tmp_path_factory.mktemp("runs")
    project, bundle = directory / "project", directory / "bundle"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text(SCRIPT)
    commit_all(project)
    built = repropack("build", str(project), "--engine", there.name, "-o", str(bundle))
    assert built.returncode == 0, built.stderr
    yield Desk(project=project, bundle=bundle, path=engine_path(directory / "bin", there.name))
    with contextlib.suppress(subprocess.CalledProcessError):
        there.do("rmi", "-f", *there.do("images", "-q", f"repropack/{NAME}").split())


@pytest.fixture(autouse=True)
def nothing_left_behind(there: Cli) -> Iterator[None]:
    """Every test here also proves that no container outlives it."""
    yield
    assert there.do("ps", "-aq", "--filter", f"name=repropack-{NAME}-").split() == []


def settings() -> dict[str, str]:
    """What podman needs on this machine."""
    return {name: value for name, value in os.environ.items() if name == "CONTAINERS_CONF"}


def reproduce(bundle: Path, *words: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Call reproduce.sh."""
    return call_script(bundle, *words, path=path, environment=settings())


@LONG
def test_several_at_once(there: Cli, desk: Desk, tmp_path: Path) -> None:
    """--jobs 2 does two at a time, and the table is that of `verify --jobs 2` to the byte."""
    here, other = tmp_path / "reviewer", tmp_path / "original"
    path = shutil.copytree(desk.path, tmp_path / "bin", symlinks=True)
    done = reproduce(desk.bundle, "--jobs", "2", "--claim=mean", "-o", str(here), path=path)
    assert done.returncode == 0, done.stderr
    assert "2 runs at once" in done.stderr
    order = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("run: ")]
    assert sorted(order) == [f"e-seed{n}" for n in range(4)] and len(order) == 4
    told = done.stderr.splitlines()
    third = next(i for i, line in enumerate(told) if "run: e-seed2" in line)
    begun = [line for line in told[:third] if line.endswith((": began 0", ": began 1"))]
    assert len(begun) == 2  # both before the third
    words = ("--engine", there.name, "--jobs=2", "--claim=mean")
    ours = repropack("verify", str(desk.project), *words, "-o", str(other))
    assert done.stdout == ours.stdout.rstrip("\n").replace(other.name, here.name) + "\n"
    assert not list(here.glob(".work*"))


@LONG
def test_auto(desk: Desk, tmp_path: Path) -> None:
    """--jobs auto measures one run alone, and then does as many as there is room for."""
    path = Path(shutil.copytree(desk.path, tmp_path / "bin", symlinks=True))
    (path / "python3").symlink_to(sys.executable)
    done = reproduce(
        desk.bundle, "--jobs=auto", "--claim=mean", "-o", str(tmp_path / "o"), path=path
    )
    assert done.returncode == 0, done.stderr
    assert sum(line.startswith("run: ") for line in done.stderr.splitlines()) == 4
    jobs = min(4, os.cpu_count() or 1)
    at_once = [line for line in done.stderr.splitlines() if line.endswith(" runs at once")]
    assert bool(at_once) is (jobs > 1), done.stderr


@LONG
@pytest.mark.parametrize(
    ("number", "jobs"),
    [
        (signal.SIGKILL, "1"),
        (signal.SIGTERM, "2"),
        pytest.param(signal.SIGKILL, "2", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "2", marks=pytest.mark.slow),
    ],
)
def test_going_on(number: signal.Signals, jobs: str, desk: Desk, tmp_path: Path) -> None:
    """Stopped by whatever means, the next call does what is left and no finished run again."""
    output = tmp_path / "output"
    options = ("--claim", "mean", "--jobs", jobs, "-o", str(output))
    process = subprocess.Popen(
        [str(desk.bundle / "reproduce.sh"), *options], env={"PATH": str(desk.path), **settings()},
        stderr=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "began 2" in line:
            break
    finished = {path.parent.name: path.stat().st_ino for path in output.glob("runs/*/record.json")}
    assert finished
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    done = reproduce(desk.bundle, "--claim", "mean", "-o", str(output), path=desk.path)
    assert done.returncode == 0, done.stderr
    for name, inode in finished.items():
        assert (output / "runs" / name / "record.json").stat().st_ino == inode
        assert f"run: {name}" not in done.stderr
    assert "runs were done by an earlier call, and not repeated" in done.stdout
    assert {record(output, f"e-seed{n}")["status"] for n in range(4)} == {"ok"}
    assert not list(output.glob(".work*"))


@LONG
def test_what_counts_as_done(desk: Desk, tmp_path: Path) -> None:
    """What came to its end is done again, --resume keeps what is good, a broken record is none."""
    output = tmp_path / "output"
    once = ("--claim=once", "-o", str(output))
    for options, runs in (((), 1), ((), 1), (("--resume",), 0), (("--resume", "--restart"), 1)):
        done = reproduce(desk.bundle, *once, *options, path=desk.path)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("run: once") == runs, (options, done.stderr)
    whole = (output / "runs/once/record.json").read_text()
    for text in (whole[:-20], "", whole.replace('"ok"', '"failed"')):
        (output / "runs/once/record.json").write_text(text)
        done = reproduce(desk.bundle, *once, "--resume", path=desk.path)
        assert done.returncode == 0 and done.stderr.count("run: once") == 1, done.stderr


@BOTH
def test_two_calls_in_one_place(desk: Desk, tmp_path: Path) -> None:
    """A second call that would write to the same directory is refused while the first is there."""
    output = tmp_path / "output"
    process = subprocess.Popen(
        [desk.bundle / "reproduce.sh", "--claim", "mean", "-o", output],
        env={"PATH": str(desk.path), **settings()}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "began 0" in line:
            break
    done = reproduce(desk.bundle, "-o", str(output), path=desk.path)
    process.terminate()
    process.communicate(timeout=60)
    assert done.returncode == 2 and f"process {process.pid}, writes to {output}" in done.stderr
    assert (output / "runs/e-seed0/record.json").is_file()


@BOTH
def test_quick(there: Cli, desk: Desk, tmp_path: Path) -> None:
    """--quick --cpu does the quick set and says so, in the words of `verify --quick --cpu`."""
    here, other = tmp_path / "reviewer", tmp_path / "original"
    began = time.monotonic()
    done = reproduce(desk.bundle, "--quick", "--cpu", "-o", str(here), path=desk.path)
    assert done.returncode == 0 and time.monotonic() - began < 60, done.stderr
    words = ("--engine", there.name, "--quick", "--cpu")
    ours = repropack("verify", str(desk.bundle), *words, "-o", str(other))
    assert done.stdout == ours.stdout.rstrip("\n").replace(other.name, here.name) + "\n"
    assert "quick set passed: 1 of 1 claims" in done.stdout
    found = record(here, "e-seed1+quick")
    assert found["command"] == "python e.py 1 0"
    facts = found["facts"]
    assert isinstance(facts, dict) and (facts["cpu"], facts["gpu"]) == ("--cpu", "none")
    names = json.loads((here / "attestation.json").read_text())["predicate"]["passedTests"]
    assert names == ["quick set: mean"]
    report = (here / "report.txt").read_bytes()
    path = Path(shutil.copytree(desk.path, tmp_path / "bin", symlinks=True))
    (path / "python3").symlink_to(sys.executable)  # which then judges, instead of the image's
    again = reproduce(desk.bundle, "--quick", "--cpu", "-o", str(here), path=path)
    assert (again.returncode, again.stdout) == (0, done.stdout), again.stderr
    assert (here / "report.txt").read_bytes() == report


@BOTH
def test_chosen_runs(desk: Desk, tmp_path: Path) -> None:
    """--only does the runs of one experiment, --runs so many of it, and --resume what they lack."""
    options = ("--only", "once", "--yes", "--cpu", "-o", str(tmp_path / "o"))
    for more, runs in (((), ["once"]), (("--runs=2", "--resume"), ["once-run2"])):
        done = reproduce(desk.bundle, *options, *more, path=desk.path)
        assert done.returncode == 0, done.stderr
        assert [line for line in done.stderr.splitlines() if line.startswith("run: ")] == [
            f"run: {run}" for run in runs
        ]
        assert "reproduced: 1 of 1 claims" in done.stdout

"""Seeds, cells and repeated runs, several at once, and going on after an interruption.

With the engine that needs no container; `test_docker_runs_two_at_once` shows the other one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.driver import REPROPACK, containers, environment, project, remove_images, repropack

PYTHON = "{}.{}".format(*sys.version_info)
CONFIG = """
    name: {name}
    environment: {{python: "{python}"}}
    experiments:
      e:
        run: python e.py {{seed}} {{kind}}
        seeds: [3, 5]
        matrix: {{kind: [good, bad]}}
        metrics: {{x: {{json: r.json, key: x}}}}
    claims:
      - {{id: good, metric: "e.x{{kind=good}}", value: "10", tolerance: 5}}
      - {{id: bad, metric: "e.x{{kind=bad}}", value: "0", tolerance: 5}}
      - {{id: first, rank_first: "e.x{{kind=good}}"}}
"""
SCRIPT = """
    import json, os, pathlib, sys, time
    seed, kind = int(sys.argv[1]), sys.argv[2]
    print("began", seed, flush=True)
    began = time.time()
    while kind == os.environ.get("SLOW", "slow") and time.time() < began + 300:
        time.sleep(0.1)
    time.sleep(1.0 if kind == "good" else 0.0)
    if kind == "bad" and seed == 5:
        sys.exit("no")
    x = seed * 0.1 + (10 if kind == "good" else 0)
    pathlib.Path("r.json").write_text(json.dumps({"x": x, "began": began, "ended": time.time()}))
"""


def made(directory: Path, name: str = "many", config: str = CONFIG) -> Path:
    """A project with two cells and two seeds; one run fails."""
    files = {"repropack.yaml": config.format(name=name, python=PYTHON), "e.py": SCRIPT}
    return project(directory / name, files)


def verify(directory: Path, *options: str, engine: str = "venv") -> tuple[int, dict[str, Any]]:
    """Verify, and the report."""
    done = repropack("verify", directory, "--engine", engine, "--json", *options)
    assert done.out, done.said
    return done.code, json.loads(done.out)


def claim(report: dict[str, Any], name: str) -> dict[str, Any]:
    """A claim of the report."""
    return next(each for each in report["claims"] if each["id"] == name)


def values(report: dict[str, Any], name: str) -> list[str]:
    """What was obtained for a claim."""
    return [value for group in claim(report, name)["obtained"] for value in group["values"]]


def test_a_failed_run_does_not_lose_the_others(tmp_path: Path) -> None:
    """Each of four runs has its record, and only the claims on the failed one have no evidence."""
    code, report = verify(made(tmp_path), "--jobs", "2")
    assert code == 6
    assert [run["status"] for run in report["runs"]] == ["ok", "ok", "ok", "failed"]
    assert claim(report, "good")["verdict"] == "reproduced"
    assert claim(report, "bad")["verdict"] == "no evidence"


def test_new_seeds_follow_the_declared_ones(tmp_path: Path) -> None:
    """`--runs 4` takes the declared seeds and then the next; `--only` leaves out a cell."""
    code, report = verify(made(tmp_path), "--runs", "4", "--only", "e{kind=good}", "--jobs", "4")
    assert (code, report["verdict"]) == (0, "reproduced")
    assert values(report, "good") == ["10.3", "10.5", "10.6", "10.7"]
    assert [run["id"] for run in report["runs"]] == [f"e-kind=good-seed{n}" for n in (3, 5, 6, 7)]
    assert [each["id"] for each in report["claims"]] == ["good"]
    assert report["notes"][0] == "not judged, because --only leaves out its runs: bad, first"


def test_a_command_without_seed_is_repeated(tmp_path: Path) -> None:
    """Runs that cannot differ in their seed are repeated as they are, and the report says so."""
    config = CONFIG.replace("{{seed}}", "3").replace("        seeds: [3, 5]\n", "")
    code, report = verify(made(tmp_path, config=config), "--runs", "2", "--claim", "good")
    assert code == 0
    assert [run["id"] for run in report["runs"]] == ["e-kind=good", "e-kind=good-run2"]
    assert any("seeds could not be varied" in note for note in report["notes"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--only", "x"), "there is no experiment x"),
        (("--only", "e{kind=ugly}"), "has no kind=ugly"),
        (("--only", "e{"), "is not EXPERIMENT or EXPERIMENT{NAME=VALUE}"),
        (("--only", "e{kind=good}", "--claim", "bad"), "--only leaves out runs that bad needs"),
        (("--runs", "0"), "0 is not in the range"),
        (("--jobs", "many"), "'many' is not a number from 1, or auto"),
        (("--resume",), "there is no verification to resume"),
    ],
)
def test_options_that_choose_nothing(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """A name that does not exist, and a number that makes no sense, are usage errors."""
    done = repropack("verify", made(tmp_path), "--engine", "venv", *options)
    assert done.code == 2 and said in done.err, done.said


def overlap(directory: Path) -> int:
    """How many of a verification's runs were at work at one moment."""
    spans = []
    for path in directory.rglob("outputs/r.json"):
        found = json.loads(path.read_text())
        spans.append((found["began"], found["ended"]))
    return max(len([1 for a, b in spans if a <= began < b]) for began, _ in spans)


@pytest.mark.parametrize(("jobs", "expected"), [("1", 1), ("2", 2)])
def test_so_many_at_once(tmp_path: Path, jobs: str, expected: int) -> None:
    """Runs overlap as far as --jobs lets them."""
    config = CONFIG.replace("        metrics:", "        outputs: [r.json]\n        metrics:")
    _, report = verify(made(tmp_path, config=config), "--claim", "good", "--jobs", jobs)
    assert overlap(Path(report["directory"])) == expected


@pytest.mark.engine
def test_docker_runs_two_at_once(tmp_path: Path) -> None:
    """Containers run beside each other, with new seeds, and none is left."""
    config = CONFIG.replace("        metrics:", "        outputs: [r.json]\n        metrics:")
    directory = made(tmp_path, "many-docker", config)
    try:
        code, report = verify(
            directory, "--claim", "good", "--runs", "4", "--jobs", "2", engine="docker"
        )
        assert code == 0 and len(values(report, "good")) == 4
        assert overlap(Path(report["directory"])) == 2
        assert not containers("many-docker")
    finally:
        remove_images("many-docker")


def wait_for(what: Callable[[], object]) -> None:
    """Until something is true; fails when it never is."""
    end_s = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_resume(tmp_path: Path, jobs: str) -> None:
    """What was interrupted goes on: finished runs are kept, the others done."""
    config = CONFIG.replace("[good, bad]", "[good, slow]").replace("kind=bad", "kind=slow")
    directory = made(tmp_path, config=config)
    process = subprocess.Popen(
        [*REPROPACK, "verify", str(directory), "--engine", "venv", "--jobs", jobs],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    runs = directory / ".repropack" / "verifications"
    try:
        wait_for(lambda: len(list(runs.glob("*/runs/e-kind=good*/record.json"))) == 2)
        time.sleep(1.0)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and "--resume" in err
    (before,) = runs.iterdir()
    kept = {path: path.read_bytes() for path in before.glob("runs/e-kind=good*/record.json")}
    code, report = verify(directory, "--resume", "--only", "e{kind=good}")
    assert code == 0 and report["directory"] == str(before)
    assert kept == {path: path.read_bytes() for path in kept}
    assert any("2 of 2 runs were done by an earlier call" in note for note in report["notes"])


def test_resume_repeats_what_does_not_count(tmp_path: Path) -> None:
    """A failed run is done again, one whose record is damaged, and one of other code."""
    directory = made(tmp_path)
    out = tmp_path / "out"
    verify(directory, "-o", str(out))
    good = (out / "runs" / "e-kind=good-seed3" / "record.json").read_bytes()
    failed = out / "runs" / "e-kind=bad-seed5" / "record.json"
    start = json.loads(failed.read_bytes())["start"]
    other = out / "runs" / "e-kind=good-seed5" / "record.json"
    other.write_text(json.dumps({**json.loads(other.read_bytes()), "log": [], "seconds": {}}))
    time.sleep(1.1)
    verify(directory, "-o", str(out), "--resume")
    assert (out / "runs" / "e-kind=good-seed3" / "record.json").read_bytes() == good
    assert json.loads(other.read_bytes())["start"] > start
    assert json.loads(failed.read_bytes())["start"] > start
    (directory / "e.py").write_text((directory / "e.py").read_text() + "# changed\n")
    subprocess.run(["git", "-C", str(directory), "commit", "-qam", "change"], check=True)
    verify(directory, "-o", str(out), "--resume", "--claim", "good")
    assert (out / "runs" / "e-kind=good-seed3" / "record.json").read_bytes() != good


def test_determinism(tmp_path: Path) -> None:
    """One run of each experiment is done twice; what differs is named, with its numbers."""
    config = """
        name: {name}
        environment: {{python: "{python}"}}
        experiments:
          same:
            run: "echo x=1; echo 1 > file.txt"
            outputs: [file.txt]
            metrics: {{x: {{stdout: 'x=(.*)'}}}}
          other:
            run: "echo x=$$; echo $$ > file.txt"
            outputs: [file.txt]
            metrics: {{x: {{stdout: 'x=(.*)'}}}}
        claims: [{{id: a, metric: same.x, value: "1"}}, {{id: b, metric: other.x, value: "1"}}]
    """
    _, report = verify(made(tmp_path, config=config), "--determinism")
    same, other = report["determinism"]
    assert (same["same"], same["differing"]) == (["file.txt", "x"], [])
    assert other["differing"][0] == "file.txt" and other["differing"][1].startswith("x (")
    notes = [note for note in report["notes"] if note.startswith("determinism")]
    assert notes[0] == "determinism: same is byte-equal when repeated: file.txt, x"
    assert len(report["runs"]) == 2

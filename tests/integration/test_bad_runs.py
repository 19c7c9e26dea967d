"""Experiments that go wrong in a real container: what the record, the report and the code say."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.driver import (
    REPROPACK,
    Done,
    containers,
    docker,
    environment,
    project,
    remove_images,
    repropack,
    traces,
)

pytestmark = pytest.mark.engine
JSON = "{json: results.json, key: x}"
STDOUT = "{stdout: 'x=(.*)'}"
WRITE = "import pathlib; pathlib.Path('results.json').write_text({})\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An experiment, how its record must end, and words that its claim's reason must hold."""

    script: str
    metric: str = JSON
    more: str = ""
    status: str = "ok"
    verdict: str = "no evidence"
    reason: str = ""


CASES = {
    "missing": Case(script="pass", reason="results.json was not written"),
    "stale": Case(script="pass", metric="{json: old.json, key: x}", reason="old.json is stale"),
    "not-json": Case(script=WRITE.format("'x: 1'"), reason="results.json is not JSON"),
    "not-a-number": Case(
        script=WRITE.format("'{\"x\": NaN}'"), reason="which is not a finite number"
    ),
    "infinite": Case(script=WRITE.format("'{\"x\": 1e999}'"), reason="too large: 1e999"),
    "words": Case(script=WRITE.format('\'{"x": "high"}\''), reason="a number was expected"),
    "no-key": Case(script=WRITE.format("'{\"y\": 1}'"), reason="has no key x (it has y)"),
    "silent": Case(script="pass", metric=STDOUT, reason="log.txt holds no number"),
    "fifo": Case(script="import os; os.mkfifo('results.json')", reason="is not a regular file"),
    "link": Case(
        script="import os; os.symlink('/etc/passwd', 'results.json')", reason="outside of"
    ),
    "fails": Case(
        script="print('x=1'); raise SystemExit(1)",
        metric=STDOUT,
        status="failed",
        reason="exited with code 1",
    ),
    "traceback": Case(
        script="print('x=1'); 1 / 0", metric=STDOUT, status="failed", reason="exited with code 1"
    ),
    "kills-itself": Case(
        script="import os; print('x=1', flush=True); os.kill(os.getpid(), 9)",
        metric=STDOUT,
        status="killed",
        reason="SIGKILL",
    ),
    "overdue": Case(
        script="import time; print('x=1', flush=True); time.sleep(60)",
        metric=STDOUT,
        more="timeout: 1s",
        status="timeout",
        reason="timeout of 1 s",
    ),
    "stubborn": Case(
        script="import signal, time; signal.signal(15, signal.SIG_IGN)\n"
        "print('x=1', flush=True); time.sleep(60)",
        metric=STDOUT,
        more="timeout: 1s",
        status="timeout",
        reason="timeout of 1 s",
    ),
    "progress-bar": Case(
        script="for i in range(100): print(f'\\rx={i / 99}', end='', flush=True)",
        metric=STDOUT,
        verdict="reproduced",
    ),
    "not-utf-8": Case(
        script="import os; os.write(1, b'\\xff\\xfe \\x00\\x1b[2J\\nx=1\\n\\xc3')",
        metric=STDOUT,
        verdict="reproduced",
    ),
    "leaves-a-child": Case(
        script="import subprocess; subprocess.Popen(['sleep', '300']); print('x=1')",
        metric=STDOUT,
        verdict="reproduced",
    ),
    "destroys-its-directory": Case(
        script="import os; print('x=1'); [os.remove(name) for name in os.listdir('.')]",
        metric=STDOUT,
        verdict="reproduced",
    ),
}


def write_project(directory: Path, name: str, cases: Mapping[str, Case]) -> Path:
    """One experiment and one claim of 1 for each case."""
    config = [f"name: {name}", "experiments:"]
    for case, wanted in cases.items():
        config += [
            f"  {case}:",
            f"    run: python {case}.py",
            f"    metrics: {{x: {wanted.metric}}}",
        ]
        config += [f"    {wanted.more}"] if wanted.more else []
    config += ["claims:"]
    config += [f'  - {{id: {case}, metric: {case}.x, value: "1"}}' for case in cases]
    files = {f"{case}.py": textwrap.dedent(wanted.script) for case, wanted in cases.items()}
    return project(
        directory / name,
        {**files, "old.json": '{"x": 1}', "repropack.yaml": "\n".join(config) + "\n"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A finished `repropack verify`."""

    done: Done
    directory: Path

    @property
    def verification(self) -> Path:
        """The one directory that it wrote."""
        (path,) = self.directory.glob(".repropack/verifications/*")
        return path

    def record(self, run: str) -> dict[str, Any]:
        """A run's record."""
        return dict(json.loads((self.verification / "runs" / run / "record.json").read_bytes()))

    def claim(self, claim: str) -> dict[str, Any]:
        """A claim in the report."""
        report = json.loads((self.verification / "report.json").read_bytes())
        return dict(next(row for row in report["claims"] if row["id"] == claim))


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Verification:
    """All cases in one project and one image."""
    directory = write_project(tmp_path_factory.mktemp("bad"), "bad-runs", CASES)
    return Verification(done=repropack("verify", cwd=directory), directory=directory)


@pytest.mark.parametrize("case", CASES)
def test_bad_run(case: str, bad: Verification) -> None:
    """The record says how the run ended; a claim without a sound number has no evidence."""
    wanted, claim = CASES[case], bad.claim(case)
    assert bad.record(case)["status"] == wanted.status, bad.done.said
    assert claim["verdict"] == wanted.verdict, claim
    assert wanted.reason in " ".join([*claim["reasons"], *claim["hints"]]), claim


def test_bad_runs_together(bad: Verification) -> None:
    """One failed run stops no other; exit code 6; nothing is left behind."""
    assert bad.done.code == 6, bad.done.said
    assert bad.done.err.count("running ") == len(CASES)
    assert "Traceback" not in bad.done.err
    assert "\x1b" not in bad.done.out + bad.done.err
    assert containers("bad-runs") == []
    assert traces(bad.directory) == []


def test_end_of_the_log_is_shown(bad: Verification) -> None:
    """Of a run that failed, the result shows the last lines and where the whole log is."""
    log = bad.verification / "runs" / "traceback" / "log.txt"
    assert "| ZeroDivisionError: division by zero" in bad.done.out
    assert str(log.relative_to(bad.directory)) in bad.done.out


def test_everything_that_was_printed_is_kept(bad: Verification) -> None:
    """log.txt holds the experiment's bytes as they were."""
    log = bad.verification / "runs" / "not-utf-8" / "log.txt"
    assert log.read_bytes() == b"\xff\xfe \x00\x1b[2J\nx=1\n\xc3"


def test_container_killed_from_outside(tmp_path: Path) -> None:
    """`docker kill` of a run's container: exit code 6, and a record that says it was lost."""
    case = Case(script="import time; print('x=1', flush=True); time.sleep(60)", metric=STDOUT)
    directory = write_project(tmp_path, "killed-outside", {"victim": case})
    process = subprocess.Popen(
        [*REPROPACK, "verify", str(directory)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end_s = time.monotonic() + 30
    while not docker("ps", "-q", "--filter", "name=repropack-killed-outside"):
        assert time.monotonic() < end_s
        time.sleep(0.1)
    time.sleep(0.5)
    docker("kill", *containers("killed-outside"))
    out, err = process.communicate(timeout=30)
    found = Verification(
        done=Done(code=process.returncode, out=out.decode(), err=err.decode()), directory=directory
    )
    assert process.returncode == 6, found.done.said
    assert found.record("victim")["status"] == "lost"
    assert "killed from outside" in " ".join(found.claim("victim")["reasons"])
    assert containers("killed-outside") == []


def test_a_gigabyte_of_log(tmp_path: Path) -> None:
    """1 GB of output costs neither memory nor minutes, and the number at its end is found."""
    script = """
        import sys
        block = (b"y" * 99 + b"\\n") * 100_000
        for _ in range(100):
            sys.stdout.buffer.write(block)
        print("x=1")
    """
    directory = write_project(tmp_path, "flood", {"flood": Case(script=script, metric=STDOUT)})
    # A process of its own, so that the peak is that of this one command.
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
        "sys.exit(done.returncode)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *REPROPACK, "verify", str(directory)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = Verification(
        done=Done(code=done.returncode, out=done.stdout, err=done.stderr), directory=directory
    )
    assert done.returncode == 0, found.done.said
    peak_bytes = int(done.stderr.split()[-1]) * 1024
    assert peak_bytes < 300e6
    assert len(done.stderr) < 10_000
    log = found.verification / "runs" / "flood" / "log.txt"
    assert log.stat().st_size == 1_000_000_004
    assert found.record("flood")["peak_rss_bytes"] < 300e6
    log.unlink()
    remove_images("flood")

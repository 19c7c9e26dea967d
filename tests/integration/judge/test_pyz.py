"""judge.pyz as images use it: one file, any Python from 3.7 on, the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from repropack.judge.pyz import write_pyz

PYENV = Path.home() / ".pyenv" / "versions"
WANTED = ("3.7", "3.8", "3.9", "3.10", "3.12", "3.13")
INTERPRETERS = [sys.executable] + [
    str(python) for minor in WANTED for python in sorted(PYENV.glob(f"{minor}.*/bin/python"))
]


def call(
    bundle: Path, *arguments: str, python: str = sys.executable, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Run judge.pyz in a scratch directory, outside of any checkout."""
    work = bundle / "work"
    work.mkdir(exist_ok=True)
    command = [python, "-W", "error", "-I", str(bundle / "judge.pyz"), *arguments]
    more = {"cwd": work, "capture_output": True, "text": True, "timeout": 60, **more}
    return subprocess.run(command, check=False, encoding="utf-8", **more)


def do_runs(bundle: Path, *ids: str, python: str = sys.executable) -> str:
    """Do the runs; their records as one text."""
    for run_id in ids:
        shutil.rmtree(bundle / "work", ignore_errors=True)
        out = str(bundle / "out" / run_id)
        done = call(bundle, "run", run_id, "--out", out, "--fact", "gpu=none", python=python)
        assert (done.returncode, done.stderr) == (0, "")
    return "".join((bundle / "out" / run_id / "record.json").read_text() for run_id in ids)


@pytest.mark.parametrize("python", INTERPRETERS)
def test_whole_path_under_every_interpreter(bundle: Path, python: str) -> None:
    """Listing, running and judging work under every Python that images have."""
    listed = call(bundle, "runs", "--claim", "one", python=python)
    assert listed.stdout == "one\tnone\t0\t7200\tone\tleft\n"
    records = do_runs(bundle, "one", python=python)
    claims = ["--claim", "one", "--claim", "loss"]
    judged = call(
        bundle, "judge", "--records", "-", *claims, "-o", "rep", python=python, input=records
    )
    assert (judged.returncode, judged.stderr) == (0, "")
    assert judged.stdout.splitlines()[-1] == "reproduced: 2 of 2 claims"
    assert (bundle / "work" / "rep" / "report.txt").read_text("utf-8") == judged.stdout


def test_interpreters_were_found() -> None:
    """Where this machine has older Pythons, the test above ran under the oldest of them."""
    if not PYENV.is_dir():
        pytest.skip("this machine has no other Pythons")
    assert any("/3.7." in python for python in INTERPRETERS) == bool(list(PYENV.glob("3.7.*")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_leaves_a_record(bundle: Path, number: signal.Signals) -> None:
    """Stopping the runner stops the experiment and leaves a record that says so."""
    work, out = bundle / "work", bundle / "out"
    work.mkdir()
    command = [sys.executable, str(bundle / "judge.pyz"), "run", "slow", "--out", str(out)]
    with subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        process.send_signal(number)
        assert process.wait(20) == 0
    record = json.loads((out / "record.json").read_text())
    assert record["status"] == "interrupted"
    assert record["reason"] == f"was interrupted ({number.name})"
    assert record["seconds"] < 20


def test_daemons_do_not_escape(bundle: Path) -> None:
    """Not even a process that left the group and the session outlives the run."""
    path = bundle / "repropack.json"
    manifest = json.loads(path.read_text())
    manifest["experiments"][-1]["run"] = "setsid sh -c 'echo $$ > pid; exec sleep 60' & sleep 0.3"
    path.write_text(json.dumps(manifest))
    record = json.loads(do_runs(bundle, "bad"))
    assert record["notes"] == ["processes that the command left behind were killed"]
    pid = int((bundle / "work" / "pid").read_text())
    time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


def test_closed_stdout(bundle: Path) -> None:
    """A run whose progress nobody reads any more still leaves its record."""
    out = bundle / "out"
    work = bundle / "work"
    work.mkdir()
    command = [sys.executable, str(bundle / "judge.pyz"), "run", "bad", "--out", str(out)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=work, stdout=full, stderr=subprocess.PIPE, check=False)
    assert json.loads((out / "record.json").read_text())["exit_code"] == 3
    assert b"Traceback" not in done.stderr


def test_bytes_are_deterministic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two archives of the same sources have the same bytes, whatever the time and the umask."""
    write_pyz(tmp_path / "a.pyz")
    old = os.umask(0o077)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    try:
        write_pyz(str(tmp_path / "b.pyz"))
    finally:
        os.umask(old)
    assert (tmp_path / "a.pyz").read_bytes() == (tmp_path / "b.pyz").read_bytes()


def test_archive_holds_the_judge_alone(tmp_path: Path) -> None:
    """The archive holds this package's modules and nothing else of repropack."""
    write_pyz(tmp_path / "judge.pyz")
    with zipfile.ZipFile(tmp_path / "judge.pyz") as archive:
        names = archive.namelist()
        assert archive.read("repropack/__init__.py") == b""
    assert names[:2] == ["__main__.py", "repropack/__init__.py"]
    assert all(name.startswith("repropack/judge/") for name in names[2:])
    assert "repropack/judge/pyz.py" not in names

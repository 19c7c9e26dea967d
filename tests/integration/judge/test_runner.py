"""Real runs of real shell commands."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from repropack.judge import report, runner
from repropack.judge.expand import expand
from repropack.judge.hardware import ControlGroup
from repropack.judge.model import Experiment, Metric
from repropack.judge.rule import judge_all
from repropack.judge.runlog import Progress, RunLog
from repropack.verification import read, write_report
from tests.integration.judge.one_run import ACC, WRITE, Run


def test_good_run(tmp_path: Path) -> None:
    """A run that works leaves the whole record, the log and its outputs."""
    command = f"echo out; echo err >&2; mkdir plots; echo p > plots/a.png; {WRITE}"
    run = Run(tmp_path, command, outputs=("plots/*.png", "none/*"), env=(("A", "b"),))
    record = run.record()
    assert (record["status"], record["exit_code"], record["signal"]) == ("ok", 0, None)
    assert record["metrics"]["acc"]["text"] == "0.970"
    assert record["metrics"]["acc"]["value"] == 0.97
    assert [o["path"] for o in record["outputs"]] == ["plots/a.png", "r.json"]
    assert record["outputs"][0]["size_bytes"] == 2
    assert record["skipped"] == [{"path": "none/*", "reason": "matches no file"}]
    assert (run.out / "outputs" / "plots" / "a.png").read_text() == "p\n"
    assert (run.out / "log.txt").read_text() == "out\nerr\n"
    assert record["facts"] == {"engine": "test", "gpu": "none"}
    assert record["env"] == {"PYTHONHASHSEED": "0", "A": "b"}
    assert record["peak_rss_bytes"] > 100_000
    assert 2 * 512 <= record["written_bytes"] < 1 << 20
    assert record["kept_bytes"] == 8 + sum(each["size_bytes"] for each in record["outputs"])
    assert record["hardware"]["cores"] >= 1
    assert record["start"].endswith("Z")


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The experiment's variables win; the hash seed is fixed unless somebody chose one."""
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    run = Run(tmp_path, 'echo "$PYTHONHASHSEED $A"', env=(("A", "x y"),), metrics=())
    run.record()
    assert (run.out / "log.txt").read_text() == "0 x y\n"
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    run.record()
    assert (run.out / "log.txt").read_text() == "7 x y\n"


def test_exit_code(tmp_path: Path) -> None:
    """An exit code is told, with the end of the log."""
    record = Run(tmp_path, "echo Traceback; exit 3").record()
    assert (record["status"], record["exit_code"]) == ("failed", 3)
    assert record["reason"] == "exited with code 3"
    assert record["log"]["tail"] == ["Traceback"]
    assert record["metrics"]["acc"]["reason"] == "r.json was not written"


@pytest.mark.parametrize("command", ["kill -9 $$", "sh -c 'kill -9 $$'; exit $?"])
def test_killed(tmp_path: Path, command: str) -> None:
    """A run that a signal ended says which, also when a shell stands between."""
    record = Run(tmp_path, command).record()
    assert (record["status"], record["signal"], record["exit_code"]) == ("killed", "SIGKILL", 137)


def test_timeout_kills_the_whole_group(tmp_path: Path) -> None:
    """After the timeout everything that the run started is gone."""
    run = Run(tmp_path, "sleep 60 & echo $! > pid; sleep 60", timeout_s=0.4)
    record = run.record()
    assert (record["status"], record["reason"]) == ("timeout", "ran into its timeout of 0.4 s")
    assert record["seconds"] < 5
    assert not _lives(int((run.work / "pid").read_text()))


def test_timeout_of_a_stubborn_run(tmp_path: Path) -> None:
    """A run that ignores SIGTERM gets SIGKILL after the grace."""
    begin = time.monotonic()
    command = "trap '' TERM; while :; do sleep 0.1; done"
    record = Run(tmp_path, command, timeout_s=0.3).record(grace_s=0.3)
    assert record["status"] == "timeout"
    assert time.monotonic() - begin < 5


def test_what_is_left_behind_is_killed(tmp_path: Path) -> None:
    """A background process does not outlive its run, nor keep it from ending."""
    run = Run(tmp_path, f"sleep 60 & echo $! > pid; {WRITE}")
    begin = time.monotonic()
    record = run.record()
    assert time.monotonic() - begin < 5
    assert record["status"] == "ok"
    assert record["notes"] == ["processes that the command left behind were killed"]
    assert not _lives(int((run.work / "pid").read_text()))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_cannot_start(tmp_path: Path) -> None:
    """A command that cannot even be started leaves a record that says why."""
    record = Run(tmp_path, "echo " + "x" * 3_000_000).record()
    assert record["status"] == "failed"
    assert "could not be started" in record["reason"]


def test_runs_outside_of_the_main_thread(tmp_path: Path) -> None:
    """A run works where signal handlers cannot be set."""
    run = Run(tmp_path, WRITE)
    thread = threading.Thread(target=run.record)
    thread.start()
    thread.join()
    assert json.loads((run.out / "record.json").read_text())["status"] == "ok"


def test_progress(tmp_path: Path) -> None:
    """Of a noisy run a few clean lines are shown, the last one included; the log has all bytes."""
    noise = (
        "import os; os.write(1, b'\\x1b[31mEpoch \\xff %d\\x1b[0m\\r' * 200000); print('done' * 99)"
    )
    run = Run(tmp_path, f'"{sys.executable}" -c "{noise}"', metrics=())
    record = run.record()
    assert record["log"]["size_bytes"] == (run.out / "log.txt").stat().st_size > 2_000_000
    assert 1 <= len(run.lines) < 10
    assert run.lines[-1].startswith("donedone")
    assert all(line.isprintable() and len(line) <= 200 for line in run.lines)


def test_held_back_progress_is_shown() -> None:
    """A line that came too soon after another is shown when time has passed."""
    shown: list[str] = []
    progress = Progress(shown.append)
    progress(b"one\n")
    progress(b"two\n")
    assert shown == ["one"]
    time.sleep(0.55)
    progress(b"")
    assert shown == ["one", "two"]


def test_full_disk_ends_the_log_only(tmp_path: Path) -> None:
    """When the log cannot be written any more, the run goes on and the record says so."""
    script = (
        "import resource, sys; from tests.integration.judge.test_runner import limited_run;"
        "from pathlib import Path; limited_run(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[3], timeout=60)
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["status"] == "ok"
    assert record["metrics"]["acc"]["value"] == 0.97
    assert record["metrics"]["last"]["value"] is None
    assert "not complete" in record["metrics"]["last"]["reason"]
    assert record["log"]["complete"] is False
    assert record["notes"] != []


def limited_run(root: Path) -> None:
    """A run whose log may not grow beyond 2 MB (what a full disk looks like to a writer)."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
    metrics = (ACC, Metric("last", "stdout", "", r"(\d+)"))
    Run(root, f"yes 1 | head -c 5000000; {WRITE}", metrics=metrics).record()


@pytest.mark.parametrize("when", ["open", "write"])
def test_log_on_a_full_device(tmp_path: Path, when: str) -> None:
    """A log that cannot be opened or written has a problem, and swallows what it is given."""
    path = "/dev/full" if when == "write" else str(tmp_path / "no" / "log.txt")
    seen: list[bytes] = []
    log = RunLog(path, seen.append)
    log.write(b"a")
    log.write(b"b")
    log.close()
    assert "not complete" in log.problem
    assert (seen, log.size_bytes) == ([b"a", b"b"], 0)


def test_control_group_v1_and_v2(tmp_path: Path) -> None:
    """The peak comes from this group's own files, never from the root group's."""
    own = tmp_path / "own"
    (tmp_path / "memory" / "docker" / "x").mkdir(parents=True)
    (tmp_path / "memory" / "memory.max_usage_in_bytes").write_text("1\n")
    (tmp_path / "memory" / "docker" / "x" / "memory.max_usage_in_bytes").write_text("42\n")
    (tmp_path / "memory" / "docker" / "x" / "memory.oom_control").write_text("a 0\noom_kill 3\n")
    own.write_text("5:cpu:/x\n4:memory:/docker/x\n0::/\n")
    group = ControlGroup(str(tmp_path), str(own))
    assert (group.peak_bytes(), group.oom_kills()) == (42, 3)
    own.write_text("4:memory:/\n")
    assert ControlGroup(str(tmp_path), str(own)).peak_bytes() is None
    (tmp_path / "memory.peak").write_text("7\n")
    own.write_text("0::/\n")
    assert ControlGroup(str(tmp_path), str(own)).peak_bytes() == 7


def test_no_proc_no_numbers(tmp_path: Path) -> None:
    """Where the kernel tells nothing there is no number, not a guess."""
    group = ControlGroup(str(tmp_path), str(tmp_path / "none"))
    assert (group.peak_bytes(), group.oom_kills()) == (None, 0)


def test_signal_handlers_are_put_back(tmp_path: Path) -> None:
    """After a run the process reacts to signals as before."""
    before = signal.getsignal(signal.SIGTERM)
    Run(tmp_path, "true", metrics=()).record()
    assert signal.getsignal(signal.SIGTERM) is before
    assert os.getpid() > 0


def test_curves_of_real_runs(tmp_path: Path) -> None:
    """What runs append to a table while they train are learning curves of the report's page."""
    train = (
        "echo epoch,acc > t.csv; for e in 1 2 3; do echo $e,0.$(({seed} + 2 * e)) >> t.csv; done"
    ).replace("* e", "* $e")
    curve = Experiment("e", train, metrics=(Metric("acc", "csv", "t.csv", "acc"),), seeds=(1, 2))
    for spec in expand(curve):
        work = tmp_path / f"work{spec.seed}"
        work.mkdir()
        runner.execute(curve, spec, str(work), str(tmp_path / "runs" / spec.id), {})
    found = [
        json.loads((tmp_path / "runs" / spec.id / "record.json").read_bytes())
        for spec in expand(curve)
    ]
    assert found[0]["metrics"]["acc"]["history"] == {
        "axis": "epoch",
        "points": [[1, 0.3], [2, 0.5], [3, 0.7]],
    }
    saved = report.as_dict(judge_all([curve], [], found, name="curves"))
    (tmp_path / "report.json").write_text(json.dumps(saved))
    write_report(read(tmp_path))
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Learning curves" in page
    assert "Mean of 2 runs: 0.35 at epoch 1, 0.75 at epoch 3" in page


def test_variables_and_threads_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record has the variables that can change a number, and how many threads there were."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    busy = (
        "import threading, time; "
        "all = [threading.Thread(target=time.sleep, args=(3,)) for _ in range(4)]; "
        "[each.start() for each in all]"
    )
    run = Run(tmp_path, f"{sys.executable} -c '{busy}'", env=(("TF_DETERMINISTIC_OPS", "1"),))
    record = run.record()
    assert record["variables"]["OMP_NUM_THREADS"] == "3"
    assert record["variables"]["TF_DETERMINISTIC_OPS"] == "1"
    assert record["variables"]["PYTHONHASHSEED"] == record["env"]["PYTHONHASHSEED"]
    assert not {"SECRET_TOKEN", "PATH", "HOME"} & record["variables"].keys()
    assert 5 <= record["threads"] <= 8  # the shell's, the main one and four

"""What reproduce.sh finds out about a machine before it fetches anything, and when it asks.

The engine is a program that answers as docker does, and cannot pull: so each call ends there.
"""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from repropack.bundle import Bundle
from tests.unit.bundle.made import SHELLS, reproduce, tool_directory

DOCKER = """#!/bin/sh
case $1 in
    version) echo 27.0 ;;
    info) echo "4 4000000000 STORE" ;;
    *) exit 1 ;;
esac
"""
DF = """#!/bin/sh
echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'
echo 'some disk  100000000 99999900 FREE 99% /some where'
"""
SMI = """#!/bin/sh
echo 'GPU-1, Example GPU, DRIVER'
"""


@pytest.fixture(scope="module")
def bundle(measured: Bundle) -> Path:
    """Its directory."""
    return measured.directory


def machine(
    directory: Path, *, free: int = 90_000_000, driver: str = "", python: bool = False
) -> Path:
    """A PATH with such an engine and disk; `free` counts 1024 bytes."""
    programs = {
        "docker": DOCKER.replace("STORE", str(directory)),
        "df": DF.replace("FREE", str(free)),
    }
    if driver:
        programs["nvidia-smi"] = SMI.replace("DRIVER", driver)
    path = tool_directory(directory / "bin")
    for name, text in programs.items():
        (path / name).unlink(missing_ok=True)
        (path / name).write_text(text)
        (path / name).chmod(0o755)
    if python:
        (path / "python3").symlink_to(sys.executable)
    return path


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_what_is_lacking_is_told(shell: tuple[str, ...], bundle: Path, tmp_path: Path) -> None:
    """Disk and memory below what is needed are told before anything is fetched."""
    path = machine(tmp_path, free=97_700, driver="580.1")
    done = reproduce(bundle, "-o", str(tmp_path / "o"), path=path, shell=shell)
    assert done.returncode == 75, done.stderr
    assert "a run had 7000 MB of memory at the authors', and there are 4000 MB here" in done.stderr
    if shell[0] == "busybox":  # whose shell has a df of its own
        return
    where = f"the image and a run need about 2300 MB in {tmp_path}, where 100 MB are free"
    assert f"note: {where}" in done.stderr
    leave = f"what the runs leave needs about 120 MB in {tmp_path / 'o'}, where 100 MB are free"
    assert f"note: {leave}" in done.stderr
    told = done.stderr.index("note: the image and a run need")
    assert told < done.stderr.index("pulling")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("jobs", "python", "told"),
    [
        ("1", False, "the image and a run need about 2300 MB"),
        ("2", False, "the image and 2 runs at once need about 4300 MB"),
        ("9", True, "the image and 3 runs at once need about 6300 MB"),
        ("auto", True, "the image and a run need about 2300 MB"),
    ],
)
def test_runs_at_once_write_at_once(
    jobs: str, python: bool, told: str, bundle: Path, tmp_path: Path
) -> None:
    """What a run writes counts once for each that is done at the same time."""
    path = machine(tmp_path, free=97_700, driver="580.1", python=python)
    done = reproduce(bundle, "--jobs", jobs, "-o", str(tmp_path / "o"), path=path)
    assert done.returncode == 75 and f"note: {told} in {tmp_path}" in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("arguments", "python", "told"),
    [
        (
            (),
            False,
            "about 30 minutes, one run after the other, as the authors measured on Example",
        ),
        ((), True, "about 30 minutes, and 2 runs that were not measured, one run"),
        (("--claim", "second"), False, "about 30 minutes for all runs, one run"),
        (("--claim", "second"), True, "less than a minute, one run"),
        (("--only", "long", "--runs", "30"), True, "about 5 hours, one run"),
        (("--only", "long", "--runs", "300"), True, "that is more than a day"),
        (("--claim", "third", "--cpu"), False, "about 30 minutes for all runs"),
    ],
)
def test_time(
    arguments: tuple[str, ...], python: bool, told: str, bundle: Path, tmp_path: Path
) -> None:
    """The time is what the authors measured, of the chosen runs where a Python can tell them."""
    path = machine(tmp_path, python=python, driver="580.1")
    done = reproduce(bundle, *arguments, "-o", str(tmp_path / "o"), path=path)
    assert done.returncode == 75 and told in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("arguments", "driver", "code", "told"),
    [
        (("--claim", "third"), "", 6, "there is no GPU, and these runs need one: heavy"),
        (("--claim", "third", "--cpu"), "580.1", 6, "these experiments require a GPU: heavy"),
        (("--claim", "first"), "", 75, "pulling"),
        (("--only", "brief"), "", 75, "pulling"),
        (("--claim", "third"), "580.1", 75, "pulling"),
        (("--only", "nothing"), "", 2, "error: there is no experiment nothing"),
        (("--only", "long{a=b}"), "", 2, "error: long{a=b}: the matrix of long has no a"),
    ],
)
def test_what_cannot_be_is_refused_first(
    arguments: tuple[str, ...], driver: str, code: int, told: str, bundle: Path, tmp_path: Path
) -> None:
    """A choice that cannot be, or a GPU that is not there, ends it before anything is fetched."""
    path = machine(tmp_path, driver=driver, python=True)
    done = reproduce(bundle, *arguments, "-o", str(tmp_path / "o"), path=path)
    assert done.returncode == code and told in done.stderr, done.stderr
    assert ("pulling" in done.stderr) is (code == 75)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_gpu_is_asked_for_without_python(
    shell: tuple[str, ...], bundle: Path, tmp_path: Path
) -> None:
    """Where nobody can tell yet which runs are chosen, all of them need what the bundle says."""
    path = machine(tmp_path)
    done = reproduce(bundle, "-o", str(tmp_path / "o"), path=path, shell=shell)
    assert done.returncode == 6 and "pulling" not in done.stderr, done.stderr
    assert "there is no GPU, and these runs need one: heavy" in done.stderr
    chosen = ("--claim", "first", "-o", str(tmp_path / "o"))
    done = reproduce(bundle, *chosen, path=path, shell=shell)
    assert done.returncode == 75, done.stderr
    assert "note: there is no GPU, and these experiments need one: heavy" in done.stderr
    on_cpu = reproduce(bundle, "--cpu", *chosen, path=path, shell=shell)
    assert on_cpu.returncode == 75 and "no GPU" not in on_cpu.stderr, on_cpu.stderr


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize(
    ("driver", "is_new"),
    [("580.65.06", True), ("580.65.05", False), ("581", True), ("579.999.1", False),
     ("580.65", False), ("580.126.09", True), ("unknown", False)],
)  # fmt: skip
def test_driver(
    driver: str, is_new: bool, shell: tuple[str, ...], bundle: Path, tmp_path: Path
) -> None:
    """A driver is as new as CUDA needs when no part of its version is smaller, from the left."""
    text = (bundle / "reproduce.sh").read_text()
    functions = text[text.index("driver_is_new() {") : text.index("# ---- the base")]
    (tmp_path / "gpus").write_text(f"GPU-1, Example GPU, {driver}\n")
    script = f"gpu=yes work={tmp_path} driver_needed=580.65.06\n{functions}\ndriver_is_new"
    done = subprocess.run([*shell, "-c", script], capture_output=True, text=True)
    assert (done.returncode == 0, done.stderr) == (is_new, "")


def answered(command: list[str], path: Path, answer: str, shown: str) -> tuple[int, str]:
    """The exit code and the output of a command on a terminal, where somebody answers once."""
    process, terminal = pty.fork()
    if process == 0:
        os.execve(command[0], command, {"PATH": str(path)})
    told, sent, deadline = b"", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            told += os.read(terminal, 4096)
        except OSError:
            break
        if not sent and shown.encode() in told:
            os.write(terminal, answer.encode() + b"\n")
            sent = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), told.decode()


@pytest.mark.parametrize(
    ("options", "free", "answer", "code"),
    [((), 97_700, "n", 130), ((), 97_700, "", 130), ((), 97_700, "y", 75),
     (("--yes",), 97_700, "n", 75), (("--claim", "second"), 90_000_000, "n", 75)],
)  # fmt: skip
def test_a_person_is_asked(
    options: tuple[str, ...], free: int, answer: str, code: int, bundle: Path, tmp_path: Path
) -> None:
    """On a terminal, and only where something is lacking: no ends it, --yes asks nothing."""
    path = machine(tmp_path, free=free, python=True, driver="580.1")
    command = [str(bundle / "reproduce.sh"), "-o", str(tmp_path / "o"), *options]
    found, told = answered(command, path, answer, "[y/N]")
    assert found == code, told
    assert ("go on all the same?" in told) is (not options)
    assert not (tmp_path / "o").exists()

"""A reproduce.sh that was killed while containers were made, and what its workers do after that.

The engine is a program that answers as docker does, keeps a log, and makes containers when it may.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import commit_all
from tests.integration.daemons import wait_for
from tests.unit.bundle.made import SHELLS, make_bundle, reproduce, tool_directory

CONFIG = """
name: killed
experiments:
  e: {run: "python e.py {seed}", seeds: [0, 1], metrics: {m: {stdout: 'm=(\\d+)'}}}
claims:
  - {id: first, metric: e.m, value: "1"}
"""
DOCKER = """#!/bin/sh
case $* in
    version*) echo 27.0 ;;
    info*) echo "4 4000000000 /nonexistent" ;;
    *repropack.bundle*) echo DIGEST ;;
    image*) echo sha256:1 ;;
    create*-[12].[0-9]\\ *)
        echo "$3 create" >>LOG
        while [ -e HOLD ]; do sleep 0.1; done
        ;;
    start*-[12].[0-9]) echo "$3 start" >>LOG ;;
    rm*-[12].[0-9]) echo "$4 rm" >>LOG ;;
    cp*) exit 1 ;;
esac
"""
# What bash's forks do where a signal comes first.
EARLY = """
find_bundle "$0"
out=$1
trap finish EXIT
prepare_output
first=0
second=0
( trap finish EXIT; interrupted ) 2>/dev/null || first=$?
( trap finish_worker EXIT; stop_worker ) 2>/dev/null || second=$?
echo "$first $second"
[ ! -d "$work" ] || [ -e "$work/stop" ] || echo kept
"""


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_workers_leave_what_is_not_theirs(shell: tuple[str, ...], tmp_path: Path) -> None:
    """They remove the container that was being made, start it not, and touch no result of the call
    that came after. A call that lives is not disturbed.
    """
    project, log, hold, out = (tmp_path / name for name in ("project", "log", "hold", "out"))
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("print('m=1')\n")
    commit_all(project)
    bundle = make_bundle(project, tmp_path / "bundle")
    path = tool_directory(tmp_path / "bin")
    (path / "python3").symlink_to(sys.executable)
    text = DOCKER.replace("DIGEST", bundle.digest).replace("LOG", str(log))
    (path / "docker").write_text(text.replace("HOLD", str(hold)))
    (path / "docker").chmod(0o755)
    hold.touch()
    log.touch()
    program = [shutil.which(shell[0]) or shell[0], *shell[1:]]
    with subprocess.Popen(
        [*program, str(bundle.directory / "reproduce.sh"), "--jobs", "2", "-o", str(out)],
        env={"PATH": str(path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as started:
        try:
            wait_for(lambda: log.read_text().count(" create\n") == 2)
            second = reproduce(bundle.directory, "-o", str(out), path=path, shell=shell)
            assert second.returncode == 2 and "another ./reproduce.sh" in second.stderr
            assert " rm\n" not in log.read_text()
        finally:
            started.kill()
    (scratch,) = out.glob(".work.*")  # what the next call does first
    subprocess.run(["rm", "-r", str(scratch)], check=True)
    results = [out / "runs" / f"e-seed{seed}" / "record.json" for seed in (0, 1)]
    for result in results:
        result.parent.mkdir(parents=True)
        result.write_text("of the next call")
    hold.unlink()
    wait_for(lambda: log.read_text().count(" rm\n") == 2)
    assert [result.read_text() for result in results] == ["of the next call"] * 2
    assert " start\n" not in log.read_text()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_signal_to_what_it_forks(shell: tuple[str, ...], tmp_path: Path) -> None:
    """A process that is ended before it has traps of its own ends alone: it clears nothing away."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("print('m=1')\n")
    commit_all(project)
    bundle = make_bundle(project, tmp_path / "bundle").directory
    text = (bundle / "reproduce.sh").read_text()
    assert text.endswith('\nmain "$@"\n')
    (bundle / "early.sh").write_text(text.removesuffix('main "$@"\n') + EARLY)
    path = tool_directory(tmp_path / "bin")
    program = [shutil.which(shell[0]) or shell[0], *shell[1:]]
    done = subprocess.run(
        [*program, str(bundle / "early.sh"), str(tmp_path / "out")],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "130 130\nkept\n", done.stderr
    assert not (tmp_path / "out").exists()  # it cleared away after itself

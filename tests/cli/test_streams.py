"""stdout is the result and stderr the progress, wherever they go."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from repropack.cli.progress import Terminal, printable
from tests.cli.driver import REPROPACK, environment, project, repropack
from tests.conftest import ROOT

LIVE = "\r\x1b[K"


def shell(script: str, cwd: Path) -> tuple[int, str, str]:
    """Run a line of bash, in which `repropack` is the command; exit code, stdout and stderr."""
    line = f'set -o pipefail; repropack() {{ {shlex.join(REPROPACK)} "$@"; }}; {script}'
    done = subprocess.run(
        ["bash", "-c", line], cwd=cwd, env=environment(), capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def on_terminal(
    *arguments: str | Path, env: dict[str, str | None] | None = None, stdout_too: bool = False
) -> tuple[int, str]:
    """Run a command with stderr (and stdout) on a terminal; exit code and what the screen got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*REPROPACK, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=theirs if stdout_too else subprocess.DEVNULL,
        stderr=theirs,
        env=environment({"TERM": "xterm", **(env or {})}),
    )
    os.close(theirs)
    shown = read_all(ours)
    return process.wait(60), shown.decode().replace("\r\n", "\n")


def read_all(descriptor: int) -> bytes:
    """Everything until the other side is closed."""
    parts: list[bytes] = []
    while True:
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # Linux tells the end of a terminal so
            data = b""
        if not data:
            os.close(descriptor)
            return b"".join(parts)
        parts.append(data)


@pytest.mark.parametrize(
    ("script", "code", "out"),
    [
        ("repropack plan | head -n 1", 0, "quickstart at commit"),
        ("repropack plan --json | head -n 1", 0, "{"),
        ("repropack --help | head -n 1", 0, "Usage:"),
        ("repropack plan 2>&1 | head -n 1", 0, "planning"),
        ("repropack plan | true", 0, ""),
        ("repropack plan 2>&-", 0, "quickstart at commit"),
        ("repropack plan >&-", 0, ""),
        ("repropack plan >&- 2>&- <&-", 0, ""),
        ("repropack verify nowhere 2>&1 >&- | true", 3, ""),
        ("repropack plan 2>/dev/full", 0, "quickstart at commit"),
    ],
)
def test_streams_that_nobody_reads(script: str, code: int, out: str, quickstart: Path) -> None:
    """A pipe that is closed early, or a stream that is closed, changes nothing: no traceback."""
    got = shell(script, quickstart)
    assert got[0] == code, got
    assert got[1].startswith(out)
    assert "Traceback" not in got[2]
    assert "Exception ignored" not in got[2]


@pytest.mark.parametrize(("command", "code"), [("plan", 2), ("--help", 70)])
def test_result_on_a_full_disk(command: str, code: int, quickstart: Path) -> None:
    """A result that cannot be written is an error, and never exit code 0 or a verdict's."""
    got = shell(f"repropack {command} >/dev/full", quickstart)
    assert got[0] == code, got
    assert "No space left on device" in got[2]
    assert "Traceback" not in got[2]


def test_text_that_the_terminal_cannot_show(tmp_path: Path) -> None:
    """Names that the terminal's encoding does not have are escaped, and the command goes on."""
    name = os.fsdecode(b"caf\xe9 \xe2\x82\xac")
    directory = project(tmp_path / name, {"ü.py": "print('f1:', 0.5)\n"})
    for encoding in ("ascii", "utf-8", "latin-1"):
        done = repropack("inspect", directory, env={"PYTHONIOENCODING": encoding})
        assert done.code == 0, done.said
        assert "script: " in done.out


def test_names_cannot_move_the_cursor(tmp_path: Path) -> None:
    """A file's name with terminal sequences is shown without them."""
    directory = project(tmp_path / "p", {"a\x1b[2Jb.py": "print('f1:', 0.5)\n"})
    done = repropack("inspect", directory)
    assert done.code == 0, done.said
    assert "\x1b" not in done.out + done.err


def test_unexpected_exception_is_no_verdict(quickstart: Path) -> None:
    """A mistake of repropack ends with 70 and says so; Python's own 1 would mean a verdict."""
    code = (
        "import sys; sys.argv = ['repropack', 'plan', sys.argv[1]]\n"
        "import repropack.pipeline as pipeline\n"
        "pipeline.decide = lambda *_, **__: 1 / 0\n"
        "from repropack.cli import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(quickstart)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 70
    assert "ZeroDivisionError" in done.stderr
    assert "this is a mistake in repropack" in done.stderr


def test_progress_is_live_on_a_terminal(quickstart: Path) -> None:
    """On a terminal the step and its seconds are written over; the end of each step stays."""
    code, shown = on_terminal("plan", quickstart)
    assert code == 0
    assert shown.startswith(f"{LIVE}planning · 0.0 s")
    assert re.search(r"\r\x1b\[Kplanning · \d+\.\d s\n\Z", shown)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}])
def test_progress_is_plain_on_a_dumb_terminal(env: dict[str, str | None], quickstart: Path) -> None:
    """A terminal that cannot move its cursor gets plain lines."""
    assert on_terminal("plan", quickstart, env=env) == (0, "planning\n")


class Screen:
    """A terminal that remembers what it was sent."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()

    def close(self) -> str:
        """What it was sent."""
        os.close(self.theirs)
        return read_all(self.ours).decode().replace("\r\n", "\n")


def test_seconds_move_while_a_step_is_silent() -> None:
    """The live line shows step, seconds and detail, never longer than the terminal is wide."""
    screen = Screen()
    with open(screen.theirs, "w", closefd=False) as stream:
        shown = Terminal(stream)
        shown.step("fetching")
        shown.detail("torch 12 of 800 MB " * 20)
        time.sleep(0.7)
        shown.note("kept")
        shown.close()
    text = screen.close()
    seconds = set(re.findall(r"fetching · (\d\.\d) s", text))
    assert len(seconds) >= 3
    assert "torch 12 of 800 MB" in text
    assert f"{LIVE}kept\n" in text
    assert max(len(line) for line in re.split(r"\r\x1b\[K|\n", text)) < 80


def test_what_an_experiment_prints_cannot_move_the_cursor() -> None:
    """Progress shows an experiment's line without control characters."""
    assert printable("a\x1b[2Jb\rc\x07\u202ed") == "a [2Jb c  d"


@pytest.mark.engine
def test_colour_is_for_terminals_and_obeys_no_color(quickstart: Path) -> None:
    """Verdicts are coloured on a terminal, not in a pipe, and not with NO_COLOR."""
    coloured = on_terminal("verify", quickstart, stdout_too=True)
    plain = on_terminal("verify", quickstart, stdout_too=True, env={"NO_COLOR": "1"})
    piped = repropack("verify", quickstart)
    assert (coloured[0], plain[0], piped.code) == (0, 0, 0), piped.said
    assert "\x1b[32m" in coloured[1] or "\x1b[1;32m" in coloured[1]
    assert "m" not in re.findall(r"\x1b\[[0-9;]*([A-Za-z])", plain[1])
    assert "\x1b" not in piped.out + piped.err


@pytest.mark.engine
def test_verdict_survives_a_reader_that_leaves(quickstart: Path) -> None:
    """`verify | head -n 1` runs to its end and ends with the verdict's code."""
    config = quickstart / "repropack.yaml"
    config.write_text(config.read_text().replace('"3.14"', '"3.9"'))
    got = shell("repropack verify --allow-dirty 2>&1 | head -n 1", quickstart)
    assert got[0] == 1, got
    assert len(list(quickstart.glob(".repropack/verifications/*/report.json"))) == 1

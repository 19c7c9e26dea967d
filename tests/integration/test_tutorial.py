"""docs/tutorial.md is executed: each file is written, each command run, each output compared."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.driver import REPROPACK, environment, remove_images
from tests.conftest import GIT_IDENTITY, ROOT

TUTORIAL = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What differs from day to day and from machine to machine, and what stands for it.
VARYING = (
    (r"\bsha256:[0-9a-f]{64}\b", "sha256:" + "0" * 64),
    (r"\b[0-9a-f]{12}\b", "0" * 12),
    (r"\b\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\b", "2026-01-01T12-00-00Z"),
    (r"\(\d+ MB\)", "(100 MB)"),
    (r"\b\d+(\.\d+)? s\b", "1.0 s"),
    (r"dirty-[0-9a-f]{8}", "dirty-00000000"),
)


def steady(text: str, directory: Path) -> str:
    """An output without what differs each time."""
    text = text.replace(str(directory), "/home/me")
    for pattern, replacement in VARYING:
        text = re.sub(pattern, replacement, text)
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


class Shell:
    """One bash that keeps its directory from command to command."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            ["bash"],
            cwd=directory,
            env=environment({**GIT_IDENTITY, "LC_ALL": "C.UTF-8"}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.run(f'repropack() {{ {shlex.join(REPROPACK)} "$@"; }}')

    def run(self, command: str) -> str:
        """What a command prints to stdout. `$?` of the next is this one's exit code."""
        assert self.process.stdin and self.process.stdout
        script = f"{{ {command}\n}} </dev/null\ncode=$?; echo; echo --end--; (exit $code)\n"
        self.process.stdin.write(script)
        self.process.stdin.flush()
        lines = list(iter(self.process.stdout.readline, "--end--\n"))
        return "".join(lines)[:-1]  # without the line end of `echo`

    def close(self) -> None:
        """End it."""
        self.process.communicate(timeout=10)

    def where(self) -> Path:
        """The directory that it is in."""
        return Path(self.run("pwd").strip())


def executed(language: str, name: str | None, body: str, shell: Shell) -> str:
    """A block as it would stand in the page if it were written now."""
    if name is not None:
        (shell.where() / name).write_text(body)
        return f"```{language} file={name}\n{body}```"
    if language != "console":
        return f"```{language}\n{body}```"
    text = ""
    for command in re.findall(r"^\$ (.*)$", body, re.MULTILINE):
        text += f"$ {command}\n{steady(shell.run(command), shell.directory)}"
    return f"```console\n{text}```"


@pytest.mark.engine
def test_tutorial(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Whoever follows the tutorial sees what it shows."""
    page = TUTORIAL.read_text("utf-8")
    shell = Shell(tmp_path)
    try:
        written = BLOCK.sub(lambda m: executed(m[1], m[2], m[3], shell), page)
    finally:
        shell.close()
        remove_images("centroids")
    if request.config.getoption("--update-golden"):
        TUTORIAL.write_text(written, "utf-8")
    assert written.splitlines() == TUTORIAL.read_text("utf-8").splitlines()

"""What every command promises: help, JSON, streams and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from repropack import __version__
from repropack.cli.commands import EXIT_CODES
from repropack.cli.commands import repropack as group
from repropack.cli.options import refuse_bad_tags
from tests.cli.driver import environment, inside, project, repropack
from tests.conftest import ROOT

COMMANDS = [
    f"{name} {below}".strip()
    for name, command in sorted(group.commands.items())
    for below in (sorted(command.commands) if isinstance(command, click.Group) else [""])
]


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """Variables with which neither Docker nor Podman answers."""
    podman = tmp_path / "silent" / "podman"
    podman.parent.mkdir()
    podman.write_text("#!/bin/sh\nexit 1\n")
    podman.chmod(0o755)
    path = os.pathsep.join((str(podman.parent), os.environ["PATH"]))
    return {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "PATH": path}


def parameters(command: str) -> list[click.Parameter]:
    """What a command takes, such as `verify` or `data check`."""
    found: click.Command = group
    for name in command.split():
        assert isinstance(found, click.Group)
        found = found.commands[name]
    return found.params


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    """Every command's --help explains every option and shows a command to type."""
    done = inside(*command.split(), "--help")
    assert done.code == 0, done.said
    assert f"  Example:\n    repropack {command}" in done.out
    assert done.err == ""
    for parameter in parameters(command):
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.opts[0] in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_json(command: str) -> None:
    """Every command takes --json."""
    assert any("--json" in parameter.opts for parameter in parameters(command))


def test_group_help_is_shown_without_arguments() -> None:
    """`repropack` alone shows its help, as a usage error: nothing was done."""
    alone, asked = inside(), inside("--help")
    assert (alone.code, asked.code) == (2, 0)
    assert alone.err.strip() == asked.out.strip()
    assert (alone.out, asked.err) == ("", "")


def test_version() -> None:
    """--version prints name and version on stdout."""
    done = inside("--version")
    assert (done.code, done.out) == (0, f"repropack, version {__version__}\n")


def test_help_names_every_exit_code() -> None:
    """Every code that a verdict or an error can end with is in the help."""
    from repropack import errors
    from repropack.cli import INTERRUPTED, UNEXPECTED

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.RepropackError)}
    listed = {int(line.split()[0]) for line in EXIT_CODES.splitlines()[2:] if line.strip()}
    assert codes | {0, 1, 6, 8, INTERRUPTED, UNEXPECTED} == listed


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["verfy"], "No such command 'verfy'"),
        (["verify", "--tolerence", "1"], "'--tolerance'"),
        (["verify", "--grid-factor", "nan"], "nan is not a number"),
        (["verify", "--grid-factor", "-1"], "0<=x<=5000"),
        (
            ["build", "--engine", "dokcer"],
            "'docker', 'podman', 'apptainer', 'charliecloud', 'venv'",
        ),
        (["plan", "two"], "unexpected extra argument (two)"),
        (["verify", "--tolerance"], "requires an argument"),
        (["verify", "--tolerance", "a bit"], "hint: write 0.5, or 1%"),
        (["verify", "--tolerance=-1"], "hint: write 0.5, or 1%"),
        (["verify", "--tolerance", "nan"], "hint: write 0.5, or 1%"),
        (["plan", "--as-of", "yesterday"], "hint: write 2024-05-01, or now"),
        (["plan", "--as-of", "2999-01-01"], "hint: write now"),
        (["build", "--tag", "Not A Name"], "--tag digits:camera-ready"),
        (["build", "--tag", "-rf"], "--tag digits:camera-ready"),
        (["build", "--tag", "x:$(id)"], "--tag digits:camera-ready"),
    ],
)
def test_usage_errors(arguments: list[str], hint: str, quickstart: Path) -> None:
    """A command line that makes no sense: exit code 2, a hint on stderr, nothing on stdout."""
    done = inside(*arguments[:1], quickstart, *arguments[1:])
    assert done.code == 2, done.said
    assert hint in done.err
    assert done.out == ""
    assert not (quickstart / ".repropack").exists()


@pytest.mark.parametrize(
    "tag", ["a", "digits:camera-ready", "registry.example:5000/a/b_c:1.0", "localhost:5000/x"]
)
def test_names_of_images(tag: str) -> None:
    """What an engine takes as the name of an image is a tag here too."""
    refuse_bad_tags((tag,))


def test_inspect_and_plan_print_json_alone(quickstart: Path) -> None:
    """With --json, stdout is one JSON document and nothing else; progress is on stderr."""
    inspected = inside("inspect", "--json", quickstart)
    planned = inside("plan", "--json", quickstart)
    assert (inspected.code, inspected.err) == (0, "")
    assert json.loads(inspected.out)["experiments"] == ["darts"]
    assert (planned.code, planned.err) == (0, "planning\n")
    assert [run["id"] for run in json.loads(planned.out)["runs"]] == ["darts"]


def test_plan_gives_every_decision_its_reason(digits: Path) -> None:
    """`plan` shows what was decided, and why, for a reader and for a program."""
    text, as_json = inside("plan", digits), inside("plan", "--json", digits)
    decisions = json.loads(as_json.out)["decisions"]
    assert {"python", "base", "environment"} <= {row["what"] for row in decisions}
    for row in decisions:
        assert f"{row['what']}: {row['value'] or 'none'}\n    because {row['because']}" in text.out


def test_init_prints_json(tmp_path: Path) -> None:
    """`init --json` says where the file is and which experiments it found."""
    directory = project(tmp_path / "p", {"train.py": "print('accuracy:', 0.5)\n"})
    done = inside("init", "--json", directory)
    found = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert found == {"path": str(directory / "repropack.yaml"), "experiments": ["train"]}


def test_doctor_without_an_engine(nowhere: dict[str, str]) -> None:
    """`doctor` on a machine without an engine: exit code 4, what is missing, what to type."""
    text, as_json = repropack("doctor", env=nowhere), repropack("doctor", "--json", env=nowhere)
    checks = {check["name"]: check for check in json.loads(as_json.out)}
    assert (text.code, as_json.code) == (4, 4)
    assert text.out.startswith("no engine: ")
    assert "hint: start it: sudo systemctl start docker" in text.out
    assert "--engine venv" in text.out
    assert not checks["engine"]["ok"] and checks["engine"]["needed"]
    assert {"git", "disk", "bootstrap"} <= set(checks)


@pytest.mark.parametrize("command", ["build", "verify"])
def test_no_engine(command: str, quickstart: Path, nowhere: dict[str, str]) -> None:
    """Without an engine: exit code 4, a hint, and no bundle."""
    done = repropack(command, "--json", quickstart, env=nowhere)
    assert done.code == 4, done.said
    assert "error: no container engine answers" in done.err
    assert "--engine venv" in done.err
    assert done.out == ""
    assert list((quickstart / ".repropack" / "bundles").glob("*")) == []


@pytest.mark.engine
def test_doctor_with_an_engine() -> None:
    """`doctor` with an engine names it: exit code 0."""
    done = repropack("doctor", "--json")
    assert done.code == 0, done.said
    assert {check["name"]: check["ok"] for check in json.loads(done.out)}["engine"]


@pytest.mark.engine
def test_build_and_verify_print_json_alone(quickstart: Path) -> None:
    """With --json, `build` and `verify` print one document; the steps are on stderr."""
    built = repropack("build", "--json", quickstart)
    verified = repropack("verify", "--json", quickstart)
    assert (built.code, verified.code) == (0, 0), built.said + verified.said
    assert json.loads(built.out)["image"]["tag"].startswith("repropack/quickstart:")
    assert json.loads(verified.out)["verdict"] == "reproduced"
    assert "running darts (1 of 1)\n" in verified.err


@pytest.mark.engine
@pytest.mark.parametrize(
    ("value", "code", "verdict"),
    [("3.14", 0, "reproduced"), ("3.9", 1, "not reproduced")],
)
def test_exit_code_is_the_verdict(value: str, code: int, verdict: str, quickstart: Path) -> None:
    """The exit code of `verify` is that of the verdict, which is the last line of its result."""
    config = (quickstart / "repropack.yaml").read_text()
    (quickstart / "repropack.yaml").write_text(config.replace('"3.14"', f'"{value}"'))
    done = repropack("verify", "--allow-dirty", quickstart)
    assert done.code == code, done.said
    assert done.out.strip().splitlines()[-1].startswith(verdict)


def test_docs_are_the_help(tmp_path: Path) -> None:
    """docs/cli.md is what `make docs` writes."""
    written = tmp_path / "cli.md"
    command = [sys.executable, str(ROOT / "tools" / "write_cli_docs.py"), str(written)]
    subprocess.run(command, check=True, env=environment())
    assert written.read_text("utf-8") == (ROOT / "docs" / "cli.md").read_text("utf-8")

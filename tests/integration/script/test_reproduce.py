"""What reproduce.sh does before it needs an engine, in every shell that a reviewer may have."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from repropack.bundle import checksums
from tests.conftest import commit_all
from tests.unit.bundle.made import SHELLS, make_bundle, reproduce, reseal, tool_directory

CONFIG = """
name: odd-names
experiments:
  e: {run: python e.py, metrics: {m: {stdout: 'm=(\\d+)'}}}
claims:
  - {id: first, metric: e.m, value: "1", source: "Table 1"}
  - {id: second, metric: e.m, value: "2"}
"""
NAMES = (
    "plain",
    "with space",
    "back\\slash",
    "-dash",
    "ünï",
    "*",
    "[x]",
    "it's",
    "a\tb",
    ".hidden",
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose source has odd names and links."""
    project = tmp_path_factory.mktemp("made") / "project"
    (project / "sub dir").mkdir(parents=True)
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("print('m=1')\n")
    for name in NAMES:
        (project / name).write_text(name)
    (project / "sub dir" / "link").symlink_to("../plain")
    (project / "zlink").symlink_to("./sub dir//link")
    (project / "zlink\tb").symlink_to("plain")
    (project / "-link").symlink_to("-dash")
    commit_all(project)
    return make_bundle(project, project.parent / "bundle").directory


@pytest.fixture
def bundle(original: Path, tmp_path: Path) -> Path:
    """A copy of it, in a directory whose name is hostile to careless scripts."""
    return Path(shutil.copytree(original, tmp_path / "-b ü $(x) 'q'", symlinks=True))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PATH with POSIX tools, and without any engine."""
    return tool_directory(tmp_path_factory.mktemp("path") / "bin")


def shell_or_skip(shell: tuple[str, ...]) -> tuple[str, ...]:
    """The shell, if this machine has it."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    return shell


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_untouched_bundle_needs_an_engine(shell: tuple[str, ...], bundle: Path, path: Path) -> None:
    """In every shell an untouched bundle passes its checks, and a missing engine is exit code 4."""
    done = reproduce(bundle, path=path, shell=shell_or_skip(shell))
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "no engine answers" in done.stderr and "hint: install Docker" in done.stderr
    assert not (bundle / "reproduction").exists()
    checksums.check(bundle)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize(
    "change",
    [
        "byte",
        "sums",
        "malformed",
        "cut",
        "added",
        "hidden",
        "special",
        "link",
        "new link",
        "removed",
    ],
)
def test_changed_bundle(change: str, shell: tuple[str, ...], bundle: Path, path: Path) -> None:
    """In every shell one byte, file or link that differs is exit code 7, before anything else."""
    spoil(bundle, change)
    done = reproduce(bundle, path=path, shell=shell_or_skip(shell))
    assert (done.returncode, done.stdout) == (7, ""), done.stderr
    assert "hint: get it again" in done.stderr


def spoil(bundle: Path, change: str) -> None:
    """Change one thing."""
    sums = bundle / checksums.SUMS
    if change == "byte":
        flip(bundle / "source" / "with space")
    elif change == "sums":
        sums.write_text(sums.read_text().replace("  judge.pyz", " *judge.pyz"))
    elif change == "malformed":
        sums.write_text("g" + sums.read_text()[1:])
    elif change == "cut":
        sums.write_text("".join(sums.read_text().splitlines(keepends=True)[:-3]))
        (bundle / "LINKS").unlink()
    elif change == "added":
        (bundle / "source" / "sub dir" / "new").write_text("x")
    elif change == "hidden":
        (bundle / "source" / ".new").write_text("")
    elif change == "special":
        subprocess.run(["mkfifo", bundle / "source" / "pipe"], check=True)
    elif change == "link":
        (bundle / "source" / "zlink").unlink()
        (bundle / "source" / "zlink").symlink_to("/etc/passwd")
    elif change == "new link":
        (bundle / "source" / "another").symlink_to("plain")
    else:
        (bundle / "source" / "-dash").unlink()


def flip(path: Path) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_every_file_counts(bundle: Path, path: Path) -> None:
    """One bit of any file (but the script that checks) is noticed, there and by repropack."""
    files = [p for p in checksums.walk(bundle) if not p.is_symlink() and p.stat().st_size]
    assert len(files) > 15
    for file in files:
        if file.name in ("reproduce.sh", checksums.SUMS):
            continue
        before = file.read_bytes()
        flip(file)
        assert reproduce(bundle, path=path).returncode == 7, file
        file.write_bytes(before)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--nonsense"], 2, "unknown argument: --nonsense"),
        (["--nonsense=1"], 2, "unknown argument: --nonsense=1"),
        (["extra"], 2, "unknown argument: extra"),
        (["-x"], 2, "unknown argument: -x"),
        ([""], 2, "unknown argument:"),
        (["--"], 2, "unknown argument: --"),
        (["--tolerance"], 2, "--tolerance needs a value"),
        (["--tolerance="], 2, "--tolerance needs a value"),
        (["--claim", ""], 2, "--claim needs a value"),
        (["--tolerance", "much"], 2, "not a tolerance: much"),
        (["--tolerance=-1"], 2, "not a tolerance: -1"),
        (["--tolerance", "1%%"], 2, "not a tolerance: 1%%"),
        (["--tolerance", "e"], 2, "not a tolerance: e"),
        (["--tolerance", "0.5\n1"], 2, "not a tolerance: 0.5"),
        (["--tolerance", "nan"], 2, "not a tolerance: nan"),
        (["--claim", "third"], 2, "the claims are: first second"),
        (["--claim", "first second"], 2, "there is no claim first second"),
        (["--claim", "$(touch pwned)"], 2, "there is no claim $(touch pwned)"),
        (["--engine", "rm"], 2, "unknown engine: rm"),
        (["--engine=docker; rm"], 2, "unknown engine: docker; rm"),
        (["--output", "/dev/null/x"], 2, "cannot write /dev/null/x"),
        (["--runs", "0"], 2, "--runs 0: this is not a number from 1"),
        (["--runs=1e3"], 2, "--runs 1e3: this is not a number from 1"),
        (["--jobs", "many"], 2, "--jobs many: this is not a number from 1, or auto"),
        (["--jobs=-1"], 2, "--jobs -1: this is not"),
        (["--only", "e\nf"], 2, "a line break in e"),
        (["--only="], 2, "--only needs a value"),
        (["--quick"], 2, "the authors declare no quick set"),
        (["--yes=1"], 2, "unknown argument: --yes=1"),
        (["--recorded", "--cpu"], 2, "--recorded runs nothing, so --cpu cannot be meant"),
        (["--runs", "2", "--recorded"], 2, "so --runs cannot be meant"),
        (
            ["--only", "$(touch pwned)", "--runs", "3", "--jobs", "auto", "--cpu", "-y"],
            4,
            "no engine",
        ),
        (["--only='e{a=b}'", "--jobs=2", "--resume", "--restart", "--yes"], 4, "no engine"),
        (["--tolerance", "1%", "--claim", "first", "--claim=second"], 4, "no engine"),
        (["--tolerance=.5", "--engine", "podman"], 4, "no engine"),
        (["--tolerance=1.e-3%", "--rebuild", "-o", "x y"], 4, "no engine"),
    ],
)
def test_arguments(
    arguments: list[str], code: int, told: str, bundle: Path, path: Path, tmp_path: Path
) -> None:
    """A wrong argument is exit code 2 with what would be right, and nothing is written."""
    before = sorted(tmp_path.rglob("*"))
    done = reproduce(bundle, *arguments, path=path, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_help(shell: tuple[str, ...], bundle: Path, path: Path) -> None:
    """--help tells every option and exit code on stdout, and does nothing."""
    done = reproduce(bundle, "--help", path=path, shell=shell_or_skip(shell))
    assert (done.returncode, done.stderr) == (0, "")
    words = "tolerance claim engine output rebuild help only runs quick cpu jobs resume restart yes"
    for word in words.split():
        assert f"  --{word}" in done.stdout
    codes = re.findall(r"\b([0-9]+) [a-z]", done.stdout.partition("exit codes:")[2])
    assert codes == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "75", "130"]


def test_nothing_claimed(bundle: Path, path: Path) -> None:
    """A bundle without claims says so, as `repropack verify` does (exit code 3)."""
    script = bundle / "reproduce.sh"
    script.write_text(script.read_text().replace("known_claims='first second'", "known_claims=''"))
    done = reproduce(bundle, path=path)
    assert (done.returncode, "claims nothing" in done.stderr) == (3, True)


def test_from_anywhere(bundle: Path, path: Path, tmp_path: Path) -> None:
    """It finds its bundle through links, relative paths, CDPATH, a dash in front, and no HOME."""
    links = tmp_path / "links"
    links.mkdir()
    (links / "direct").symlink_to(bundle / "reproduce.sh")
    (links / "relative").symlink_to(f"../{bundle.name}/reproduce.sh")
    (links / "-twice").symlink_to("relative")
    (links / "folder").symlink_to(bundle)
    calls = [
        (["links/direct"], tmp_path), (["links/relative"], tmp_path), (["./-twice"], links),
        (["sh", "links/relative"], tmp_path), (["sh", "--", "-twice"], links),
        (["sh", "reproduce.sh"], bundle), (["./reproduce.sh"], bundle),
        (["sh", "--", f"{bundle.name}/reproduce.sh"], tmp_path), (["folder/reproduce.sh"], links),
        ([str(bundle / "reproduce.sh")], Path("/")),
    ]  # fmt: skip
    nonsense = {
        "CDPATH": f"{tmp_path}:/", "GREP_OPTIONS": "--color=always -v", "POSIXLY_CORRECT": "1",
        "IFS": "/ ", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de", "GREP_COLORS": "mt=1",
    }  # fmt: skip
    for command, cwd in calls:
        for environment in ({}, nonsense):
            done = subprocess.run(
                command,
                cwd=cwd,
                env={"PATH": str(path), **environment},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 4, (command, done.stderr)
            assert done.stderr.startswith("checking the bundle\nerror: no engine answers")


def test_foreign_output(bundle: Path, path: Path, tmp_path: Path) -> None:
    """A directory with somebody's files is not used; an empty one, or one of its own, is."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "earlier" / "runs").mkdir(parents=True)
    (tmp_path / "earlier" / ".reproduction").write_text("")
    for name, code in (("mine", 2), ("file", 2), ("empty", 4), ("earlier", 4)):
        done = reproduce(bundle, "-o", name, path=path, cwd=tmp_path)
        assert done.returncode == code, (name, done.stderr)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "x"
    assert (tmp_path / "empty").is_dir()


def test_engine_that_does_not_answer(bundle: Path, tmp_path: Path) -> None:
    """Engines that hang or fail are told by name with their own words: exit code 4, in seconds."""
    engines = tmp_path / "engines"
    engines.mkdir()
    (engines / "docker").write_text("#!/bin/sh\nexec sleep 600\n")
    (engines / "podman").write_text("#!/bin/sh\necho 'permission denied: /run/x' >&2\nexit 1\n")
    for program in engines.iterdir():
        program.chmod(0o755)
    bin_ = tool_directory(tmp_path / "bin", engines / "docker", engines / "podman")
    script = bundle / "reproduce.sh"
    script.write_text(script.read_text().replace("answer_s=30 ", "answer_s=1 "))
    reseal(bundle)
    began = time.monotonic()
    done = reproduce(bundle, path=bin_)
    assert (done.returncode, time.monotonic() - began < 10) == (4, True)
    assert "docker is installed, but does not answer" in done.stderr
    assert "podman is installed, but does not answer: permission denied: /run/x" in done.stderr
    assert not (bundle / "reproduction").exists()

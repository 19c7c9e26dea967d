"""The reviewer's path: a bundle, an engine, and nothing of repropack."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repropack.bundle import checksums
from tests.integration.reviewer_probe import (
    NAME,
    Desk,
    containers,
    docker,
    make_desk,
    repropack,
    wrapped_docker,
)
from tests.integration.reviewer_probe import (
    record as read_record,
)
from tests.unit.bundle.made import SHELLS, reproduce, reseal

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The probe's bundle on a reviewer's desk; its image is there already."""
    made = make_desk(tmp_path_factory.mktemp("reviewer"))
    yield made
    with contextlib.suppress(subprocess.CalledProcessError):
        docker("rmi", "--no-prune", "-f", *docker("images", "-q", f"repropack/{NAME}").split())


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Every test here also proves that no container outlives it."""
    yield
    assert containers() == []


@pytest.mark.parametrize(
    ("claim", "code"),
    [("good", 0), ("wrong", 1), ("crash", 6), ("missing", 6), ("late", 6), ("noisy", 8)],
)
def test_same_table_and_code(claim: str, code: int, desk: Desk, tmp_path: Path) -> None:
    """reproduce.sh prints what `repropack verify` prints, byte for byte, with its exit code."""
    arguments = ("--claim", claim)
    here, there = tmp_path / "reviewer", tmp_path / "original"  # of one length: lines are folded
    author = repropack("verify", str(desk.project), *arguments, "-o", str(there))
    done = reproduce(desk.bundle, *arguments, "-o", str(here), path=desk.path)
    assert (done.returncode, author.returncode) == (code, code), done.stderr + author.stderr
    assert done.stdout == author.stdout.rstrip("\n").replace(there.name, here.name) + "\n"
    for name in ("report.txt", "report.md"):
        expected = (there / name).read_text().replace(there.name, here.name)
        assert (here / name).read_text() == expected
    assert "is already there" in done.stderr
    attested = [attestation(each) for each in (here, there)]
    assert attested[0] == attested[1]
    assert attested[0]["subject"][0]["name"] == "SHA256SUMS"
    assert len(attested[0]["subject"]) == 2  # and the image
    result = {0: "PASSED", 8: "WARNED"}.get(code, "FAILED")
    assert attested[0]["predicate"]["result"] == result


def attestation(output: Path) -> dict[str, Any]:
    """What is attested, but for the hash of the report: that tells where the logs are."""
    found: dict[str, Any] = json.loads((output / "attestation.json").read_text())
    report = hashlib.sha256((output / "report.json").read_bytes()).hexdigest()
    assert found["predicate"].pop("repropack_report")["digest"] == {"sha256": report}
    return found


def test_tolerance(desk: Desk, tmp_path: Path) -> None:
    """--tolerance overrides every claim's own, in the report too."""
    arguments = ("--claim=wrong", "--tolerance=100%", "-o", str(tmp_path))
    done = reproduce(desk.bundle, *arguments, path=desk.path)
    assert done.returncode == 0
    assert "100% given on the command line" in (tmp_path / "report.md").read_text().replace(
        "\\", ""
    )


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_shell(shell: tuple[str, ...], desk: Desk, tmp_path: Path) -> None:
    """The whole path works in every shell."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    arguments = ("--claim", "good", "-o", str(tmp_path / "o"))
    done = reproduce(desk.bundle, *arguments, path=desk.path, shell=shell)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "reproduced: 1 of 1 claims")


def test_results_are_the_callers(desk: Desk) -> None:
    """Results are the caller's own plain files, and a second call replaces those of the first."""
    for claim in ("crash", "good"):
        reproduce(desk.bundle, "--claim", claim, path=desk.path)
    output = desk.bundle / "reproduction"
    assert [path.name for path in (output / "runs").iterdir()] == ["good"]
    names = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert {"report.txt", "report.md", "report.json", "runs/good/log.txt"} < names
    assert not [path for path in output.rglob(".*") if path.name != ".reproduction"]
    for path in output.rglob("*"):
        state = path.lstat()
        assert (state.st_uid, state.st_gid) == (os.getuid(), os.getgid())
        assert stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)
        assert stat.S_IMODE(state.st_mode) in (0o644, 0o755)
    assert read_record(output, "good")["status"] == "ok"
    checksums.check(desk.bundle)


def test_lost_record(desk: Desk, tmp_path: Path) -> None:
    """A run that leaves no record is no evidence; the report says which, and stderr says why."""
    done = reproduce(desk.bundle, "--claim", "lost", "-o", str(tmp_path), path=desk.path)
    assert done.returncode == 6
    assert "lost: there is no record of this run" in done.stdout
    assert "lost: no record came back: the container was killed from outside" in done.stderr


def test_out_of_memory(desk: Desk, tmp_path: Path) -> None:
    """An experiment that is killed because memory ran out says so in the table: exit code 6."""
    limited = 'case $1 in create) shift; exec $docker create --memory 200m "$@" ;; esac'
    path = wrapped_docker(desk.path, f'{limited}\nexec $docker "$@"')
    done = reproduce(desk.bundle, "--claim", "hungry", "-o", str(tmp_path), path=path)
    assert done.returncode == 6
    assert "ran out of memory" in done.stdout.replace("\n    ", " ")


def test_gpu_that_is_not_there(desk: Desk, tmp_path: Path) -> None:
    """A run that needs a GPU fails before any run where there is none."""
    arguments = ("--claim", "gpu", "--claim", "good", "-o", str(tmp_path / "o"))
    done = reproduce(desk.bundle, *arguments, path=desk.path)
    assert (done.returncode, done.stdout) == (6, "")
    assert "these runs need one: gpu" in done.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(number: signal.Signals, desk: Desk, tmp_path: Path) -> None:
    """A signal stops the run at once; its record says so, and nothing is left: exit code 130."""
    output = tmp_path / "output"
    process = subprocess.Popen(
        [desk.bundle / "reproduce.sh", "--claim", "sleepy", "--output", output],
        env={"PATH": str(desk.path)}, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "asleep" in line:
            break
    volumes = mounted(containers()[0])
    began = time.monotonic()
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    told = process.communicate(timeout=60)[1]
    assert (process.returncode, time.monotonic() - began < 20) == (130, True), told
    assert read_record(output, "sleepy")["status"] == "interrupted"
    assert "interrupted" in told and not (output / "report.md").exists()
    left = docker("volume", "ls", "-q").split()
    assert len(volumes) == 2 and not set(volumes) & set(left)
    assert not list(output.glob(".work*"))


def mounted(container: str) -> list[str]:
    """The names of a container's volumes."""
    return docker("inspect", "-f", "{{range .Mounts}}{{.Name}} {{end}}", container).split()


def test_interrupted_build(desk: Desk, tmp_path: Path) -> None:
    """A signal during the build ends it at once, and leaves nothing half-written."""
    slow = 'case $1 in build) sleep 60 & wait $! ;; esac\nexec $docker "$@"'
    path = wrapped_docker(desk.path, slow)
    process = subprocess.Popen(
        [desk.bundle / "reproduce.sh", "--rebuild", "--claim", "good", "-o", tmp_path / "o"],
        env={"PATH": str(path)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "building" in line:
            break
    began = time.monotonic()
    process.terminate()
    process.communicate()
    assert (process.returncode, time.monotonic() - began < 10) == (130, True)
    assert not (tmp_path / "o").exists()


def test_dead_engine(desk: Desk, tmp_path: Path) -> None:
    """A daemon that cannot be reached is exit code 4, with docker's own words."""
    nowhere = "unix:///nonexistent/docker.sock"
    done = reproduce(
        desk.bundle, "-o", str(tmp_path), path=desk.path, environment={"DOCKER_HOST": nowhere}
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert "docker is installed, but does not answer: " in done.stderr
    assert "nonexistent" in done.stderr


def test_build_whose_steps_are_removed(desk: Desk, tmp_path: Path) -> None:
    """Where somebody removes the first steps of a build, it is done again, once."""
    said = "failed to export image: unknown parent image ID sha256:0"
    mark = tmp_path / "built"
    once = f'[ "$1" != build ] || [ -e {mark} ] || {{ :>{mark}; echo {said}; exit 1; }}'
    path = wrapped_docker(desk.path, f'{once}\nexec $docker "$@"')
    done = reproduce(desk.bundle, "--claim=good", "--rebuild", "-o", str(tmp_path / "o"), path=path)
    assert done.returncode == 0, done.stderr
    assert "building again" in done.stderr


def test_build_that_fails(desk: Desk, tmp_path: Path) -> None:
    """A build that fails is exit code 5 with the end of its log, and the log is kept."""
    bundle = Path(shutil.copytree(desk.bundle, tmp_path / "bundle", symlinks=True))
    dockerfile = bundle / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "RUN echo half-way && exit 3\n")
    script = bundle / "reproduce.sh"
    script.write_text(
        script.read_text().replace(f"tag='repropack/{NAME}:", f"tag='repropack/{NAME}:x")
    )
    reseal(bundle)
    before = set(docker("ps", "-aq", "--filter", "status=exited", "--filter", "exited=3").split())
    for _ in range(2):  # the log of the first is no foreign file to the second
        done = reproduce(bundle, "--claim", "good", path=desk.path)
        assert (done.returncode, done.stdout) == (5, "")
        assert "half-way" in done.stderr
        assert "half-way" in (bundle / "reproduction" / "build.log").read_text()
    left = set(docker("ps", "-aq", "--filter", "status=exited", "--filter", "exited=3").split())
    assert left <= before


def test_build_has_no_network_and_leaves_no_stage(desk: Desk, tmp_path: Path) -> None:
    """The build is called with the network off, and the installer's stage is not left behind."""
    log = tmp_path / "log"
    path = wrapped_docker(desk.path, f'printf "%s\\n" "$*" >>"{log}"\nexec $docker "$@"')
    arguments = ("--rebuild", "--claim", "good", "-o", str(tmp_path / "o"))
    done = reproduce(desk.bundle, *arguments, path=path)
    assert done.returncode == 0, done.stderr
    builds = [line for line in log.read_text().splitlines() if line.startswith("build ")]
    assert len(builds) == 1 and builds[0].startswith("build --network none ")
    unique = builds[0].partition("BUILD=")[2].split()[0]
    filters = ("--filter", "dangling=true", "--filter", f"label=repropack.build={unique}")
    assert docker("images", "-q", *filters) == ""


def test_replaced_image_is_removed(desk: Desk, tmp_path: Path) -> None:
    """The image that had the tag before is removed, unless somebody gave it another name."""
    tag = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"repropack/{NAME}").split()[0]
    for kept in (False, True):
        docker(
            "build",
            "-q",
            "-t",
            tag,
            "--label",
            f"earlier={kept}",
            str(empty_context(tmp_path, tag)),
        )
        earlier = docker("inspect", "-f", "{{.Id}}", tag)
        if kept:
            docker("tag", tag, f"repropack/{NAME}:kept")
        arguments = ("--claim", "good", "-o", str(tmp_path / "o"))
        assert reproduce(desk.bundle, *arguments, path=desk.path).returncode == 0
        there = subprocess.run(["docker", "image", "inspect", earlier], capture_output=True)
        assert (there.returncode == 0) is kept


def empty_context(directory: Path, image: str) -> Path:
    """A context for an image that is another one by a label alone."""
    (directory / "Dockerfile").write_text(f"FROM {image}\nLABEL repropack.bundle=another\n")
    return directory


def test_lost_modes(desk: Desk, tmp_path: Path) -> None:
    """A bundle that was unpacked with a strict umask gives the same image contents."""
    bundle = Path(shutil.copytree(desk.bundle, tmp_path / "bundle", symlinks=True))
    for path in [bundle, *bundle.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o077)
    arguments = ("--rebuild", "--claim", "good", "-o", str(tmp_path / "o"))
    done = reproduce(bundle, *arguments, path=desk.path)
    assert done.returncode == 0, done.stderr + done.stdout


def test_another_user_and_a_bundle_that_cannot_be_written(desk: Desk) -> None:
    """Someone without rights on the bundle builds from a copy, and owns what comes out."""
    if os.getuid() != 0:
        pytest.skip("needs root, to become somebody else")
    with tempfile.TemporaryDirectory(prefix="repropack reviewer ") as name:
        place = Path(name)
        place.chmod(0o755)
        bundle = Path(shutil.copytree(desk.bundle, place / "bundle", symlinks=True))
        shutil.rmtree(bundle / "reproduction", ignore_errors=True)
        path = Path(shutil.copytree(desk.path, place / "bin", symlinks=True))
        (place / "home").mkdir()
        os.chown(place / "home", 65534, 65534)
        group = Path("/var/run/docker.sock").stat().st_gid
        become = ["setpriv", "--reuid=65534", "--regid=65534", f"--groups={group}"]

        def call(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*become, str(bundle / "reproduce.sh"), "--claim", "good", *arguments],
                env={"PATH": f"{path}:/usr/bin"}, cwd=place / "home", text=True,
                capture_output=True,
            )  # fmt: skip

        refused = call()
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "hint: name another directory with --output" in refused.stderr
        done = call("--rebuild", "--output", "results")
        assert (done.returncode, "building from a copy" in done.stderr) == (0, True), done.stderr
        found = list((place / "home" / "results").rglob("*"))
        assert len(found) > 5 and {p.stat().st_uid for p in found} == {65534}


def test_other_packages_in_the_base(desk: Desk, tmp_path: Path) -> None:
    """A base of other package versions than the authors' is told by both, with their names."""
    bundle = Path(shutil.copytree(desk.bundle, tmp_path / "bundle", symlinks=True))
    record = bundle / "base.debs.tsv"
    lines = record.read_text().splitlines(keepends=True)
    number = next(i for i, line in enumerate(lines) if line.startswith("bash\t"))
    lines[number] = f"bash\t4.0-1\tamd64\t{'0' * 64}\n"
    record.write_text("".join(lines))
    raw = json.loads((bundle / "repropack.json").read_text())
    raw["base"]["packages_sha256"] = hashlib.sha256(record.read_bytes()).hexdigest()
    (bundle / "repropack.json").write_text(json.dumps(raw))
    reseal(bundle)
    done = reproduce(bundle, "--claim=good", "-o", str(tmp_path / "o"), path=desk.path)
    assert done.returncode == 0, done.stderr
    assert "- bash 4.0-1 amd64\n+ bash 5" in done.stderr
    assert (tmp_path / "o" / "base-differences.txt").read_text().startswith("- bash 4.0-1 amd64\n")
    facts = read_record(tmp_path / "o", "good")["facts"]
    assert isinstance(facts, dict) and facts["base"] == "packages that differ: 1"
    options = ("--claim=good", "--allow", "gpu", "-o", str(tmp_path / "again"))
    again = repropack("verify", str(bundle), *options)
    assert again.returncode == 0, again.stderr
    assert "bash 4.0-1 is 5" in again.stderr
    told = json.loads((tmp_path / "again" / "report.json").read_text())["base"]["differences"]
    assert len(told) == 1

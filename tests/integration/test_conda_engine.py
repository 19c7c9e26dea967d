"""A conda environment from its environment.yml to a verdict, in a container and without one."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.driver import project, remove_images, repropack
from tests.conda.channel import (
    MINOR,
    VERSION,
    CondaFile,
    Made,
    distribution_package,
    make_channel,
    python_package,
    served,
)
from tests.unit.bundle.made import reproduce, tool_directory

pytestmark = [pytest.mark.engine, pytest.mark.network]

NAME = "conda-probe"
ENVIRONMENT = f"""\
name: paper
channels:
  - {{channel}}
  - nodefaults
dependencies:
  - python={MINOR}
  - markupsafe
  - markdown-it-py
  - plain
  - active
  - pip:
      - itsdangerous<2.2
variables:
  PAPER: "7"
prefix: /home/somebody/envs/paper
"""
CONFIG = """\
name: conda-probe
experiments:
  probe:
    run: python probe.py
    metrics:
      answer: {json: facts.json, key: answer}
claims:
  - {id: answer, metric: probe.answer, value: "42"}
"""
PROBE = f"""
import itsdangerous, json, markupsafe, os, shutil, subprocess, sys
from importlib.metadata import version

assert sys.version.split()[0] == {VERSION!r}, sys.version
assert os.environ["CONDA_PREFIX"] == sys.prefix, (os.environ["CONDA_PREFIX"], sys.prefix)
assert os.environ["PAPER"] == "7"
assert version("itsdangerous") < "2.2" and version("markupsafe")
assert markupsafe._speedups.__file__.startswith(sys.prefix)
assert os.environ["ACTIVE_HOME"] == sys.prefix + "/share/active" and "OWN" not in os.environ
assert os.environ["LISTED"] == "yes" and os.environ["PATH"].startswith(sys.prefix + "/active:")
assert os.environ["LATER"] == "7 yes" and os.environ["LANG"] == "C.UTF-8"
assert open(sys.prefix + "/etc/plain").read().strip() == sys.prefix
script = shutil.which("markdown-it")
assert script.startswith(sys.prefix), script
assert subprocess.run([script, "--version"], stdout=subprocess.PIPE).returncode == 0
json.dump({{"answer": 42}}, open("facts.json", "w"))
"""

#: A package that sets variables when its environment is activated, one script after the other.
ACTIVE = {
    "etc/conda/activate.d/1_active.sh": CondaFile(
        data=b'OWN=1; SEVEN=7\nexport ACTIVE_HOME="${CONDA_PREFIX}/share/active"\n'
        b'export PATH="$CONDA_PREFIX/active:$PATH"\nexport LANG=de_DE.UTF-8\necho words\nfalse\n'
    ),
    "etc/conda/activate.d/2_later.sh": CondaFile(data=b'export LATER="$SEVEN $LISTED"\n'),
    "etc/conda/deactivate.d/active.sh": CondaFile(data=b"unset ACTIVE_HOME\n"),
    "etc/conda/env_vars.d/active.json": CondaFile(data=b'{"LISTED": "yes"}'),
}


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose channel is a directory of real packages."""
    directory = tmp_path_factory.mktemp("conda")
    placeholder = "/opt/placehold_placehold_placehold"
    text = CondaFile(data=f"{placeholder}\n".encode(), placeholder=placeholder)
    packages = (
        python_package(),
        distribution_package("markupsafe"),
        distribution_package("markdown-it-py", depends=("python >=3.8", "mdurl")),
        distribution_package("mdurl"),
        Made(name="plain", version="1", files={"etc/plain": text}, extension=".tar.bz2"),
        Made(name="active", version="1", files=ACTIVE),
    )
    channel = make_channel(directory / "channel", packages)
    files = {
        "environment.yml": ENVIRONMENT.format(channel=channel.as_uri()),
        "repropack.yaml": CONFIG,
        "probe.py": PROBE,
    }
    yield project(directory / "paper", files)
    remove_images(NAME)


def test_an_environment_yml_is_reproduced(paper: Path, tmp_path: Path) -> None:
    """Solved, fetched, built with the network off, run: conda's packages, and pip's on top."""
    bundle = tmp_path / "bundle"
    done = repropack("build", paper, "-o", bundle, timeout_s=300)
    assert done.code == 0, done.said
    done = repropack("verify", bundle, "-o", tmp_path / "runs")
    assert (done.code, "reproduced: 1 of 1 claims" in done.out) == (0, True), done.said
    assert not (tmp_path / "bundle.conda-lock.yml").exists()  # its channel is of this machine
    for path in filter(Path.is_file, (*bundle.glob("*"), *bundle.glob("tools/*.py"))):
        assert str(paper.parent) not in path.read_text("utf-8", "replace"), path


def test_without_a_container(paper: Path, tmp_path: Path) -> None:
    """The venv engine links the same packages into a prefix of its own."""
    done = repropack("verify", paper, "--engine", "venv", "-o", tmp_path / "runs", timeout_s=300)
    assert (done.code, "reproduced: 1 of 1 claims" in done.out) == (0, True), done.said


@pytest.mark.slow
def test_a_reviewer_needs_only_an_engine(paper: Path, tmp_path: Path) -> None:
    """reproduce.sh fetches in the base, where the host has no Python, and builds and judges.

    The channel is a public one by its name, and the mirror that is asked stands in no file.
    """
    channel = f"channel-{uuid.uuid4().hex}"  # one whose answers no other session remembers
    (paper.parent / channel).symlink_to("channel")
    text = ENVIRONMENT.format(channel=channel)
    files = {name: (paper / name).read_bytes() for name in ("repropack.yaml", "probe.py")}
    named = project(tmp_path / "named", {**files, "environment.yml": text})
    bundle = tmp_path / "bundle"
    engine = shutil.which("docker")
    assert engine is not None
    with served(paper.parent) as mirror:
        settings = {"CONDA_CHANNEL_ALIAS": mirror}
        built = repropack("build", named, "-o", bundle, env=settings, timeout_s=300)
        assert built.code == 0, built.said
        assert not (bundle / "conda").exists()
        assert mirror not in (bundle / "conda-explicit.txt").read_text()
        remove_images(NAME)
        path = tool_directory(tmp_path / "bin", Path(engine))
        done = reproduce(bundle, "-o", str(tmp_path / "out"), path=path, environment=settings)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("fetching in a container") == 2
    assert "reproduced: 1 of 1 claims" in done.stdout

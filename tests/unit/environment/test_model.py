from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.tags import sys_tags

from repropack.environment import Target, normalise
from repropack.environment.downloading import pip_command
from repropack.environment.target import full_version, marker_environment, marker_holds, tags_of


def test_tags_are_those_of_a_real_interpreter() -> None:
    """For the machine that runs the tests, the tags are the interpreter's own, in its order."""
    libc = subprocess.run(
        [sys.executable, "-c", "import os; print(os.confstr('CS_GNU_LIBC_VERSION'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[1]
    major, minor = (int(part) for part in libc.split("."))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = Target(python=python, glibc=(major, minor))
    own = [str(tag) for tag in sys_tags()]
    assert [str(tag) for tag in tags_of(target)] == own


def test_the_marker_environment_has_every_key() -> None:
    """Every variable that a marker may use has a value of the right type."""
    assert marker_environment(Target(python="3.11")).keys() == default_environment().keys()


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("python_full_version >= '3.11.2'", True),
        ("python_version == '3.11'", True),
        ("sys_platform == 'linux' and platform_system == 'Linux'", True),
        ("os_name == 'nt' or platform_machine == 'aarch64'", False),
        ("implementation_name == 'pypy'", False),
        ("extra == 'dev'", False),
    ],
)
def test_markers_see_the_target(marker: str, expected: bool) -> None:
    """Markers are answered for CPython on Linux of the target's version."""
    assert marker_holds(marker, Target(python="3.11.2")) is expected


def test_a_target_knows_the_glibc_of_its_release() -> None:
    """Each Debian release has its own; an unknown one is taken for the default."""
    assert Target.of("3.9", "bullseye").glibc == (2, 31)
    assert Target.of("3.13", "trixie").glibc == (2, 41)
    assert Target.of("3.12", None).glibc == (2, 36)


@pytest.mark.parametrize(
    "name", ["Scikit_Learn", "scikit.learn", "SCIKIT--learn", "scikit-_.learn"]
)
def test_names_are_normalised(name: str) -> None:
    """One distribution has one name."""
    assert normalise(name) == "scikit-learn"


def test_importing_the_stage_is_light() -> None:
    """No command pays for packaging, pip or uv that does not use them."""
    code = "import sys, repropack.environment; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"packaging", "pip", "uv", "importlib.metadata"} & set(done)


@pytest.mark.parametrize(
    ("python", "full"),
    [
        ("3.11", "3.11.2"),  # Debian's
        ("3.7", "3.7.17"),  # the last one
        ("3.7.4", "3.7.4"),
        ("3.99", "3.99.0"),
    ],
)
def test_a_python_without_its_patch_is_that_of_its_base(python: str, full: str) -> None:
    """Packages exclude patches (`>=3.7.1`), and pip and uv take 3.7 for 3.7.0."""
    target = Target(python=python)
    assert full_version(target) == full
    command = pip_command(target, Path("wheels"))
    assert command[command.index("--python-version") + 1] == full

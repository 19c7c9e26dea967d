"""Source distributions, read and never run: what a package needs that has no wheel."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from repropack.environment.sdists import (
    Archive,
    is_static,
    listed_requirements,
    readable,
    requirements_of,
    without_wheels,
)
from repropack.errors import InvalidError

STATED = "Metadata-Version: 2.1\nName: x\nRequires-Dist: numpy (>=1.0)\nRequires-Dist: six\n\nWords"
OLD = "Metadata-Version: 1.1\nName: x\n"
NEW = "Metadata-Version: 2.2\nName: x\n"
LISTED = """numpy>=1.10
six

[:python_version < "3"]
enum34

[docs]
sphinx; python_version > "3"

[plot:sys_platform == "linux"]
matplotlib
"""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"PKG-INFO": STATED, "setup.py": "raise SystemExit"}, ["numpy (>=1.0)", "six"]),
        ({"PKG-INFO": NEW, "setup.py": "import this"}, []),
        ({"PKG-INFO": OLD, "x.egg-info/requires.txt": "six\n"}, ["six"]),
        ({"PKG-INFO": OLD, "src/x.egg-info/requires.txt": "six\n"}, ["six"]),
        ({"PKG-INFO": OLD, "x.egg-info/SOURCES.txt": ""}, []),
        ({"PKG-INFO": OLD, "setup.py": "setup(name='x', install_requires=['six'])"}, ["six"]),
    ],
)
def test_what_it_needs(files: dict[str, str], expected: list[str]) -> None:
    """Metadata counts first, then what setuptools left beside it, then the setup files as text."""
    assert list(requirements_of(Archive(files=files), "x")) == expected


def test_requirements_that_are_computed() -> None:
    """Where only running the code would tell, it is refused."""
    files = {"PKG-INFO": OLD, "setup.py": "setup(install_requires=open('r').read().split())"}
    with pytest.raises(InvalidError):
        list(requirements_of(Archive(files=files), "x"))


def test_sections_become_markers() -> None:
    """Extras and markers of requires.txt are markers of the standard."""
    assert list(listed_requirements(LISTED)) == [
        "numpy>=1.10",
        "six",
        'enum34 ; (python_version < "3")',
        'sphinx ; (python_version > "3") and extra == "docs"',
        'matplotlib ; (sys_platform == "linux") and extra == "plot"',
    ]


@pytest.mark.parametrize(
    ("version", "dynamic", "expected"),
    [
        ("2.1", [], False),
        ("2.2", [], True),
        ("2.4", ["Version"], True),
        ("2.2", ["Requires-Dist"], False),
        (None, [], False),
        ("x", [], False),
    ],
)
def test_metadata_that_counts(version: str | None, dynamic: list[str], expected: bool) -> None:
    """From version 2.2 on the metadata of a source distribution is that of what is built of it."""
    assert is_static(version, dynamic) is expected


def test_an_extra_that_nothing_can_read() -> None:
    """An old extra with a version that the standard does not know is left out; a need is not."""
    assert list(readable(['opencv-python>=3. ; extra == "all"', "six"], "x")) == ["six"]
    with pytest.raises(InvalidError, match="which nothing can read"):
        list(readable(["opencv-python>=3."], "requirements.txt:1: gym==0.18"))


def test_archives(tmp_path: Path) -> None:
    """Tar and zip archives give their small text files, without their one directory."""
    files = {"x-1/PKG-INFO": OLD, "x-1/x.egg-info/requires.txt": "six\n", "x-1/data.bin": "no"}
    with tarfile.open(tmp_path / "x-1.tar.gz", "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    with zipfile.ZipFile(tmp_path / "x-1.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    (tmp_path / "x-1.tar.bz2").write_text("no archive")
    for name in ("x-1.tar.gz", "x-1.zip"):
        found = Archive.read(tmp_path / name)
        assert found.files == {"PKG-INFO": OLD, "x.egg-info/requires.txt": "six\n"}
    with pytest.raises(InvalidError, match="no archive of sources"):
        Archive.read(tmp_path / "x-1.tar.bz2")


def test_what_uv_could_not_take() -> None:
    """The names of packages without wheels are read from uv's hints, each once."""
    hint = "hint: Wheels are required for `{}` because building from source is disabled for all\n"
    said = hint.format("gym") + hint.format("termcolor") + hint.format("gym")
    assert without_wheels(said) == ("gym", "termcolor")
    assert without_wheels("No solution found") == ()

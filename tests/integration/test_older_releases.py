"""Releases that wheels alone would pass over, for real: uv and pip, against local files."""

from __future__ import annotations

import io
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repropack.environment import Lock, Target, resolve
from tests.integration.packages import Files, at
from tests.unit.environment.wheelhouse import TARGET, make_wheel, sha256

OTHER = "cp310-cp310-manylinux_2_17_x86_64"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index that is a directory, and all that pip and uv know of."""
    for name in ("PIP_CONSTRAINT", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "index").as_uri())
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


def list_files(index: Path) -> None:
    """The pages of an index, with hashes."""
    for package in index.iterdir():
        files = [each for each in sorted(package.iterdir()) if each.name != "index.html"]
        (package / "index.html").write_text(
            "".join(f'<a href="{f.name}#sha256={sha256(f)}">{f.name}</a><br>' for f in files)
        )


def make_sdist(index: Path, name: str, version: str, setup: str = "") -> None:
    """A source distribution that says what it needs, or has a script that computes it."""
    files = {"PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n"}
    if setup:
        files = {"PKG-INFO": files["PKG-INFO"].replace("2.2", "1.0"), "setup.py": setup}
    (index / name).mkdir(exist_ok=True)
    with tarfile.open(index / name / f"{name}-{version}.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))


def lock(text: str, cache: Path, target: Target = TARGET) -> Lock:
    """A list of requirements, resolved as of today."""
    return resolve(Files(r_txt=text), "r.txt", target=target, as_of=at(None), cache=cache)


def pins(locked: Lock) -> dict[str, bool]:
    """Each package with its version, and whether it is built."""
    return {str(item): item.origin is not None for item in locked.requirements}


def said(locked: Lock) -> list[tuple[str, str]]:
    """What there is to say of older releases, with its place."""
    return [
        (finding.because, str(finding.where))
        for finding in locked.findings
        if finding.kind == "environment.older"
    ]


def test_a_release_whose_dependency_is_sources_alone_is_taken(index: Path, tmp_path: Path) -> None:
    """pip would have built that dependency, so it is built, and no older release is taken."""
    make_wheel(index / "app", "app", "1.0")
    make_wheel(index / "app", "app", "2.0", requires=("future",))
    make_sdist(index, "future", "0.18")
    list_files(index)
    locked = lock("app\n", tmp_path / "cache")
    assert pins(locked) == {"app==2.0": False, "future==0.18": True} and not said(locked)


def test_a_release_that_is_sources_alone_here_is_told(index: Path, tmp_path: Path) -> None:
    """It has a wheel for another Python: the older one is taken, and the author hears of it."""
    make_wheel(index / "app", "app", "1.0")
    make_wheel(index / "app", "app", "2.0", tag=OTHER)
    make_sdist(index, "app", "2.0")
    list_files(index)
    for _ in range(2):  # the second answer is remembered
        locked = lock("# one\napp\n", tmp_path / "cache")
        assert pins(locked) == {"app==1.0": False}
        assert said(locked) == [
            (
                "app 2.0 is newer, but it has no wheel for Python 3.11 (pin app==2.0 to have it "
                "built)",
                "r.txt:2",
            )
        ]
    target = Target(python="3.11", from_sources=True)
    assert pins(lock("app\n", tmp_path / "cache", target)) == {"app==2.0": True}


def test_what_cannot_be_known_without_running_it_is_left(index: Path, tmp_path: Path) -> None:
    """A dependency that would have to be run is no reason to refuse what worked without it."""
    make_wheel(index / "app", "app", "1.0")
    make_wheel(index / "app", "app", "2.0", requires=("odd",))
    setup = "from setuptools import setup\nimport os\nsetup(install_requires=os.listdir('.'))\n"
    make_sdist(index, "odd", "1.0", setup)
    list_files(index)
    locked = lock("app\n", tmp_path / "cache")
    assert pins(locked) == {"app==1.0": False}
    assert "it needs odd, which has no wheel for Python 3.11" in said(locked)[0][0]


def test_what_requirements_exclude_is_not_older(index: Path, tmp_path: Path) -> None:
    """A release that another requirement does not admit was not passed over."""
    make_wheel(index / "app", "app", "1.0")
    make_wheel(index / "app", "app", "2.0", requires=("future",))
    make_wheel(index / "user", "user", "1.0", requires=("app<2",))
    make_sdist(index, "future", "0.18")
    list_files(index)
    locked = lock("app\nuser\n", tmp_path / "cache")
    assert pins(locked) == {"app==1.0": False, "user==1.0": False} and not said(locked)


@pytest.mark.network
def test_torch_of_2020_is_the_one_that_pip_took(tmp_path: Path) -> None:
    """torch 1.5.1 needs `future`, of which the index has sources alone; 1.4.0 needs nothing."""
    target = Target(python="3.8", glibc=(2, 31))
    as_of = at(datetime(2020, 7, 1, tzinfo=UTC))
    source = Files(r_txt="torch\n")
    locked = resolve(source, "r.txt", target=target, as_of=as_of, cache=tmp_path)
    assert {"torch==1.5.1": False, "future==0.18.2": True}.items() <= pins(locked).items()

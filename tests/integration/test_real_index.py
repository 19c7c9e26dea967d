"""Resolving and fetching for real, against the machine's own index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repropack.environment import Target, resolve, tools
from repropack.environment.failures import SourcesOnlyError
from repropack.errors import InvalidError, OtherPythonError
from tests.integration.packages import Files, ask, at, cache, get, refused, silent
from tests.unit.environment.wheelhouse import lock, requirement

__all__ = ["cache"]  # fixtures

DATE = datetime(2024, 5, 1, 12, tzinfo=UTC)
REAL = ("numpy", "scikit-learn", "pyyaml", "cryptography", "click", "pillow")


@pytest.mark.network
def test_resolving_as_of_a_date_gives_that_days_versions(cache: Path) -> None:
    """A commit of May 2024 gets the releases of that day, and they can be fetched."""
    locked = ask(Files(r_txt="scikit-learn\nnumpy"), cache, DATE)
    versions = {r.name: r.version for r in locked.requirements}
    assert versions["numpy"] == "1.26.4" and versions["scikit-learn"] == "1.4.2"
    assert "as of 2024-05-01, the commit's date" in locked.because
    assert len(get(locked, cache)) == len(versions)


@pytest.mark.network
def test_what_did_not_exist_on_the_date_is_told(cache: Path) -> None:
    """The name, when it came out, and the option that takes it."""
    with pytest.raises(InvalidError) as raised:
        ask(Files(r_txt="numpy\nscikit-learn>=1.5\n"), cache, DATE)
    assert "r.txt:2: nothing satisfies the requirements as of 2024-05-01" in raised.value.what
    assert "scikit-learn" in (raised.value.hint or "")
    assert "came out later" in (raised.value.hint or "") and "--as-of now" in str(raised.value.hint)


@pytest.mark.network
def test_the_wheel_chosen_is_the_one_that_pip_chooses(cache: Path, tmp_path: Path) -> None:
    """For the machine that runs the tests, pip without any option is the oracle."""
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    glibc = tuple(int(part) for part in libc.split()[1].split("."))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = Target(python=python, glibc=(glibc[0], glibc[1]))
    locked = resolve(
        Files(r_txt="\n".join(REAL)), "r.txt", target=target, as_of=at(DATE), cache=cache
    )
    ours = {wheel.filename for wheel in get(locked, cache, target)}
    manifest = tmp_path / "plain.txt"
    manifest.write_text("\n".join(map(str, locked.requirements)))
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-r", str(manifest)]
    subprocess.run([*command, "-d", str(tmp_path / "plain")], check=True)
    assert ours == {path.name for path in (tmp_path / "plain").iterdir()}


@pytest.mark.network
def test_what_needs_a_later_patch_of_python_is_resolved(cache: Path) -> None:
    """pandas 1.2.4 is for 3.7.1 and later: every base with 3.7 has a later patch than that."""
    began = at(datetime(2021, 6, 1, tzinfo=UTC))
    source = Files(r_txt="pandas<1.2.5\n")
    locked = resolve(source, "r.txt", target=Target(python="3.7"), as_of=began, cache=cache)
    assert "pandas==1.2.4" in map(str, locked.requirements)


@pytest.mark.network
def test_packages_without_wheels_are_resolved_by_their_sources(cache: Path) -> None:
    """Where wheels are not all there is, sources stand in, and their own needs are resolved."""
    target = Target(python="3.9", glibc=(2, 31), from_sources=True)
    source = Files(r_txt="termcolor==1.1.0\nnetworkx==2.2\n")
    began = at(datetime(2021, 6, 1, tzinfo=UTC))
    locked = resolve(source, "r.txt", target=target, as_of=began, cache=cache)
    found = {str(item): item.origin is not None for item in locked.requirements}
    assert found == {"decorator==5.0.9": False, "networkx==2.2": True, "termcolor==1.1.0": True}
    assert all(item.hashes for item in locked.requirements)
    wheels = replace(target, from_sources=False)  # no Python has a wheel of these either
    assert resolve(source, "r.txt", target=wheels, as_of=began, cache=cache) == locked
    others = Files(r_txt="termcolor==1.1.0\nscipy==1.1.0\n")
    with pytest.raises(OtherPythonError, match="has no usable wheels"):
        resolve(others, "r.txt", target=wheels, as_of=began, cache=cache)


@pytest.mark.network
def test_the_tools_are_what_is_pinned(cache: Path) -> None:
    """uv and pip exist with exactly these hashes, for every Python that a base may have."""
    for python in ("3.9", "3.13"):
        assert [w.name for w in tools(cache, Target(python=python), silent)] == ["pip", "uv"]


@pytest.mark.network
def test_packages_that_the_index_does_not_have_are_invalid(cache: Path) -> None:
    """A version that is not there and a package that is only a source distribution are told."""
    error = refused(lock(requirement("six", "99.9", "a" * 64)), cache)
    assert isinstance(error, InvalidError) and "six has no version 99.9" in error.what
    error = refused(lock(requirement("sklearn", "0.0.post12", "a" * 64)), cache)
    assert isinstance(error, SourcesOnlyError)
    assert "no wheel for sklearn==0.0.post12" in error.what
    assert "there is a source distribution" in error.what


@pytest.mark.network
def test_an_address_in_the_lock_is_used_where_the_index_has_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that names another place is fetched from there, and its hash still counts."""
    locked = ask(Files(r_txt="six==1.16.0"), cache, DATE)
    (hashed,) = (
        value for value in locked.requirements[0].hashes if value.startswith("sha256:8abb2f1d")
    )
    address = address_of("six", "1.16.0")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "empty").as_uri())
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    by_address = requirement("six", "1.16.0", hashed.removeprefix("sha256:"), url=address)
    (wheel,) = get(lock(by_address), cache)
    assert wheel.filename == "six-1.16.0-py2.py3-none-any.whl"


def address_of(name: str, version: str) -> str:
    """Where the machine's index has a wheel, as pip's own report tells."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "-q"]
    command += ["--no-deps", "--report", "-", f"{name}=={version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["install"][0]["download_info"]["url"])

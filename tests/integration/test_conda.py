"""Conda for real: rattler solves, packages are fetched and installed, from a channel made here."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from repropack.conda import (
    conda_lock_text,
    explicit_text,
    fetch_conda,
    place_conda,
    programs,
    provide,
    sums_text,
)
from repropack.conda.channels import default_alias
from repropack.environment import AsOf, Lock, Target, resolve
from repropack.errors import IntegrityError, InvalidError, RepropackError, TemporaryError
from tests.conda.channel import CondaFile, Made, make_channel, served
from tests.integration.packages import PIP_LIMITS
from tests.unit.environment.wheelhouse import make_wheel

TARGET = Target(python="3.11")
YEARS = {year: int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in range(2018, 2025)}
NOW = AsOf(time=None, because="asked now")


def small(name: str, version: str, year: int = 2019, **changes: object) -> Made:
    """A package with one file."""
    options = {
        "name": name,
        "version": version,
        "timestamp_s": YEARS[year],
        "files": {f"etc/{name}": CondaFile(data=version.encode())},
    }
    return Made(**{**options, **changes})  # type: ignore[arg-type]


PACKAGES = (
    small("python", "3.8.20", 2018),
    small("python", "3.9.18", 2021),
    small("numpy", "1.19", 2020, depends=("python 3.8.*",), build="py38_0"),
    small("numpy", "1.26", 2023, depends=("python 3.9.*",), extension=".tar.bz2"),
    small("needs", "1", depends=("numpy >1.1",)),
    small("driver", "1", 2019, depends=("__cuda >=11",)),
    small("glibc-new", "1", 2019, depends=("__glibc >=2.99",)),
)


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel of small packages; tests do not change it."""
    return make_channel(tmp_path_factory.mktemp("channels") / "forge", PACKAGES)


def lock_of(text: str, cache: Path, as_of: AsOf = NOW, name: str = "environment.yml") -> Lock:
    """The lock of one file."""

    class Source:
        def has(self, path: str) -> bool:
            return path == name

        def read_text(self, path: str) -> str:
            return {name: text}[path]

    return provide(Source(), name, TARGET, as_of=as_of, cache=cache)


def year(number: int) -> AsOf:
    """The first day of a year."""
    return AsOf(time=datetime(number, 1, 1, tzinfo=UTC), because="the test says so")


def environment(channel: Path | str, *specs: str) -> str:
    """An environment.yml."""
    url = channel if isinstance(channel, str) else channel.as_uri()
    return f"channels:\n- {url}\ndependencies:\n" + "".join(f"- {spec}\n" for spec in specs)


def silent(line: str) -> None:
    """No progress."""


@pytest.mark.parametrize(
    ("number", "numpy", "python"), [(2022, "1.19", "3.8.20"), (2024, "1.26", "3.9.18")]
)
def test_an_environment_is_solved_as_of_a_date(
    number: int, numpy: str, python: str, channel: Path, tmp_path: Path
) -> None:
    """What was built later does not exist yet; every package has its hashes and its line."""
    lock = lock_of(environment(channel, "python", "numpy"), tmp_path, year(number))
    assert lock.conda is not None
    found = {package.name: package for package in lock.conda.packages}
    assert (found["numpy"].version, lock.conda.python) == (numpy, python)
    assert [value.partition(":")[0] for value in found["numpy"].hashes] == ["sha256", "md5"]
    assert str(found["numpy"].where) == "environment.yml:5"
    assert (lock.as_of and lock.as_of.value) == f"{number}-01-01"


def test_an_answer_is_remembered(channel: Path, tmp_path: Path) -> None:
    """The same question needs no channel the second time."""
    copy = Path(shutil.copytree(channel, tmp_path / "copy"))
    text = environment(copy, "python", "numpy")
    first = lock_of(text, tmp_path / "cache", year(2024))
    shutil.rmtree(copy)
    assert lock_of(text, tmp_path / "cache", year(2024)) == first


def test_an_exported_environment_is_solved_to_its_builds(channel: Path, tmp_path: Path) -> None:
    """`conda env export` names builds; `conda list --export` the same, without channels."""
    text = environment(channel, "python=3.8.20=0", "numpy=1.19=py38_0") + "prefix: /home/me\n"
    lock = lock_of(text, tmp_path)
    assert [str(p) for p in lock.conda.packages if p.name == "numpy"] == ["numpy=1.19=py38_0"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("specs", "reason"),
    [
        (("python", "numpy=9"), r"environment.yml:5: no packages for linux-64.*numpy"),
        (("python", "numpy=1.26=h2bbff1b_0"), r"environment.yml:5: no packages for linux-64"),
        (("python", "glibc-new"), r"__glibc"),
        (("python", "nothing-like-it"), r"environment.yml:5: no packages.*nothing-like-it"),
    ],
)
def test_what_has_no_solution_names_the_line(
    specs: tuple[str, ...], reason: str, channel: Path, tmp_path: Path
) -> None:
    """A version, a build of another system, a newer C library and an unknown name are refused."""
    with pytest.raises(InvalidError) as caught:
        lock_of(environment(channel, *specs), tmp_path)
    assert re.search(reason, caught.value.what, re.S)


def test_a_gpu_is_offered_where_the_file_asks_for_one(channel: Path, tmp_path: Path) -> None:
    """Builds for CUDA are solved for a machine with a driver, only where a name says CUDA."""
    with pytest.raises(InvalidError, match="__cuda"):
        lock_of(environment(channel, "python", "driver"), tmp_path)
    asks = "driver=1=*"
    with pytest.raises(InvalidError, match="cudatoolkit"):  # offered: only the toolkit is missing
        lock_of(environment(channel, "python", asks, "cudatoolkit=11"), tmp_path)


@pytest.mark.parametrize(
    ("url", "kind"),
    [("file:///nowhere/forge", InvalidError), ("http://localhost:1/forge", TemporaryError)],
)
def test_a_channel_that_does_not_answer(
    url: str, kind: type[RepropackError], tmp_path: Path
) -> None:
    """One that does not exist is the file's fault; one that does not answer may answer later."""
    with pytest.raises(kind, match="channel"):
        lock_of(environment(url, "python"), tmp_path)


def test_channels_are_mixed_only_where_their_order_has_no_solution(
    channel: Path, tmp_path: Path
) -> None:
    """What an earlier channel has too, but not as others need it, is mixed with a warning."""
    first = make_channel(tmp_path / "first", [small("numpy", "1.0")])
    text = environment(first, "python", "needs").replace(
        "dependencies", f"- {channel.as_uri()}\ndependencies"
    )
    lock = lock_of(text, tmp_path / "cache")
    assert "conda.channels-mixed" in [finding.kind for finding in lock.findings]
    lock = lock_of(text.replace("needs", "numpy"), tmp_path / "cache")
    assert "conda.channels-mixed" not in [finding.kind for finding in lock.findings]
    assert [p.version for p in lock.conda.packages if p.name == "numpy"] == ["1.0"]  # type: ignore[union-attr]


def test_packages_are_fetched_once_and_checked(channel: Path, tmp_path: Path) -> None:
    """A cached package needs no channel; one that was changed in the cache is fetched again."""
    copy = Path(shutil.copytree(channel, tmp_path / "copy"))
    lock = lock_of(environment(copy, "python", "numpy"), tmp_path)
    assert lock.conda is not None
    lines: list[str] = []
    files = fetch_conda(lock.conda.packages, cache=tmp_path, progress=lines.append)
    assert [file.name for file in files] == ["numpy", "python"]
    assert all(file.carried for file in files)
    assert lines[0] == "fetching 2 of 2 conda packages"
    place_conda(files, tmp_path, tmp_path / "placed")
    shutil.rmtree(copy)
    assert fetch_conda(lock.conda.packages, cache=tmp_path, progress=silent) == files
    damaged = tmp_path / "conda" / files[0].sha256 / files[0].filename
    damaged.unlink()
    damaged.write_bytes(b"x")
    with pytest.raises(InvalidError, match="no longer in its channel"):
        fetch_conda(lock.conda.packages, cache=tmp_path, progress=silent)


def test_a_package_that_differs_is_refused(channel: Path, tmp_path: Path) -> None:
    """An `@EXPLICIT` list with MD5 alone is checked by it, and the SHA-256 recorded."""
    package = channel / "linux-64" / "python-3.9.18-0.conda"
    md5 = hashlib.md5(package.read_bytes()).hexdigest()
    right = lock_of(f"@EXPLICIT\n{package.as_uri()}#{md5}\n", tmp_path, name="spec.txt")
    assert right.conda is not None
    (file,) = fetch_conda(right.conda.packages, cache=tmp_path, progress=silent)
    assert (file.md5, len(file.sha256)) == (md5, 64)
    wrong = [replace(right.conda.packages[0], hashes=(f"md5:{'0' * 32}",))]
    with pytest.raises(IntegrityError, match=r"spec.txt:2: not the package that was locked"):
        fetch_conda(wrong, cache=tmp_path, progress=silent)


def test_a_token_is_used_and_told_and_never_kept(tmp_path: Path) -> None:
    """A private channel's token stands in no address that travels, and in no message."""
    text = environment("http://localhost:1/t/secret-token/forge", "python")
    with pytest.raises(TemporaryError) as caught:
        lock_of(text, tmp_path)
    assert "secret" not in caught.value.what + str(caught.value.hint)
    with pytest.raises(InvalidError, match="environment variable"):
        lock_of(environment("https://c.example/t/${TOKEN}/forge", "python"), tmp_path)


@pytest.mark.network
def test_a_private_channel_is_asked_with_its_token(tmp_path: Path) -> None:
    """The token fetches, and stands in nothing that travels; the author is told where it is."""
    make_channel(tmp_path / "www" / "t" / "secret-token" / "forge", PACKAGES[:1])
    with served(tmp_path / "www") as address:
        lock = lock_of(environment(f"{address}/t/secret-token/forge", "python"), tmp_path)
        assert lock.conda is not None
        files = fetch_conda(lock.conda.packages, cache=tmp_path, progress=silent)
    (told,) = [found for found in lock.findings if found.kind == "conda.credential"]
    assert str(told.where) == "environment.yml:2"
    public = [replace(file, carried=False) for file in files]
    texts = (conda_lock_text(public), explicit_text(public), repr(files), repr(lock.findings))
    assert not any("secret" in text for text in texts)


@pytest.fixture
def mirror(channel: Path) -> Iterator[str]:
    """The directory of the channel over HTTP."""
    with served(channel.parent) as address:
        yield address


@pytest.mark.network
def test_a_mirror_is_asked_and_not_written_down(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`CONDA_CHANNEL_ALIAS` counts when solving, fetching and reviewing; no bundle names it."""
    monkeypatch.setenv("CONDA_CHANNEL_ALIAS", mirror)
    lock = lock_of(environment("forge", "python", "numpy"), tmp_path / "cache")
    assert lock.conda is not None
    files = fetch_conda(lock.conda.packages, cache=tmp_path / "cache", progress=silent)
    text = explicit_text(files)
    assert mirror not in text
    assert f"{default_alias()}/forge/linux-64/numpy-1.26-0.tar.bz2#sha256:" in text
    for name, content in {**programs(), "list": text, "sums": sums_text(files)}.items():
        (tmp_path / name).write_text(content)
    command = [sys.executable, "-I", "fetch_conda.py", "list", "conda"]
    subprocess.run(command, cwd=tmp_path, check=True, env=dict(os.environ))
    subprocess.run(["sha256sum", "-c", "sums"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "list").write_text(text.replace("sha256:", "sha256:0")[:-2] + "\n")
    shutil.rmtree(tmp_path / "conda")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "not the package that was locked" in done.stderr) == (7, True)


def test_the_installer_checks_every_hash(channel: Path, tmp_path: Path) -> None:
    """What is linked is what was locked; a prefix holds conda's own records."""
    lock = lock_of(environment(channel, "python", "numpy"), tmp_path)
    assert lock.conda is not None
    files = fetch_conda(lock.conda.packages, cache=tmp_path, progress=silent)
    place_conda(files, tmp_path, tmp_path / "conda", link=False)
    (tmp_path / "sums").write_text(sums_text(files))
    (tmp_path / "install.py").write_text(programs()["install_conda.py"])
    command = [sys.executable, "install.py", "sums", "prefix"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "prefix/etc/numpy").read_text() == "1.26"
    assert (tmp_path / "prefix/conda-meta/numpy-1.26-0.json").is_file()
    (tmp_path / "conda" / files[0].filename).write_bytes(b"other")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "its hash differs" in done.stderr


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of wheels as pip's only source."""
    house = tmp_path / "wheels"
    make_wheel(house, "on-top", "1.0", requires=("numpy>=1",))
    make_wheel(house, "numpy", "9.0")
    make_wheel(house, "numpy", "1.26")
    for name in PIP_LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(house))
    return house


@pytest.mark.parametrize(
    ("pip", "locked"),
    [("on-top", ["on-top==1.0"]), ("on-top, numpy==9.0", ["numpy==9.0", "on-top==1.0"])],
)
def test_pip_keeps_what_conda_has(
    pip: str, locked: list[str], channel: Path, wheels: Path, tmp_path: Path
) -> None:
    """pip's part is locked with hashes, for conda's Python, and replaces only what it names."""
    text = environment(channel, "python", "numpy=1.26", f"pip: [{pip}]")
    lock = lock_of(text, tmp_path / "cache")
    assert sorted(map(str, lock.requirements)) == locked
    assert all(item.hashes[0].startswith("sha256:") for item in lock.requirements)
    named = next(item for item in lock.requirements if item.name == "on-top")
    assert str(named.where) == "environment.yml:6"


def test_only_pips_packages_need_no_conda(wheels: Path, tmp_path: Path) -> None:
    """An environment.yml with Python and pip's part alone is resolved like requirements."""
    text = "dependencies:\n- python=3.11\n- pip\n- pip:\n  - -r more.txt\n  - on-top\n"

    class Source:
        def has(self, path: str) -> bool:
            return path in ("env/environment.yml", "env/more.txt")

        def read_text(self, path: str) -> str:
            return {"env/environment.yml": text, "env/more.txt": "numpy==1.26\n"}[path]

    lock = resolve(Source(), "env/environment.yml", target=TARGET, as_of=NOW, cache=tmp_path)
    found = {str(item): str(item.where) for item in lock.requirements}
    assert found == {"numpy==1.26": "env/more.txt:1", "on-top==1.0": "env/environment.yml:6"}

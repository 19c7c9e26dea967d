"""The bootstrapped base: the same bytes each time, nothing of this machine, a whole Python."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from repropack.debian.debs import DEBS_FILE, STATUS_FILE, Deb, parse_debs, parse_status
from repropack.engines.base import (
    PACKAGES_LABEL,
    BaseSpec,
    base_tag,
    provide_base,
)
from repropack.engines.bootstrap import bootstrap
from repropack.engines.docker import DockerEngine
from repropack.errors import PlanError, TemporaryError
from tests.integration.engine_bundle import ignore

SPEC = BaseSpec(suite="bookworm", python="3.11")
MODULES = "ssl sqlite3 ctypes lzma bz2 curses readline venv zlib uuid dbm distutils.util zoneinfo"


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system, made now."""
    directory = tmp_path_factory.mktemp("base")
    rootfs, log, kept = directory / "rootfs.tar", directory / "log", directory / "debs"
    kept.mkdir()
    bootstrap("bookworm", (), rootfs, log=log, progress=ignore, keep=kept)
    return rootfs


@pytest.mark.network
def test_nothing_of_this_machine(rootfs: Path) -> None:
    """No package source, proxy, list, cache, log, machine id or host name is in it."""
    with tarfile.open(rootfs) as archive:
        members = {member.name: member for member in archive}
    files = {name for name, member in members.items() if not member.isdir()}
    forbidden = (
        "./etc/apt/sources.list", "./etc/machine-id", "./etc/hostname", "./etc/resolv.conf",
        "./var/lib/apt/", "./var/cache/", "./var/log/", "./run/", "./tmp/", "./usr/share/man/",
    )  # fmt: skip
    assert [name for name in files if name.startswith(forbidden)] == []
    assert [name for name in files if "mmdebstrap" in name] == []
    assert max(member.mtime for member in members.values()) <= 1686355200


@pytest.mark.network
def test_small_and_licensed(rootfs: Path) -> None:
    """It is far below 200 MB and keeps the licence of every package."""
    assert rootfs.stat().st_size < 150_000_000
    with tarfile.open(rootfs) as archive:
        names = {member.name for member in archive}
        debs = recorded(archive)
    assert any(deb.name == "python3.11" and deb.version.startswith("3.11.") for deb in debs)
    for deb in debs:
        assert f"./usr/share/doc/{deb.name}" in names, f"no licence of {deb}"


def recorded(archive: tarfile.TarFile) -> tuple[Deb, ...]:
    """What a root file system says of its packages."""
    stream = archive.extractfile(f"./{DEBS_FILE}")
    assert stream is not None
    return parse_debs(stream.read().decode())


@pytest.mark.network
def test_every_deb_is_recorded(rootfs: Path) -> None:
    """All that dpkg says is installed is recorded with the hash of its .deb, and nothing else."""
    with tarfile.open(rootfs) as archive:
        debs = recorded(archive)
        stream = archive.extractfile(f"./{STATUS_FILE}")
        assert stream is not None
        installed = parse_status(stream.read().decode())
    assert {(d.name, d.version, d.architecture) for d in debs} == {
        (d.name, d.version, d.architecture) for d in installed
    }
    assert [deb for deb in debs if not re.fullmatch("[0-9a-f]{64}", deb.sha256)] == []


@pytest.mark.network
def test_every_deb_can_be_kept(rootfs: Path) -> None:
    """Each package that went into it is kept under its name, with the hash that was recorded."""
    with tarfile.open(rootfs) as archive:
        debs = recorded(archive)
    files = {path.name: _sha256(path) for path in rootfs.with_name("debs").iterdir()}
    assert {deb.filename: files.get(deb.filename) for deb in debs} == {
        deb.filename: deb.sha256 for deb in debs
    }


@pytest.mark.network
@pytest.mark.slow
def test_same_bytes_again(rootfs: Path, tmp_path: Path) -> None:
    """Two bootstraps from the same package versions are byte-identical."""
    bootstrap("bookworm", (), tmp_path / "again.tar", log=tmp_path / "log", progress=ignore)
    assert _sha256(tmp_path / "again.tar") == _sha256(rootfs)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@pytest.mark.network
def test_package_that_does_not_exist(tmp_path: Path) -> None:
    """A package that Debian does not have is a mistake of the plan, and nothing is left."""
    output = tmp_path / "rootfs.tar"
    with pytest.raises(PlanError, match="no-such-package-here"):
        bootstrap(
            "bookworm", ("no-such-package-here",), output, log=tmp_path / "log", progress=ignore
        )
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


@pytest.mark.network
def test_mirror_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that cannot be reached is temporary (75), with the log."""
    monkeypatch.setenv("REPROPACK_DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
    with pytest.raises(TemporaryError) as caught:
        bootstrap("bookworm", (), tmp_path / "x.tar", log=tmp_path / "log", progress=ignore)
    assert caught.value.exit_code == 75
    assert caught.value.log is not None and "127.0.0.1" in caught.value.log.read_text()


@pytest.mark.engine
def test_python_is_whole() -> None:
    """The base's Python has its whole standard library, and makes virtual environments."""
    engine = DockerEngine()
    base = provide_base(engine, SPEC, allow_pull=True, progress=ignore)
    script = (
        f"python3 -W ignore -c 'import {MODULES.replace(' ', ', ')}' && "
        "python3.11 -m venv --without-pip /tmp/e && /tmp/e/bin/python -c 'import sys' && "
        "test -s /etc/ssl/certs/ca-certificates.crt && locale -a | grep -i '^C.utf8$'"
    )
    command = ["docker", "run", "--rm", "--network", "none", base.tag, "sh", "-c", script]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.engine
def test_second_time_is_instant() -> None:
    """A base that is there is found without a registry, a mirror or a builder."""
    engine = DockerEngine()
    first = provide_base(engine, SPEC, allow_pull=True, progress=ignore)
    began = time.monotonic()
    steps: list[str] = []
    again = provide_base(engine, SPEC, allow_pull=True, progress=steps.append)
    assert (again, steps) == (first, [])
    assert time.monotonic() - began < 1


@pytest.mark.engine
def test_packages_are_identified() -> None:
    """A bootstrapped base says which packages it is made of."""
    engine = DockerEngine()
    base = provide_base(engine, SPEC, allow_pull=True, progress=ignore)
    if base.tag != base_tag(SPEC):
        pytest.skip("this machine's base was pulled")
    found = dict(base.labels)
    if PACKAGES_LABEL not in found:
        pytest.skip("this machine's base was made by a reviewer's script")
    output = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", base.tag, "cat", f"/{DEBS_FILE}"],
        check=True,
        capture_output=True,
    ).stdout
    assert hashlib.sha256(output).hexdigest() == found[PACKAGES_LABEL]


@pytest.mark.engine
def test_silent_registry_is_noticed_soon() -> None:
    """A registry that does not answer is given up within some ten seconds."""
    began = time.monotonic()
    with pytest.raises(TemporaryError, match="no registry answers"):
        DockerEngine().pull("192.0.2.1:5000/python:3.11-slim-bookworm", ignore)
    assert time.monotonic() - began < 15


@pytest.mark.network
@pytest.mark.slow
def test_a_python_from_an_archive_takes_the_place_of_debians(tmp_path: Path) -> None:
    """It lies in /usr/local with its bytecode, owned by root; Debian's own is not there."""
    archive = tmp_path / "python.tar.gz"
    library = b"import sys\n"
    with tarfile.open(archive, "w:gz") as made:
        for name in ("python/bin/python3.10", "python/lib/python3.10/os.py"):
            member = tarfile.TarInfo(name)
            member.mode, member.size, member.uid = 0o755, len(library), 1000
            made.addfile(member, io.BytesIO(library))
    rootfs, log = tmp_path / "rootfs.tar", tmp_path / "log"
    bootstrap("bookworm", (), rootfs, log=log, progress=ignore, python=archive)
    with tarfile.open(rootfs) as base:
        names = set(base.getnames())
        assert base.getmember("./usr/local/bin/python3.10").uid == 0
    assert "./usr/local/lib/python3.10/os.py" in names
    assert "./usr/bin/python3" not in names

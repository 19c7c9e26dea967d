"""A Python that Debian has not: the archive that uv installs, kept and named by its hash."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from repropack.engines import Image
from repropack.engines.base import ARCHIVE_LABEL, BaseSpec, base_tag, provide_base
from repropack.engines.managed import given_python, managed_python
from repropack.errors import TemporaryError
from tests.unit.engines.test_base import OURS, PULLED, Shelf

SYSCONFIG = b"""\
# system configuration generated and used by the sysconfig module
build_time_vars = {}
"""
MEMBERS = (
    *("bin/python3", "bin/python3.10", "lib/python3.10/os.py"),
    "lib/python3.10/_sysconfigdata__linux_x86_64-linux-gnu.py",
)


def ignore(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that uv can install: an archive whose python starts the interpreter of the tests."""
    path = tmp_path / "cpython-3.10.13-x86_64-unknown-linux-gnu-install_only.tar.gz"
    script = f'#!/bin/sh\nexec {sys.executable} "$@"\n'.encode()
    with tarfile.open(path, "w:gz") as made:
        for name in MEMBERS:
            member = tarfile.TarInfo(f"python/{name}")
            content = SYSCONFIG if name.endswith(".py") else script
            member.mode, member.size = 0o755, len(content)
            made.addfile(member, io.BytesIO(content))
    known = {
        "cpython-3.10.13-linux-x86_64-gnu": {
            **{"name": "cpython", "os": "linux", "libc": "gnu", "prerelease": "", "variant": None},
            **{"major": 3, "minor": 10, "patch": 13, "build": "20240101"},
            "arch": {"family": "x86_64", "variant": None},
            "url": path.as_uri(),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    }
    listing = tmp_path / "downloads.json"
    listing.write_text(json.dumps(known))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", listing.as_uri())
    monkeypatch.delenv("UV_OFFLINE", raising=False)  # a file is no network
    return path


@pytest.mark.parametrize("version", ["3.10", "3.10.13"])
def test_the_archive_is_kept_as_it_came(archive: Path, tmp_path: Path, version: str) -> None:
    """Byte for byte, under its hash; asked again, it comes from the cache."""
    cache = tmp_path / "cache"
    found = managed_python(version, cache=cache, progress=ignore)
    assert found.archive.read_bytes() == archive.read_bytes()
    assert found.archive == cache / "pythons" / f"{found.sha256}.tar.gz"
    assert given_python(found.archive) == found
    archive.unlink()
    assert managed_python(version, cache=cache, progress=ignore) == found


def test_an_archive_that_differs_from_its_hash_is_refused(archive: Path, tmp_path: Path) -> None:
    """uv checks the hash, and nothing is kept."""
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(TemporaryError, match=r"Python 3\.10 cannot be had from uv: .*[Hh]ash"):
        managed_python("3.10", cache=tmp_path / "cache", progress=ignore)
    assert list((tmp_path / "cache" / "pythons").glob("*.tar.gz")) == []


def test_a_python_that_nobody_has_is_told(archive: Path, tmp_path: Path) -> None:
    """The hint names a mirror, a registry, and the versions that need neither."""
    with pytest.raises(TemporaryError) as caught:
        managed_python("3.12", cache=tmp_path, progress=ignore)
    assert "3.9, 3.11, 3.13" in (caught.value.hint or "")
    assert "UV_PYTHON_INSTALL_MIRROR" in (caught.value.hint or "")


def test_a_registry_comes_first_and_uv_second(archive: Path, tmp_path: Path) -> None:
    """An official image serves where there is one; else a base with the archive is looked for."""
    spec = BaseSpec(suite="bookworm", python="3.10")
    cache = tmp_path / "cache"
    pulled = provide_base(
        Shelf(registry=PULLED), spec, allow_pull=True, progress=ignore, cache=cache
    )
    assert pulled == PULLED and not cache.exists()
    managed = managed_python("3.10", cache=cache, progress=ignore)
    tag = base_tag(replace(spec, managed=managed))
    assert tag == f"repropack/base:bookworm-py3.10-{managed.sha256[:8]}"
    labels = (*OURS, (ARCHIVE_LABEL, managed.sha256))
    made = Image(tag=tag, id="sha256:" + "d" * 64, size_bytes=1, labels=labels)
    shelf = Shelf(images={tag: made})
    for _ in range(2):  # the second time under its general name, without asking uv
        assert provide_base(shelf, spec, allow_pull=True, progress=ignore, cache=cache).tag == tag
    assert base_tag(spec) in shelf.images

"""A bundle is whole or absent, and its bytes depend on the commit alone."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from repropack.bundle import checksums
from repropack.errors import BuildError
from repropack.marks import mark
from tests.conftest import ROOT, commit_all, example, git
from tests.unit.bundle.made import make_bundle


def listing(bundle: Path) -> list[tuple[object, ...]]:
    """Everything that two bundles can differ in: names, kinds, modes, times, contents, links."""
    rows: list[tuple[object, ...]] = []
    for path in sorted([bundle, *bundle.rglob("*")]):
        state = path.lstat()
        content = checksums.sha256_of(path) if path.is_file() and not path.is_symlink() else ""
        link = str(path.readlink()) if path.is_symlink() else ""
        mode = 0 if path.is_symlink() else stat.S_IMODE(state.st_mode)
        name = path.relative_to(bundle).as_posix()
        rows.append((name, stat.S_IFMT(state.st_mode), mode, state.st_mtime_ns, content, link))
    return rows


def make_elsewhere(project: Path, out: Path, umask: int, **environment: str) -> Path:
    """The bundle of a project, made by another process in another environment."""
    program = [sys.executable, "-m", "tests.unit.bundle.made", str(project), str(out)]
    variables = {"PATH": os.environ["PATH"], **environment}
    subprocess.run(program, cwd=ROOT, env=variables, umask=umask, check=True)
    return out


def project_with_links(directory: Path) -> Path:
    """The smallest example with executables and links, in a subdirectory of a repository."""
    repository = directory / "repository"
    project = repository / "papers" / "pi"
    shutil.copytree(
        example("quickstart", directory), project, ignore=shutil.ignore_patterns(".git")
    )
    (project / "tool.sh").write_text("#!/bin/sh\n")
    (project / "tool.sh").chmod(0o755)
    (project / "latest").symlink_to("estimate_pi.py")
    (project / "ünï code").write_text("x")
    commit_all(repository)
    return project


def test_equal_bytes_everywhere(tmp_path: Path) -> None:
    """Two clones in other directories, umasks, time zones, locales, homes give equal bundles."""
    project = project_with_links(tmp_path)
    clones = [tmp_path / "a", tmp_path / "some where" / "é"]
    for clone in clones:
        git(tmp_path, "clone", "-q", str(tmp_path / "repository"), str(clone))
    first = make_bundle(project, tmp_path / "first").directory
    strange = {"TZ": "Pacific/Apia", "LC_ALL": "C", "HOME": "/nonexistent", "PYTHONHASHSEED": "7"}
    others = [
        make_elsewhere(clones[0] / "papers" / "pi", tmp_path / "out a", 0o077, **strange),
        make_elsewhere(
            clones[1] / "papers" / "pi", tmp_path / "b" / "bundle", 0o000, TZ="Asia/Tokyo"
        ),
    ]
    assert ("source/tool.sh", stat.S_IFREG, 0o755) in [row[:3] for row in listing(first)]
    for other in others:
        assert listing(other) == listing(first)
        assert subprocess.run(["diff", "-r", first, other]).returncode == 0


def test_replaces_as_a_whole(tmp_path: Path) -> None:
    """A second bundle replaces the first, and nothing of either is left beside it."""
    project = example("quickstart", tmp_path)
    out = tmp_path / "out" / "bundle"
    make_bundle(project, out)
    (out / "source" / "stale").write_text("x")
    make_bundle(project, out)
    checksums.check(out)
    assert [path.name for path in out.parent.iterdir()] == ["bundle"]


def test_whole_or_absent(tmp_path: Path) -> None:
    """What cannot be written leaves nothing: a file in the way is an error of exit code 5."""
    project = example("quickstart", tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(BuildError) as caught:
        make_bundle(project, tmp_path / "file" / "bundle")
    assert caught.value.exit_code == 5
    assert (tmp_path / "file").read_text() == "x"


def test_no_trace_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither host paths nor the settings of proxies, indexes and certificates are in a bundle."""
    secrets = {
        "HTTPS_PROXY": "http://user:proxy-secret@index.example:3128",
        "PIP_EXTRA_INDEX_URL": "https://user:index-secret@index.example/simple",
        "PIP_CERT": "/etc/certificate-secret.pem",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    out = make_bundle(example("quickstart", tmp_path), tmp_path / "bundle").directory
    for path in checksums.walk(out):
        data = path.read_bytes()
        for trace in (b"-secret", b"index.example", os.fsencode(tmp_path), os.fsencode(ROOT)):
            assert trace not in data, (path, trace)


def test_bundle_that_is_there_stays_where_it_is(quickstart: Path, tmp_path: Path) -> None:
    """The same bundle again disturbs nobody who reads it; one that was changed is replaced."""
    out = tmp_path / "bundle"
    make_bundle(quickstart, out)
    (out / "provenance.json").write_text("of another image")
    before = out.stat().st_ino
    make_bundle(quickstart, out)
    assert out.stat().st_ino == before and not (out / "provenance.json").exists()
    (out / "README.md").write_text("changed")
    make_bundle(quickstart, out)
    assert out.stat().st_ino != before
    assert [path.name for path in tmp_path.glob(".bundle*")] == []


def test_bundle_that_was_moved_aside_comes_back(quickstart: Path, tmp_path: Path) -> None:
    """Of a process that was killed between two renames, the older bundle is put back."""
    out = tmp_path / "bundle"
    make_bundle(quickstart, out)
    inode, system = out.stat().st_ino, mark().partition("-")[0]
    aside = tmp_path / f".bundle.{system}-4194304-1-0123abcd.old"
    half = tmp_path / f".bundle.{system}-4194304-1-0123abcd.tmp"
    half.mkdir()
    aside.mkdir()
    out.rename(aside / "bundle")
    make_bundle(quickstart, out)
    assert out.stat().st_ino == inode
    assert [path.name for path in tmp_path.glob(".bundle*")] == []

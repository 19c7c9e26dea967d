"""Fetching the datasets of a project, as commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.errors import UsageError
from tests.cli.driver import inside, project, repropack
from tests.integration.data_probe import CONTENT, get, server, sha256
from tests.integration.fileserver import Served, Server
from tests.unit.retrieval.test_unpacking import tar, tree

__all__ = ["server"]  # a fixture


PROJECT = """\
datasets:
  table: {path: table.csv, url: ["@/gone", "@/table.csv"], sha256: "%s"}
  images: {path: data/images, url: "@/images.tar", footprint: images.sha256}
  lost: {path: data/lost}
"""


def test_datasets_of_a_project(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each goes where the project reads it; what cannot be had is told together, after the rest."""
    monkeypatch.setenv("REPROPACK_CACHE", str(tmp_path / "cache"))
    paper = tmp_path / "project"
    paper.mkdir()
    config = PROJECT.replace("@", server.url) % sha256(b"1,2")
    (paper / "repropack.yaml").write_text(config)
    (paper / "images.sha256").write_text(f"{sha256(CONTENT)}  cat/1.png\n")
    server.files["/table.csv"] = Served(content=b"1,2")
    server.files["/images.tar"] = Served(content=tar(("images/cat/1.png", CONTENT)))
    done = inside("data", "fetch", paper)
    assert done.code == 75, done.said
    assert "1 of 3 datasets" in done.err
    assert f"put the data of lost at {paper / 'data/lost'}" in done.err
    assert (paper / "table.csv").read_bytes() == b"1,2"
    assert tree(paper / "data/images") == {"cat/1.png": CONTENT}
    (paper / "data/lost").mkdir()
    (paper / "data/lost/x").write_text("1")
    done = inside("data", "fetch", paper)
    assert done.code == 0, done.said
    assert done.out.count("there already") == 3
    done = inside("data", "fetch", paper, "tabel")
    assert done.code == 2 and "did you mean table?" in done.err, done.said
    (paper / "data/images/cat/1.png").write_bytes(b"1")
    assert inside("data", "fetch", paper, "images").code == 7


def test_what_makes_no_sense(tmp_path: Path, server: Server) -> None:
    """Options of URLs without one, what is no address, and a full directory are usage errors."""
    for arguments in (
        (tmp_path, "--sha256", "ab" * 32),
        ("https://a.example/d",),
        ("https://a.example/d", "name", "-o", tmp_path / "out"),
        ("hf://nonsense", "-o", tmp_path / "out"),
        ("https://a.example/d", "--sha256", "xyz", "-o", tmp_path / "out"),
    ):
        done = inside("data", "fetch", *arguments)
        assert done.code == 2 and "hint:" in done.err, done.said
    assert inside("data", "fetch", tmp_path).code == 3
    server.files["/d.tar"] = Served(content=tar(("a", b"1")))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        get(tmp_path, server.url + "/d.tar", place=tmp_path / "full", below=True, named="")
    assert (tmp_path / "full/mine").read_text() == "mine"


def test_data_that_git_would_see_is_told(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is put into a repository and not ignored there is a change for git; `.` is a project."""
    monkeypatch.setenv("REPROPACK_CACHE", str(tmp_path / "cache"))
    server.files["/d.csv"] = Served(content=b"1")
    config = f"datasets: {{d: {{path: d.csv, url: '{server.url}/d.csv'}}}}\n"
    paper = project(tmp_path / "paper", {"repropack.yaml": config})
    done = inside("data", "fetch", paper, "d")
    assert done.code == 0 and "add it to .gitignore" in done.err, done.said
    (paper / "d.csv").unlink()
    (paper / ".gitignore").write_text("d.csv\n")
    done = inside("data", "fetch", paper, "d")
    assert done.code == 0 and ".gitignore" not in done.err, done.said
    (paper / "d.csv").unlink()
    done = repropack("data", "fetch", ".", "d", cwd=paper)
    assert done.code == 0 and (paper / "d.csv").read_bytes() == b"1", done.said
    (paper / "d").mkdir()  # is no project
    done = repropack("data", "fetch", "d", cwd=paper)
    assert done.code == 0 and "there already" in done.out, done.said

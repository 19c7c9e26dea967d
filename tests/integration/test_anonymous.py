"""Bundles for double-blind review: names in every place are found, and none is in the bundle."""

from __future__ import annotations

import json
import os
import socket
import struct
import zlib
from pathlib import Path

import pytest

from repropack.bundle import checksums
from tests.cli.driver import Done, inside
from tests.conftest import commit_all, git
from tests.integration.anonymous_paper import (
    CONFIG,
    EMAIL,
    NAME,
    OWNER,
    SCRIPT,
    archive,
    build,
    paper,
)


def notebook(**metadata: object) -> str:
    """A notebook with this in its metadata."""
    return json.dumps(
        {"cells": [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1
    )


def picture(author: str) -> bytes:
    """The head of a PNG file with an author."""
    text = b"tEXtAuthor\0" + author.encode()
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return b"\x89PNG\r\n\x1a\n" + b"\0" * 9 + chunk


# Each place in which an identity hides: the file, its content, and what is said of it.
PLACES: tuple[tuple[str, str | bytes, str], ...] = (
    ("train.py", f"# {NAME}, 2024\n", "train.py:1: name or address in git's history"),
    ("by.py", '"""x"""\n__author__ = "Somebody Else"\n', "by.py:2: author: __author__"),
    ("setup.py", 'setup(name="x",\n  author="Somebody Else",\n)\n', "setup.py:2: author: author="),
    ("pyproject.toml", '[project]\nname = "x"\nauthors = [{name = "Some Body"}]\n',
     "pyproject.toml:3: author"),
    ("x.egg-info/PKG-INFO", "Name: x\nAuthor: Somebody Else\n", "x.egg-info/PKG-INFO:2: author"),
    ("LICENSE", "MIT License\n\nCopyright (c) 2024 Somebody Else\n", "LICENSE:3: copyright"),
    ("README.md", f"[![CI](https://github.com/{OWNER}/darts/badge.svg)](x)\n",
     "README.md:1: place of an account"),
    ("page.md", "see https://www.cs.example.org/~squill/darts\n", "page.md:1: personal page"),
    ("io.md", "see https://squill.github.io/darts\n", "io.md:1: personal page"),
    ("mail.txt", "\n\nwrite to s.body@index-mail.org\n", "mail.txt:3: e-mail address"),
    ("conf/data.yaml", "root: /home/squill/data\n", "conf/data.yaml:1: home directory"),
    ("mac.json", '{"a": "/Users/squill/x"}', "mac.json:1: home directory"),
    ("win.ini", "x=C:\\Users\\squill\\data\n", "win.ini:1: home directory"),
    ("Dockerfile", "FROM hub.nwold.example:5000/ml/base@sha256:0123\n",
     "Dockerfile:1: registry of an image: hub.nwold.example:5000/ml/base"),
    ("run.sh", "#SBATCH --account=nwold-ml\n", "run.sh:1: account of a cluster"),
    ("track.py", "wandb.init(project='x', entity='nwold-ai')\n", "track.py:1: account at Weights"),
    ("n.ipynb", notebook(authors=[{"name": "X"}]), "n.ipynb:4: author"),
    ("colab.ipynb", notebook(user={"displayName": "X Y"}), "colab.ipynb:5: author"),
    ("kernel.ipynb", notebook(kernel={"path": "/home/squill/env"}),
     "kernel.ipynb:5: home directory"),
    ("paper.tex", "\\author{S. Body}\n", "paper.tex:1: author"),
    ("ack.md", "Funded by a rich aunt.\n", "ack.md:1: thanks or funding"),
    ("inst.md", "Department of Darts, University of Northwold\n", "inst.md:1: institution"),
    ("ref.md", "https://arxiv.org/abs/2401.00001\n", "ref.md:1: paper or deposit"),
    ("orcid.md", "0000-0002-1825-0097\n", "orcid.md:1: ORCID"),
    ("AUTHORS", "x\n", "AUTHORS: a file of names"),
    ("CITATION.cff", "cff-version: 1.2.0\nauthors:\n  - family-names: Body\n",
     "CITATION.cff:3: author"),
    ("quillfeather/x.py", "x = 1\n", "quillfeather/x.py: name or address"),
    ("utf16.txt", f"by {NAME}".encode("utf-16"), "utf16.txt:1: name or address"),
    ("plot.png", picture(NAME), "plot.png: name or address"),
    ("x.pdf", b"%PDF-1.4\n\0\xff/Author (S Body)\n", "x.pdf: author of a document"),
    ("cached.pyc", b"\0\1\2/home/squill/darts/x.py\0", "cached.pyc: home directory"),
    ("w.npz", archive("a.npy", f"made by {NAME}"), "w.npz!a.npy:1: name or address"),
)  # fmt: skip


@pytest.fixture(scope="module")
def refusal(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """What is said of a repository that has all of it."""
    directory = tmp_path_factory.mktemp("named")
    made = paper(directory, {name: content for name, content, _ in PLACES})
    out = directory / "out"
    done = build(made, "-o", out)
    assert not out.exists() and [path.name for path in directory.iterdir()] == ["paper"]
    return done


@pytest.mark.parametrize(("name", "content", "says"), PLACES, ids=[each[0] for each in PLACES])
def test_every_place(name: str, content: str | bytes, says: str, refusal: Done) -> None:
    """It is refused with exit code 3, and told with file, line and kind."""
    assert refusal.code == 3, refusal.said
    assert any(line.strip().startswith(says) for line in refusal.err.splitlines()), refusal.err


def test_clean_bundle(tmp_path: Path) -> None:
    """A repository without names becomes a bundle without commit, time, remote, host or home."""
    made = paper(tmp_path, {})
    commit, tree = git(made, "rev-parse", "HEAD"), git(made, "rev-parse", "HEAD^{tree}")
    out = tmp_path / "out"
    done = build(made, "-o", out)
    assert done.code == 0, done.said
    host = [name for name in (socket.gethostname(),) if len(name) > 3]
    traces = [
        NAME,
        EMAIL,
        OWNER,
        "Quillfeather",
        "A. Author",
        "author@index.example",
        commit,
        commit[:12],
    ]
    traces += [tree, "2025-06-15", str(tmp_path), str(Path.home()) + "/", *host]
    for path in out.rglob("*"):
        data = b"" if path.is_dir() else path.read_bytes()
        found = [trace for trace in traces if trace.encode() in data + os.fsencode(path.name)]
        assert not found, (path, found)
        assert path.stat().st_mtime == 315_532_800
    assert not (out / "CITATION.cff").exists() and not (out / ".zenodo.json").exists()
    checksums.check(out)
    verified = inside("verify", out, "--engine", "venv", "-o", tmp_path / "verified")
    assert verified.code == 0, verified.said


def test_waivers(tmp_path: Path) -> None:
    """What is waived with file, text and reason passes; the same elsewhere does not."""
    made = paper(tmp_path, {"README.md": "uses github.com/board/darts\nand github.com/other/x\n"})
    told = build(made, "-o", tmp_path / "out")
    assert told.code == 3 and told.err.count("place of an account") == 2, told.said
    waive = "\nanonymous:\n  waive:\n"
    waive += "    - {file: README.md, text: github.com/board, reason: not ours}\n"
    config = made / "repropack.yaml"
    plain = config.read_text()
    config.write_text(plain + waive)
    commit_all(made)
    told = build(made, "-o", tmp_path / "out")
    assert told.code == 3 and "README.md:2: place of an account: github.com/other/x" in told.err
    assert "github.com/board" not in told.err
    config.write_text(
        plain + waive + '    - {file: "*.md", text: github.com/other, reason: theirs}\n'
    )
    commit_all(made)
    assert build(made, "-o", tmp_path / "out").code == 0


def test_a_waiver_needs_a_reason(tmp_path: Path) -> None:
    """A waiver without a reason is a problem of the config."""
    made = paper(tmp_path, {"repropack.yaml": CONFIG + "    anonymous: {waive: [{file: x}]}\n"})
    done = build(made)
    assert done.code == 3 and "anonymous.waive[0]" in done.err and "reason" in done.err


def test_own_words(tmp_path: Path) -> None:
    """--hide has further words looked for: a code name, an institution that git does not know."""
    made = paper(tmp_path, {"x.py": "# the Thunderbird cluster\n"})
    done = build(made, "--hide", "thunderbird")
    assert done.code == 3 and "x.py:1: what --hide names: Thunderbird" in done.err


@pytest.mark.parametrize("option", ["--sign", "--with-results"])
def test_what_names_all_the_same(option: str, tmp_path: Path) -> None:
    """A signature and results name their owner: neither goes into an anonymous bundle."""
    done = build(paper(tmp_path, {}), option, tmp_path)
    assert done.code == 2 and "do not go together" in done.err


def test_dirty_tree(tmp_path: Path) -> None:
    """The patch of a dirty tree quotes what was committed: refused."""
    made = paper(tmp_path, {})
    (made / "e.py").write_text(SCRIPT + "\n")
    done = build(made, "--allow-dirty")
    assert done.code == 3 and "commit your changes" in done.err


def test_same_bytes_for_every_commit(tmp_path: Path) -> None:
    """Two commits with the same files, of different authors and days, give the same bundle."""
    made = paper(tmp_path, {})
    assert build(made, "-o", tmp_path / "a").code == 0
    git(
        made,
        "commit",
        "-q",
        "--amend",
        "--author=X Y <x@y.example>",
        "--date=2020-01-01",
        "-m",
        "y",
    )
    assert build(made, "-o", tmp_path / "b").code == 0
    assert (tmp_path / "a/SHA256SUMS").read_bytes() == (tmp_path / "b/SHA256SUMS").read_bytes()

"""Datasets from `repropack.yaml` to the reviewer: recorded, checked, mounted read-only."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from repropack.verification import read
from tests.cli.driver import Done, remove_images, repropack
from tests.conftest import commit_all
from tests.integration.fileserver import Served, Server
from tests.unit.retrieval.test_unpacking import tar

CONFIG = """\
name: mean-of-data
environment: {python: "3.11"}
datasets:
  numbers: {path: data/numbers, url: "https://index.example/numbers.zip"%s}
  table: {path: table.csv, describe: true}
  committed: {path: data/small}
experiments:
  mean:
    run: python mean.py
    metrics:
      mean: {json: out.json, key: mean}
      writable: {json: out.json, key: writable}
claims:
  - {id: mean, metric: mean.mean, value: "4.0"}
"""
PROGRAM = """\
import json, os, pathlib
files = sorted(pathlib.Path("data/numbers").rglob("*.txt")) + [pathlib.Path("table.csv")]
values = [float(path.read_text()) for path in files]
values.append(float(pathlib.Path("data/small/one.txt").read_text()))
try:
    if not os.path.exists("/repropack"):  # without a container nothing is read-only
        raise OSError
    pathlib.Path("data/numbers/more.txt").write_text("1")
    writable = 1
except OSError:
    writable = 0
json.dump({"mean": sum(values) / len(values), "writable": writable}, open("out.json", "w"))
"""


TABLE = "table.csv: 1 rows, 1 columns (column 1)"


def project(root: Path, more: str = "") -> Path:
    """A project whose data git does not see."""
    (root / "data/numbers/deep").mkdir(parents=True)
    (root / "data/small").mkdir()
    (root / "repropack.yaml").write_text(CONFIG % more)
    (root / "mean.py").write_text(PROGRAM)
    (root / ".gitignore").write_text("data/numbers\ntable.csv\n")
    (root / "data/numbers/a.txt").write_text("1")
    (root / "data/numbers/deep/b.txt").write_text("3")
    (root / "data/small/one.txt").write_text("5")
    (root / "table.csv").write_text("7")
    commit_all(root)
    return root


@pytest.fixture
def author(tmp_path: Path) -> Path:
    """The author's project."""
    return project(tmp_path / "author")


def venv(*arguments: str | Path, cwd: Path) -> Done:
    """A command with the engine that needs no container."""
    cache = {"REPROPACK_CACHE": str(cwd / "cache")}
    return repropack(*arguments, "--engine", "venv", cwd=cwd, env=cache)


def test_verify_on_the_authors_data_and_on_other_data(author: Path, tmp_path: Path) -> None:
    """The author's data gives the number; other data never gets as far as a run."""
    done = venv("build", author, "-o", "bundle", cwd=tmp_path)
    assert done.code == 0, done.said
    assert "committed is part of the source" in done.err, done.said
    listed = sorted(path.name for path in (tmp_path / "bundle/footprints").iterdir())
    names = [
        f"{name}.{end}" for name in ("numbers", "table") for end in ("json", "links", "sha256")
    ]
    assert listed == names
    assert not (tmp_path / "bundle/data").exists()
    done = venv("verify", "bundle", cwd=tmp_path)
    assert done.code == 2 and "--data numbers=PATH" in done.err, done.said
    assert "environment" not in done.err, done.said  # told before anything is made
    assert "https://index.example/numbers.zip" in done.err, done.said
    places = ("--data", "numbers=mine", "--data", "table=other.csv")
    (author / "data/numbers").rename(tmp_path / "mine")
    (author / "table.csv").rename(tmp_path / "other.csv")
    done = venv("verify", "bundle", *places, "-o", "out", cwd=tmp_path)
    assert done.code == 0, done.said
    (told,) = (each for each in read(tmp_path / "out").datasets if each.described)
    assert (told.name, told.n_files, told.n_bytes) == ("table", 1, 1)
    assert told.described == (TABLE,)
    assert TABLE in (tmp_path / "out/report.html").read_text("utf-8")
    assert f"  - {TABLE}\n" in (tmp_path / "bundle/README.md").read_text("utf-8")
    (tmp_path / "mine/deep/b.txt").write_text("4")
    (tmp_path / "mine/new.txt").write_text("4")
    (tmp_path / "mine/a.txt").unlink()
    done = venv("verify", "bundle", *places, cwd=tmp_path)
    assert done.code == 7, done.said
    for line in ("added: 1", "new.txt", "removed: 1", "a.txt", "changed: 1", "deep/b.txt"):
        assert line in done.err, done.said
    done = venv("verify", "bundle", "--data", "nothing=mine", cwd=tmp_path)
    assert done.code == 2 and "the datasets are: numbers, table" in done.err, done.said


def test_two_builds_are_the_same_whatever_the_times_of_the_data(
    author: Path, tmp_path: Path
) -> None:
    """Touching data changes no byte of the bundle; data that is missing is told."""
    assert venv("build", author, "-o", "one", cwd=tmp_path).code == 0
    os.utime(author / "table.csv", (1, 1))
    assert venv("build", author, "-o", "two", cwd=tmp_path).code == 0
    sums = [(tmp_path / name / "SHA256SUMS").read_bytes() for name in ("one", "two")]
    assert sums[0] == sums[1]
    (author / "table.csv").unlink()
    done = venv("build", author, "-o", "three", cwd=tmp_path)
    assert done.code == 3 and "the dataset table is not at" in done.err, done.said


def test_data_that_is_included(tmp_path: Path) -> None:
    """`include: true` puts the data into the bundle, and says how much; nobody has to name it."""
    author = project(tmp_path / "author", ", include: true")
    done = venv("build", author, "-o", "bundle", cwd=tmp_path)
    assert done.code == 0 and "numbers: 2 B in 2 files go into the bundle" in done.err, done.said
    table = author / "table.csv"
    done = venv("verify", "bundle", "--data", f"table={table}", cwd=tmp_path)
    assert done.code == 0, done.said
    (tmp_path / "bundle/data/numbers/numbers/a.txt").write_text("9")
    done = venv("verify", "bundle", "--data", f"table={table}", cwd=tmp_path)
    assert done.code == 7, done.said


def test_data_that_is_fetched(tmp_path: Path) -> None:
    """`--fetch` gets what is missing, for the author and the reviewer; the hints say so."""
    server = Server()
    try:
        author = project(tmp_path / "author")
        numbers = author / "data/numbers"
        packed = tar(("numbers/a.txt", b"1"), ("numbers/deep/b.txt", b"3"))
        server.files["/numbers.tar"] = Served(content=packed)
        server.files["/table.csv"] = Served(content=b"7")
        config = (author / "repropack.yaml").read_text()
        config = config.replace("https://index.example/numbers.zip", server.url + "/numbers.tar")
        table = f'{{path: table.csv, url: "{server.url}/table.csv"}}'
        (author / "repropack.yaml").write_text(
            config.replace("{path: table.csv, describe: true}", table)
        )
        commit_all(author, "with addresses")
        shutil.rmtree(numbers)
        (author / "table.csv").unlink()
        done = venv("build", author, "-o", "bundle", cwd=tmp_path)
        assert done.code == 3 and f"data fetch {author} numbers" in done.err, done.said
        done = venv("build", author, "-o", "bundle", "--fetch", cwd=tmp_path)
        assert done.code == 0 and (numbers / "deep/b.txt").read_text() == "3", done.said
        done = venv("verify", "bundle", cwd=tmp_path)
        assert done.code == 2 and "data fetch bundle numbers" in done.err, done.said
        server.files["/table.csv"] = Served(content=b"8")
        shutil.rmtree(tmp_path / "cache/data")
        done = venv("verify", "bundle", "--fetch", cwd=tmp_path)
        assert done.code == 7 and "changed: 1" in done.err, done.said
        server.files["/table.csv"] = Served(content=b"7")
        done = venv("verify", "bundle", "--fetch", cwd=tmp_path)
        assert done.code == 0, done.said
    finally:
        server.close()


def test_what_is_no_data_or_too_much(tmp_path: Path) -> None:
    """Pointers of Git LFS are refused; `include` takes what it says, and is told before."""
    author = project(tmp_path / "author", ", include: 1 MB")
    numbers = author / "data/numbers/a.txt"
    numbers.write_bytes(b"1" + b" " * 1_500_000)
    done = venv("build", author, "-o", "bundle", cwd=tmp_path)
    assert done.code == 3 and "`include: 1 GB` takes it" in done.err, done.said
    assert "numbers has 1.5 MB" in done.err, done.said
    numbers.write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    )
    done = venv("build", author, "-o", "bundle", cwd=tmp_path)
    assert done.code == 3 and "pointers of Git LFS" in done.err, done.said
    assert "  a.txt" in done.err.splitlines(), done.said
    assert not (tmp_path / "bundle").exists()


def reproduce(bundle: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The reviewer's script."""
    return subprocess.run(
        ["./reproduce.sh", *arguments], cwd=bundle, capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def no_image_left() -> Iterator[None]:
    """The images of the project are removed again."""
    yield
    remove_images("mean-of-data")


@pytest.mark.engine
@pytest.mark.usefixtures("no_image_left")
def test_reviewer(author: Path, tmp_path: Path) -> None:
    """reproduce.sh checks the data with nothing but a shell, and mounts it read-only."""
    bundle = tmp_path / "bundle"
    done = repropack("build", author, "-o", bundle, cwd=tmp_path)
    assert done.code == 0, done.said
    missing = reproduce(bundle)
    assert missing.returncode == 2 and "--data numbers=PATH" in missing.stderr, missing.stderr
    assert f"`repropack data fetch {bundle} numbers` gets it" in missing.stderr, missing.stderr
    places = ("--data", f"numbers={author}/data/numbers", "--data", f"table={author}/table.csv")
    same = reproduce(bundle, *places)
    assert same.returncode == 0, same.stderr + same.stdout
    attested = json.loads((bundle / "reproduction/attestation.json").read_text())
    sums = hashlib.sha256((bundle / "SHA256SUMS").read_bytes()).hexdigest()
    assert attested["subject"][0]["digest"] == {"sha256": sums}
    record = json.loads((bundle / "reproduction/runs/mean/record.json").read_text())
    assert record["metrics"]["writable"]["value"] == 0, record
    verified = repropack("verify", bundle, *places, "-o", "out", cwd=tmp_path)
    assert verified.code == 0
    assert TABLE in same.stdout and TABLE in verified.out
    for name in ("report.txt", "report.md"):
        written = (bundle / "reproduction" / name).read_text("utf-8")
        assert written == (tmp_path / "out" / name).read_text("utf-8") and TABLE in written
    (author / "data/numbers/a.txt").write_text("2")
    (author / "data/numbers/link").symlink_to("a.txt")
    (author / "data/numbers/new line").write_text("2")
    (author / "data/numbers/deep/b.txt").unlink()
    other = reproduce(bundle, *places)
    assert other.returncode == 7, other.stderr
    told = ["added: 1", "  new line", "removed: 1", "  deep/b.txt", "changed: 1", "  a.txt"]
    assert "\n".join([*told, "the symbolic links differ"]) in other.stderr

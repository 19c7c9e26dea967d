"""`repropack data`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.driver import inside

FILES = {"a": "1", "sub/b": "22"}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small dataset."""
    monkeypatch.setenv("REPROPACK_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "data"
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def test_footprint_and_check(data: Path, tmp_path: Path) -> None:
    """The footprint is written, checked, and a difference is told with exit code 7."""
    recorded = tmp_path / "f.json"
    done = inside("data", "footprint", data, "-o", recorded)
    assert done.code == 0 and "root hash  blake3:" in done.out, done.said
    done = inside("data", "check", data, "--footprint", recorded)
    assert (done.code, done.out) == (0, "the same: 2 files, 0 of them read\n"), done.said
    (data / "new").write_text("")
    (data / "a").write_text("longer")
    (data / "sub" / "b").unlink()
    done = inside("data", "check", data, "--footprint", recorded, "--deep")
    assert done.code == 7, done.said
    lines = [
        "added: 1",
        "  new",
        "removed: 1",
        "  sub/b",
        "changed: 1",
        "  a (6 bytes, recorded 1)",
    ]
    assert done.out.splitlines()[1:] == lines


def test_json(data: Path, tmp_path: Path) -> None:
    """--json gives the same to programs; a list of differences ends after the first 20."""
    recorded = tmp_path / "f.json.gz"
    done = inside("data", "footprint", data, "-o", recorded, "--json")
    assert json.loads(done.out)["n_files"] == 2, done.said
    for number in range(30):
        (data / f"{number:02}").write_text("")
    done = inside("data", "check", data, "--footprint", recorded, "--json")
    found = json.loads(done.out)
    assert (done.code, found["same"], found["added"]["count"]) == (7, False, 30)
    assert found["added"]["first"] == [f"{number:02}" for number in range(20)]


def test_sample(data: Path, tmp_path: Path) -> None:
    """A sampled check says how likely it is to have caught a corruption."""
    recorded = tmp_path / "f.json"
    inside("data", "footprint", data, "-o", recorded)
    done = inside("data", "check", data, "--footprint", recorded, "--sample", "50%", "--seed", "1")
    assert done.code == 0 and "probability of 0.5," in done.out, done.said


@pytest.mark.parametrize("sample", ["0", "150%", "x", "-1%", "nan"])
def test_no_sample(data: Path, tmp_path: Path, sample: str) -> None:
    """What is no part of the files is refused."""
    inside("data", "footprint", data, "-o", tmp_path / "f.json")
    done = inside("data", "check", data, "--footprint", tmp_path / "f.json", "--sample", sample)
    assert done.code == 2, done.said


def test_what_cannot_be_read_is_listed(data: Path, tmp_path: Path) -> None:
    """The error names each of them, and the hint says what to do."""
    import os

    os.mkfifo(data / "pipe")
    done = inside("data", "footprint", data, "-o", tmp_path / "f.json")
    assert done.code == 3 and "  pipe is a FIFO" in done.err and "hint:" in done.err, done.said
    assert not (tmp_path / "f.json").exists()


def test_other_formats(data: Path, tmp_path: Path) -> None:
    """DeepDIVA's format holds SHA-1, and says so when something else is asked for."""
    v1 = tmp_path / "v1.json"
    done = inside("data", "footprint", data, "-o", v1, "--format", "deepdiva")
    assert done.code == 0, done.said
    assert inside("data", "check", data, "--footprint", v1).code == 0
    done = inside("data", "footprint", data, "-o", v1, "--format", "deepdiva", "--algo", "md5")
    assert done.code == 2 and "--algo sha1" in done.err, done.said

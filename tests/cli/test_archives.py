"""`build --archive` and `verify FILE`, as their users meet them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.cli.driver import Done, inside, project, repropack, traces
from tests.conftest import commit_all

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
FILES = {
    "repropack.yaml": f"""
        name: darts
        environment: {{python: "{PYTHON}"}}
        experiments:
          e: {{run: python e.py, metrics: {{v: {{json: r.json, key: v}}}}, outputs: [r.json]}}
        claims:
          - {{id: v, metric: e.v, value: "7"}}
        """,
    "e.py": "import json\njson.dump({'v': 7}, open('r.json', 'w'))\n",
    "r.json": '{"v": 7}',
}
VENV = ("--engine", "venv")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle in a file, written without a container."""
    directory = tmp_path_factory.mktemp("archive")
    paper = project(directory / "paper", FILES)
    path = directory / "darts.tar.zst"
    done = inside("build", paper, *VENV, "--archive", path, "--json")
    assert done.code == 0, done.said
    told = json.loads(done.out)["archive"]
    assert told == {
        "path": str(path),
        "size_bytes": path.stat().st_size,
        "parts": [],
        "list": None,
    }
    again = inside("build", paper, *VENV, "--archive", directory / "again.tar.zst")
    assert again.code == 0 and "again.tar.zst (0 MB)" in again.out, again.said
    assert (directory / "again.tar.zst").read_bytes() == path.read_bytes()
    shutil.rmtree(paper)
    return path


def called(archive: Path, tmp_path: Path, *words: str | Path) -> Done:
    """A command about an archive, in a directory of the caller's."""
    (tmp_path / "here").mkdir(exist_ok=True)
    cache = str(tmp_path / "cache")
    return repropack(*words, cwd=tmp_path / "here", env={"REPROPACK_CACHE": cache})


def test_verify_and_report(archive: Path, tmp_path: Path) -> None:
    """Runs and report go to where the command was called, and nothing stays unpacked."""
    done = called(archive, tmp_path, "verify", archive, *VENV)
    assert done.code == 0 and "reproduced: 1 of 1 claims" in done.out, done.said
    (report,) = (tmp_path / "here" / ".repropack" / "verifications").glob("*/report.json")
    assert json.loads(report.read_bytes())["bundle"]["path"] == str(archive)
    assert list((tmp_path / "cache" / "unpacked").iterdir()) == []
    assert {path.name for path in archive.parent.iterdir()} == {"darts.tar.zst", "again.tar.zst"}
    again = called(archive, tmp_path, "verify", archive, *VENV, "--resume")
    assert again.code == 0, again.said
    done = called(archive, tmp_path, "report", archive)
    assert done.code == 0 and "reproduced: 1 of 1 claims" in done.out, done.said
    assert traces(tmp_path) == []


def test_recorded(archive: Path, tmp_path: Path) -> None:
    """--recorded reads the result files of an archive."""
    done = called(archive, tmp_path, "verify", archive, "--recorded")
    assert done.code == 0 and "file agrees: 1 of 1 claims" in done.out, done.said
    assert len(list((tmp_path / "here" / ".repropack" / "recorded").iterdir())) == 1


def test_trust(archive: Path, tmp_path: Path) -> None:
    """--trust asks the bundle in an archive for its signature."""
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA\n")
    done = called(archive, tmp_path, "verify", archive, *VENV, "--trust", tmp_path / "key.pub")
    assert done.code == 7 and "is not signed" in done.err, done.said


def test_damaged(archive: Path, tmp_path: Path) -> None:
    """A damaged archive is exit code 7, and leaves nothing."""
    path = tmp_path / "b.tar.zst"
    path.write_bytes(archive.read_bytes()[:-9])
    done = called(archive, tmp_path, "verify", path, *VENV)
    assert done.code == 7 and "hint:" in done.err, done.said
    assert list((tmp_path / "here").iterdir()) == []


def test_parts(tmp_path: Path) -> None:
    """--part-size splits, and says how to join; `verify` takes the first part."""
    paper = project(tmp_path / "paper", FILES)
    path = tmp_path / "b.tar.zst"
    done = inside("build", paper, *VENV, "--archive", path, "--part-size", "0.1MB")
    assert done.code == 0 and "b.tar.zst.sha256 says how to join them" in done.out, done.said
    done = called(path, tmp_path, "verify", f"{path}.001", *VENV)
    assert done.code == 0, done.said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--archive", "b.rar"), "as its name says"),
        (("--archive", "e.py"), "as its name says"),
        (("--archive", "x.tar.zst", "--part-size", "0GB"), "not a size"),
        (("--archive", "x.tar.zst", "--part-size", "7"), "not a size"),
        (("--part-size", "7MB"), "--archive"),
    ],
)
def test_usage(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    """What makes no sense is refused before anything is built."""
    paper = project(tmp_path / "paper", FILES)
    done = inside("build", paper, *VENV, *words)
    assert done.code == 2 and told in done.err, done.said
    assert not (paper / ".repropack").exists()


def test_link_that_leads_out(tmp_path: Path) -> None:
    """A repository whose archive nobody could read is refused before anything is built."""
    paper = project(tmp_path / "paper", FILES)
    (paper / "data").symlink_to("/data")
    commit_all(paper)
    done = inside("build", paper, *VENV, "--archive", tmp_path / "b.tar.zst")
    assert done.code == 3 and "the link data leads out of the repository, to /data" in done.err
    assert "hint: remove the link" in done.err, done.said
    assert not (paper / ".repropack").exists() and not (tmp_path / "b.tar.zst").exists()
    done = inside("build", paper, *VENV)  # the hint: as a directory
    assert done.code == 0, done.said


def test_many_files_are_told(tmp_path: Path) -> None:
    """A directory with more files than archives take is told with what makes it one."""
    more = {f"data/{number}.txt": str(number) for number in range(100)}
    paper = project(tmp_path / "paper", {**FILES, **more})
    done = inside("build", paper, *VENV)
    assert done.code == 0 and "--archive FILE.tar.zst makes it one" in done.out, done.said
    done = inside("build", paper, *VENV, "--archive", tmp_path / "b.tar.zst")
    assert "makes it one" not in done.out

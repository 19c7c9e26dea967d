"""The directory of a run is whole or absent, and never an old one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repropack.engines.run_files import EngineRecord, unpublished, write_engine_record
from repropack.errors import RunError


def test_published_whole(tmp_path: Path) -> None:
    """What was written is there under the name that was asked for, and nothing else."""
    with unpublished(tmp_path / "a" / "out") as part:
        record = EngineRecord(engine="docker", status="completed", reason="", seconds=1.5)
        write_engine_record(part, record)
        assert not (tmp_path / "a" / "out").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]
    found = json.loads((tmp_path / "a" / "out" / "engine.json").read_text())
    assert (found["seconds"], found["exit_code"], found["skipped"]) == (1.5, None, [])


def test_absent_after_a_failure(tmp_path: Path) -> None:
    """When something fails, nothing is left."""
    with pytest.raises(KeyError), unpublished(tmp_path / "out") as part:
        (part / "record.json").write_text("{}")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_empty_directory_is_used(tmp_path: Path) -> None:
    """A directory that the caller has made already is no obstacle."""
    (tmp_path / "out").mkdir()
    with unpublished(tmp_path / "out") as part:
        (part / "x").touch()
    assert (tmp_path / "out" / "x").exists()


@pytest.mark.parametrize("stale", ["file", "directory"])
def test_stale_results_are_refused(stale: str, tmp_path: Path) -> None:
    """Results of an earlier run are neither overwritten nor taken for new ones."""
    out = tmp_path / "out"
    if stale == "file":
        out.write_text("old")
    else:
        out.mkdir()
        (out / "record.json").write_text("old")
    with pytest.raises(RunError, match="not empty"), unpublished(out):
        pass

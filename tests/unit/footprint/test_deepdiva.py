"""DeepDIVA's seven situations, and its format."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from repropack.errors import DataError, IntegrityError, InvalidError
from tests.unit.footprint.datasets import (
    Algorithm,
    Format,
    How,
    age,
    checked,
    differences,
    document,
    made,
    make,
)

FILES = {"train/0/a.png": "a", "train/1/b.png": "b", "test/c.png": "c", "labels.csv": "x"}


def version_1(root: Path, typed: str) -> dict[str, Any]:
    """What DeepDIVA writes, made here from the description of its format alone."""

    def folder(path: Path, name: str) -> dict[str, Any]:
        files, folders = [], []
        for below in path.iterdir():
            full = os.path.join(name, below.name)
            if below.is_dir():
                folders.append(folder(below, full))
            else:
                digest = hashlib.sha1(below.read_bytes()).hexdigest()
                files.append({"file_name": full, "file_hash": digest})
        return {"files": files, "folders": folders, "path": name}

    newest = max(path.stat().st_mtime for path in root.rglob("*") if path.is_file())
    return {**folder(root, typed), "last_modified": time.ctime(newest)}


@pytest.fixture(params=["ours", "deepdiva"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A dataset and its footprint, of ours and of DeepDIVA's."""
    data = make(tmp_path / "ds", FILES)
    age(data)
    recorded = tmp_path / "footprint.json"
    if request.param == "ours":
        made(data, recorded)
    else:
        recorded.write_text(json.dumps(version_1(data, "./somewhere/ds/")))
    return data, recorded


BOTH = pytest.mark.parametrize("how", [How.QUICK, How.DEEP])


@BOTH
def test_unchanged(pair: tuple[Path, Path], how: How) -> None:
    """1: nothing changed: the same."""
    assert checked(*pair, how).same


@BOTH
@pytest.mark.parametrize("typed", ["ds/", "./ds", "ds/../ds", "absolute"])
def test_path_as_typed(
    pair: tuple[Path, Path], how: How, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2: `ds/`, `ds` and the absolute path are one dataset."""
    data, recorded = pair
    monkeypatch.chdir(data.parent)
    assert checked(data if typed == "absolute" else Path(typed), recorded, how).same


@BOTH
def test_copied_elsewhere(pair: tuple[Path, Path], how: How, tmp_path: Path) -> None:
    """3: a copy under another path, with other times, is the same data."""
    data, recorded = pair
    copy = tmp_path / "other" / "place"
    shutil.copytree(data, copy, copy_function=shutil.copy)
    assert checked(copy, recorded, how).same


def test_content_changed_with_its_time_restored(pair: tuple[Path, Path]) -> None:
    """4: another content with the same size and time: a deep check says so."""
    data, recorded = pair
    path = data / "train/1/b.png"
    before = path.stat()
    path.write_text("B")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert differences(checked(data, recorded, How.DEEP)) == {
        "changed": ["train/1/b.png (other content)"]
    }


@BOTH
def test_older_file_deleted(pair: tuple[Path, Path], how: How) -> None:
    """5: a file that is missing is missing, also if it was not the newest."""
    data, recorded = pair
    age(data / "train")
    (data / "train/0/a.png").unlink()
    (data / "train/0").rmdir()
    found = differences(checked(data, recorded, how))
    assert found["removed"] == ["train/0/a.png"]


@BOTH
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Caracas"])
def test_time_zone_changed(
    pair: tuple[Path, Path], how: How, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6: another time zone is no other data."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert checked(*pair, how).same
    finally:
        monkeypatch.undo()
        time.tzset()


@BOTH
def test_after_a_failed_check(pair: tuple[Path, Path], how: How) -> None:
    """7: a check that failed leaves nothing in the data that makes the next one fail."""
    data, recorded = pair
    path = data / "labels.csv"
    path.write_text("other")
    assert not checked(data, recorded, How.DEEP).same
    path.write_text("x")
    assert checked(data, recorded, how).same


def test_reports_of_the_original_are_no_data(tmp_path: Path) -> None:
    """`footprint.json` and `differences_footprint.json` in the data are not part of it."""
    data = make(tmp_path / "ds", FILES)
    text = json.dumps(version_1(data, "ds"))
    (data / "footprint.json").write_text(text)
    (data / "differences_footprint.json").write_text("{}")
    assert checked(data, data / "footprint.json", How.DEEP).same


def test_writing_gives_what_the_original_gives(tmp_path: Path) -> None:
    """Written with version 1, read back by its description: the same names and hashes."""
    data = make(tmp_path / "ds", FILES)
    out = tmp_path / "v1.json"
    made(data, out, algorithm=Algorithm.SHA1, format=Format.DEEPDIVA)
    written, expected = document(out), version_1(data, str(data))

    def files(folder: dict[str, Any]) -> set[tuple[str, str]]:
        own = {(file["file_name"], file["file_hash"]) for file in folder["files"]}
        return own.union(*(files(below) for below in folder["folders"]))

    assert files(written) == files(expected)
    assert written["last_modified"] == expected["last_modified"]
    assert checked(data, out, How.DEEP).same


@pytest.mark.parametrize(
    "spoil",
    [
        lambda v1: v1["files"][0].update(file_hash="12"),
        lambda v1: v1["files"][0].update(file_name="/elsewhere/a"),
        lambda v1: v1["files"].append({}),
        lambda v1: v1["folders"].append(None),
        lambda v1: v1.update(path=None),
        lambda v1: v1["files"].append({**v1["files"][0], "file_hash": "0" * 40}),
    ],
)
def test_damaged(tmp_path: Path, spoil: Any) -> None:
    """A version 1 that makes no sense is refused, and is no difference of the data."""
    data = make(tmp_path / "ds", FILES)
    given = version_1(data, "ds")
    spoil(given)
    (tmp_path / "v1.json").write_text(json.dumps(given))
    with pytest.raises(IntegrityError, match=r"v1\.json"):
        checked(data, tmp_path / "v1.json")


def test_links_cannot_be_said(tmp_path: Path) -> None:
    """What version 1 cannot say is refused, and nothing is left of the attempt."""
    data = make(tmp_path / "ds", FILES)
    (data / "link").symlink_to("labels.csv")
    with pytest.raises(InvalidError, match="link"):
        made(data, tmp_path / "v1.json", algorithm=Algorithm.SHA1, format=Format.DEEPDIVA)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ds"]
    assert DataError.exit_code == 3

"""`repropack report`: a verification rendered again, without running anything."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.driver import inside
from tests.verifications import CLAIMS, records, sample, write


def test_report_renders_again(tmp_path: Path) -> None:
    """It writes the page, Markdown and text, prints the table, and exits as the verdict does."""
    directory = sample(tmp_path)
    done = inside("report", directory)
    assert done.code == 6, done.said
    assert (directory / "report.txt").read_text("utf-8").rstrip() == done.out.rstrip()
    assert (directory / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert "| eca-accuracy |" in (directory / "report.md").read_text("utf-8")
    assert str(directory / "report.html") in done.err


def test_report_as_json(tmp_path: Path) -> None:
    """--json prints what report.json holds of the claims and runs."""
    directory = write(tmp_path, list(records()), claims=CLAIMS[:1])
    done = inside("report", directory, "--json")
    assert done.code == 0, done.said
    shown, saved = json.loads(done.out), json.loads((directory / "report.json").read_text("utf-8"))
    assert (shown["claims"], shown["runs"]) == (saved["claims"], saved["runs"])


def test_report_finds_the_newest(tmp_path: Path) -> None:
    """Of a project it is the newest verification that is rendered."""
    newest = tmp_path / ".repropack" / "verifications" / "2026-02-01T00-00-00Z"
    write(newest, list(records()), claims=CLAIMS[:1])
    assert inside("report", tmp_path).code == 0
    assert (newest / "report.html").is_file()


def test_report_of_something_else(tmp_path: Path) -> None:
    """A directory without a report is a usage error; a broken report.json is said to be one."""
    done = inside("report", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "is not a verification" in done.err and "hint:" in done.err
    (tmp_path / "report.json").write_text('{"schema": "repropack.report/1"}', "utf-8")
    done = inside("report", tmp_path)
    assert done.code == 3
    assert "verdict: is missing" in done.err or "exit_code: is missing" in done.err

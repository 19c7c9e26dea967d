"""From a manifest to a lock: what is added when the author asks to infer."""

from __future__ import annotations

import subprocess
from pathlib import Path

from repropack.environment import EMPTY_LOCK, AsOf, Target
from repropack.findings import Choice, Severity
from repropack.inspection import EnvironmentFile, inspect
from repropack.locking import inferred, line_of, provide_lock
from repropack.source import open_source

SIX = Choice(value="six", because="`import six` in train.py:7")
TARGET = Target(python="3.11")


def test_an_inferred_package_is_placed_where_it_is_imported() -> None:
    """Messages about it point to the line that needs it."""
    assert (line_of(SIX).text, str(line_of(SIX).where)) == ("six", "train.py:7")
    notebook = Choice(value="six", because="`import six` in a b/train.ipynb")
    assert str(line_of(notebook).where) == "a b/train.ipynb"
    finding = inferred(SIX)
    assert (finding.kind, finding.severity) == ("environment.inferred", Severity.WARNING)
    assert str(finding.where) == "train.py:7"


def provided(
    directory: Path, files: dict[str, str], *infer: Choice, as_of: AsOf | None = None
) -> tuple[str, list[str]]:
    """The origin of a project's lock, and the kinds of its findings."""
    for name, text in files.items():
        (directory / name).write_text(text)
    subprocess.run(["git", "init", "-q", directory], check=True)
    source = open_source(directory, allow_dirty=True)
    file = inspect(source, None).environment
    lock = provide_lock(source, file, TARGET, directory / "cache", infer=infer, as_of=as_of)
    return lock.origin, [finding.kind for finding in lock.findings]


def test_nothing_is_added_to_a_lock(tmp_path: Path) -> None:
    """A lock is whole by its author's word; what it lacks is told."""
    files = {"requirements.txt": f"a==1 --hash=sha256:{'0' * 64}\n"}
    assert provided(tmp_path, files, SIX) == ("requirements.txt", ["environment.not-inferred"])
    assert provided(tmp_path, files) == ("requirements.txt", [])


def test_a_lock_has_no_date(tmp_path: Path) -> None:
    """`--as-of` changes nothing of a lock, and that is told."""
    files = {"requirements.txt": f"a==1 --hash=sha256:{'0' * 64}\n"}
    now = AsOf(time=None, because="as --as-of says", fresh=True)
    _, kinds = provided(tmp_path, files, as_of=now)
    assert kinds == ["environment.as-of-ignored"]


def test_a_project_that_needs_nothing_has_an_empty_lock(tmp_path: Path) -> None:
    """No manifest and nothing to infer: no resolver runs."""
    assert provided(tmp_path, {"a.py": "print(1)\n"}) == (EMPTY_LOCK.origin, [])
    assert isinstance(inspect(open_source(tmp_path), None).environment, EnvironmentFile)

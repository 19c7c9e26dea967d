"""From a manifest to a lock: what is added when the author asks to infer."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from repropack.environment import EMPTY_LOCK, AsOf, Kind, Lock, Origin, Target
from repropack.environment.origins import unbuilt
from repropack.errors import UnknownNameError
from repropack.findings import Choice, Severity, Where
from repropack.inspection import EnvironmentFile, inspect
from repropack.locking import built, inferred, line_of, provide_lock, with_known
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


def test_an_environment_that_nobody_declares_does_not_claim_that_nothing_is_needed(
    tmp_path: Path,
) -> None:
    """The plan says what the code imports, as inspection does."""
    (tmp_path / "a.py").write_text("import six\n")
    source = open_source(tmp_path, allow_dirty=True)
    found = inspect(source, None)
    lock = provide_lock(source, found.environment, TARGET, tmp_path, undeclared=True)
    assert lock.because == "no file says what to install, but the code imports six"


def test_nothing_is_added_to_a_lock(tmp_path: Path) -> None:
    """A lock is whole by its author's word; what it lacks is told."""
    files = {"requirements.txt": f"a==1 --hash=sha256:{'0' * 64}\n"}
    assert provided(tmp_path, files, SIX) == ("requirements.txt", ["environment.not-inferred"])
    assert provided(tmp_path, files) == ("requirements.txt", [])


def test_a_guess_that_no_index_has_is_left_out_and_told() -> None:
    """One import that nobody knows must not stop the others; a manifest's name still does."""
    own = Choice(value="own_module[x]>1", because="`pip install own_module[x]>1` in README.md:3")

    def resolved(known: tuple[Choice, ...], missing: str = "own-module") -> Lock:
        if own in known or missing == "paper":
            raise UnknownNameError("no index has it", name=missing)
        return replace(EMPTY_LOCK, origin=" ".join(choice.value for choice in known))

    lock, said = with_known((own, SIX), resolved)
    assert lock.origin == "six"
    assert [(f.kind, f.value, str(f.where)) for f in said] == [
        ("environment.inferred", "six", "train.py:7"),
        ("environment.not-inferred", "own_module", "README.md:3"),
    ]
    with pytest.raises(UnknownNameError):
        with_known((SIX,), partial(resolved, missing="paper"))


def test_what_no_index_has_as_a_wheel_is_told() -> None:
    """What is compiled, and what is installed from the source itself, with its place."""
    where = Where(path="requirements.txt", line=2)
    origins = (Origin(kind=Kind.SDIST), Origin(kind=Kind.DIRECTORY, path="."))
    items = tuple(
        unbuilt("dlib", "19.24.2", origin, where, hashes=("sha256:0",)) for origin in origins
    )
    found = tuple(built(replace(EMPTY_LOCK, requirements=items)))
    assert [(f.kind, f.because, str(f.where)) for f in found] == [
        (
            "environment.built",
            "dlib==19.24.2 is built from source distribution: no index has a wheel of it",
            "requirements.txt:2",
        ),
        (
            "environment.built",
            "dlib==19.24.2 is installed where it stands, in the root: it is the source's own",
            "requirements.txt:2",
        ),
    ]


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

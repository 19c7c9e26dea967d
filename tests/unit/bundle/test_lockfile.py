"""The lock beside a bundle: what was resolved, as a file that its author can commit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from repropack.bundle import keep_lock
from repropack.bundle.lockfile import lock_beside, lock_text
from repropack.detectors import Reading, python
from repropack.environment import Format, Lock, Target, format_of, read_lock
from repropack.errors import BuildError
from repropack.findings import Choice
from tests.conftest import commit_all
from tests.unit.bundle.made import plan_of
from tests.unit.detectors.tree import Tree
from tests.unit.environment.wheelhouse import lock, requirement

OWN = "https://index.example/simple"


def resolved() -> Lock:
    """What a resolution gives."""
    made = lock(requirement("six", "1.16.0", "b" * 64, "c" * 64), requirement("app", "1", "a" * 64))
    as_of = Choice(value="2024-05-01", because="the commit's date")
    secret = "https://me:secret@index.example/simple"
    return dataclasses.replace(made, as_of=as_of, indexes=(OWN, secret))


def test_what_was_resolved_is_read_back() -> None:
    """Committed, the text is a lock of the same packages for the same Python, without secrets."""
    text = lock_text(resolved(), "3.11")
    assert format_of("requirements.lock", text) is Format.HASHED
    read = read_lock(text, "requirements.lock", Format.HASHED, target=Target(python="3.11"))
    assert [(str(r), len(r.hashes)) for r in read.requirements] == [
        ("app==1", 1),
        ("six==1.16.0", 2),
    ]
    assert read.indexes == (OWN,)
    assert "secret" not in text
    (pin,) = python.detect(Reading(Tree({"requirements.lock": text})))
    assert (pin.kind, pin.value) == (python.PIN, "3.11")


def test_only_what_was_resolved_is_kept(tmp_path: Path) -> None:
    """A project with a lock of its own gets none beside its bundle; a stale one goes away."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.py").write_text("print(1)\n")
    commit_all(project)
    plan, _ = plan_of(project)
    out = tmp_path / "artifact"
    unlocked = dataclasses.replace(plan, lock=resolved())
    assert keep_lock(unlocked, out) == tmp_path / "artifact.requirements.lock"
    assert keep_lock(plan, out) is None and not lock_beside(out).exists()
    lock_beside(out).write_text("somebody else's\n")
    assert keep_lock(unlocked, out) is None
    assert lock_beside(out).read_text() == "somebody else's\n"
    with pytest.raises(BuildError):
        keep_lock(unlocked, tmp_path / "missing" / "artifact")

"""The plan: what is decided, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.errors import PlanError
from repropack.pipeline import decide
from repropack.plan import Plan
from repropack.progress import Silent
from repropack.project import look
from repropack.settings import Settings
from tests.conftest import commit_all


def planned(directory: Path, files: dict[str, str], *, infer: bool = False) -> Plan:
    """The plan of a repository with these files."""
    for name, text in files.items():
        (directory / name).write_text(text)
    commit_all(directory)
    settings = Settings(cache=directory / ".repropack" / "cache", infer=infer)
    return decide(look(directory, allow_dirty=False), settings=settings, reporter=Silent())


def test_system_packages_come_from_both_places(tmp_path: Path) -> None:
    """apt.txt and repropack.yaml name system packages; each has its reason."""
    files = {"apt.txt": "libgl1\nzip\n", "repropack.yaml": "environment: {apt: [ffmpeg, zip]}\n"}
    apt = planned(tmp_path, files).base.apt
    assert [choice.value for choice in apt] == ["ffmpeg", "libgl1", "zip"]
    assert "repropack.yaml" in apt[0].because
    assert "apt.txt" in apt[1].because


def test_system_packages_need_a_debian_python(tmp_path: Path) -> None:
    """System packages with a Python that no Debian release has are refused, with the choice."""
    with pytest.raises(PlanError) as caught:
        planned(tmp_path, {"apt.txt": "libgl1\n", ".python-version": "3.12\n"})
    assert "3.12" in caught.value.what
    assert "3.11" in (caught.value.hint or "")


def test_every_decision_has_a_reason(tmp_path: Path) -> None:
    """No choice of a plan stands there without its because."""
    plan = planned(tmp_path, {"main.py": "print(1)\n"})
    assert plan.decisions
    assert all(choice.because for _, choice in plan.decisions)


def test_nothing_is_inferred_unasked(tmp_path: Path) -> None:
    """An import that no manifest declares is a finding, and installs nothing by itself."""
    plan = planned(tmp_path, {"main.py": "import numpy\n"})
    assert plan.lock.requirements == ()
    assert any(found.kind == "dependencies.missing" for found in plan.findings)

"""What a bundle says of the patch version of its Python."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from repropack.bundle import read_bundle, write_bundle
from repropack.project import look
from tests.conftest import commit_all, example
from tests.unit.bundle.made import plan_of


@pytest.mark.parametrize("had", ["3.11.9", None])
def test_the_version_that_is_there(tmp_path: Path, had: str | None) -> None:
    """It is recorded and asked for again where the base has it, and is a warning where not."""
    project = example("quickstart", tmp_path)
    (project / ".python-version").write_text("3.11.9\n")
    commit_all(project)
    plan, made = plan_of(project)
    ingredients = replace(made, base=replace(made.base, exact=had))
    source, out = look(project, allow_dirty=False).source, tmp_path / "bundle"
    write_bundle(plan, source, ingredients, cache=tmp_path / "cache", out=out)
    assert read_bundle(out).base.exact == had
    findings = json.loads((out / "repropack.json").read_text())["findings"]
    told = [found["because"] for found in findings if found["kind"] == "python.patch"]
    expected = (
        []
        if had
        else ["pinned in .python-version:1, and the base has another patch version of 3.11"]
    )
    assert told == expected

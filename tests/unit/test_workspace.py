"""Where files go."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.errors import UsageError
from repropack.workspace import bundle_place, place


def test_a_place_that_is_named_leaves_the_bundle_alone(tmp_path: Path) -> None:
    """A bundle that cannot be written to can be verified: nothing is made in it."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    assert place(bundle, tmp_path / "out", force=False) == tmp_path / "out"
    with pytest.raises(UsageError, match="no verification to resume"):
        place(bundle, tmp_path / "out", force=False, resume=True)
    assert not list(bundle.iterdir())


def test_places_without_a_name_are_the_bundles(tmp_path: Path) -> None:
    """Named by the time, and never one that is there; `resume` finds the newest."""
    made = [place(tmp_path, None, force=False) for _ in range(3)]
    assert len(set(made)) == 3
    assert {path.parent for path in made} == {tmp_path / ".repropack" / "verifications"}
    (made[1] / "runs").mkdir()
    assert place(tmp_path, None, force=False, resume=True) == made[1]


def test_a_project_that_cannot_be_written_to(tmp_path: Path) -> None:
    """Its bundle can go elsewhere, and the hint says how: `verify -o` is where results go."""
    (tmp_path / ".repropack").write_text("a file")
    with pytest.raises(UsageError) as caught:
        bundle_place(tmp_path, "x-0", None, force=False)
    assert caught.value.hint and "repropack build -o DIR" in caught.value.hint
    assert bundle_place(tmp_path, "x-0", tmp_path / "o", force=False) == tmp_path / "o"

"""Wheels in an anonymous bundle: those of an index name their authors, those built here ours."""

from __future__ import annotations

import json
from pathlib import Path

from repropack.anonymous.scanning import scan
from repropack.anonymous.terms import Term
from tests.unit.environment.wheelhouse import make_wheel

WORDS = (Term(text="quillfeather", what="name or address in git's history"),)


def test_wheels_of_an_index_are_not_looked_through(tmp_path: Path) -> None:
    """An offline bundle has the lock's wheels: only what was built for it can tell."""
    for name in ("public", "built"):
        make_wheel(tmp_path / "wheels", name, "1.0", content="# by quillfeather\n")
    manifest = {"built": [{"filename": "built-1.0-py3-none-any.whl"}]}
    (tmp_path / "repropack.json").write_text(json.dumps(manifest))
    found = {each.path for each in scan(tmp_path, WORDS)}
    assert {path.partition("!")[0] for path in found} == {"wheels/built-1.0-py3-none-any.whl"}
    (tmp_path / "repropack.json").write_text("{}")
    found = {each.path.partition("!")[0] for each in scan(tmp_path, WORDS)}
    assert found == {f"wheels/{name}-1.0-py3-none-any.whl" for name in ("public", "built")}

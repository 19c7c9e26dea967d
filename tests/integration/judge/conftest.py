"""A bundle's manifest beside its judge.pyz."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.judge.pyz import write_pyz
from tests.unit.judge.bundles import write_manifest


@pytest.fixture(name="bundle")
def _bundle(tmp_path: Path) -> Path:
    write_manifest(tmp_path)
    write_pyz(tmp_path / "judge.pyz")
    return tmp_path

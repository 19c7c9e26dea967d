"""Where the carried files are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack import assets


def test_checkout() -> None:
    """In a checkout the files of the checkout are used."""
    assert (assets.templates() / "base.sh").is_file()
    assert assets.dockerfile_base().is_file()
    assert set(assets.base_files()) == {"base.sh", "Dockerfile.base"}


def test_bundled_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package uses its own files, not a foreign `templates` beside it."""
    package = tmp_path / "repropack"
    (package / "_assets" / "templates").mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr(assets, "_PACKAGE", package)
    assert assets.templates() == package / "_assets" / "templates"

"""Names and contents → which format a file is."""

from __future__ import annotations

import pytest

from repropack.formats import Format, format_of

A = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("pylock.toml", "", Format.PYLOCK),
        ("a/pylock.gpu.toml", "", Format.PYLOCK),
        ("pyproject.toml", "", Format.PYPROJECT),
        ("requirements.txt", "six", Format.REQUIREMENTS),
        ("requirements.txt", f"six==1 --hash={A}", Format.HASHED),
        ("requirements.lock", f"six==1 \\\n    --hash={A}", Format.HASHED),
        ("requirements.txt", f"six==1 # --hash={A}", Format.REQUIREMENTS),
        ("requirements.txt", f"six==1\n  # --hash={A}", Format.REQUIREMENTS),
        ("README.md", "", None),
    ],
)
def test_the_format_follows_from_name_and_content(
    path: str, text: str, expected: Format | None
) -> None:
    """A requirements file is a lock once one of its lines has a hash."""
    assert format_of(path, text) is expected

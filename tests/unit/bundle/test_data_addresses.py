"""Where a bundle says that its data can be had."""

from __future__ import annotations

from typing import Any

import pytest

from repropack.bundle.data import from_json, to_json

RAW: dict[str, Any] = {
    "name": "digits",
    "path": "data/digits",
    "root_hash": "sha256:" + "a" * 64,
    "n_files": 1,
    "n_bytes": 7,
    "include": False,
}


def test_addresses_survive() -> None:
    """Mirrors and hash are read as they were written; one address alone was written before."""
    urls = ["https://a.example/d.zip", "hf://datasets/o/n@v1/d.zip"]
    raw = {**RAW, "urls": urls, "sha256": "b" * 64}
    assert to_json(from_json(raw)) == raw
    assert from_json({**RAW, "url": urls[0]}).urls == (urls[0],)
    assert from_json({**RAW, "url": None}).urls == ()


@pytest.mark.parametrize(
    "more",
    [
        {"urls": ["file:///etc/passwd"]},
        {"urls": "https://a.example/d"},
        {"urls": [7]},
        {"urls": [], "sha256": "../../../home/me/.profile"},
        {"urls": [], "sha256": 7},
    ],
)
def test_a_strangers_addresses(more: dict[str, Any]) -> None:
    """What is no address, and a hash that is a path, are refused."""
    with pytest.raises((ValueError, TypeError)):
        from_json({**RAW, **more})

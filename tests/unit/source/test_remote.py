"""Addresses without credentials."""

from __future__ import annotations

import pytest

from repropack.source.remote import without_credentials

TOKEN = "ghp_0123456789abcdefABCDEF0123456789abcd"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/o/r.git", "https://example.org/o/r.git"),
        ("https://me:secret@example.org/o/r.git", "https://example.org/o/r.git"),
        (f"https://{TOKEN}@example.org/o/r", "https://example.org/o/r"),
        ("https://git:secret@example.org/r", "https://example.org/r"),
        ("https://me:se@cret@example.org:8443/r", "https://example.org:8443/r"),
        ("https://me:sec/ret@example.org/r", "https://example.org/r"),
        ("https://me:12/ret@example.org/r", "https://example.org/r"),
        ("https://example.org/@scope/r", "https://example.org/@scope/r"),
        ("https://example.org:8443/@scope/r", "https://example.org:8443/@scope/r"),
        ("https://example.org/r?private_token=secret#secret", "https://example.org/r"),
        (f"https://example.org/{TOKEN}/r", "https://example.org//r"),
        ("ssh://git@example.org:22/o/r", "ssh://git@example.org:22/o/r"),
        ("ssh://git:secret@example.org/o/r", "ssh://git@example.org/o/r"),
        ("ssh://alice@example.org/o/r", "ssh://example.org/o/r"),
        ("git@example.org:o/r.git", "git@example.org:o/r.git"),
        ("git@example.org:o@x/r.git", "git@example.org:o@x/r.git"),
        ("me:secret@example.org:o/r.git", "example.org:o/r.git"),
        ("git:secret@example.org:o/r.git?x=1", "git@example.org:o/r.git"),
        (f"{TOKEN}@example.org:o/r.git", "example.org:o/r.git"),
        ("git@[::1]:o/r", "git@[::1]:o/r"),
        ("https://me:pw@[::1]:8080/r", "https://[::1]:8080/r"),
        ("hg::https://me:secret@example.org/r", "hg::https://example.org/r"),
        ("ext::sh -c 'echo secret'", None),
        ("/home/alice/r", None),
        ("../r", None),
        ("./a:b", None),
        ("file:///home/alice/r", None),
        ("https://example.org/\nr", None),
        ("", None),
    ],
)
def test_without_credentials(url: str, expected: str | None) -> None:
    """User, password, token, query and paths of this machine go; the address stays."""
    assert without_credentials(url) == expected

"""Manifests as users have them → what is odd in them."""

from __future__ import annotations

import hashlib

import pytest

from repropack import tables
from repropack.detectors import Reading, oddities
from tests.unit.detectors.tree import Tree


class Raw(Tree):
    """A tree with one requirements file of given bytes."""

    def __init__(self, raw: bytes, encoding: str) -> None:
        super().__init__({"requirements.txt": raw.decode(encoding)})
        self.raw = raw

    def read_bytes(self, path: str) -> bytes:
        """The bytes as they are."""
        return self.raw


@pytest.mark.parametrize(
    ("raw", "encoding", "said"),
    [
        (b"a==1\n", "utf-8", ""),
        (b"a==1\r\n", "utf-8", "line ends of Windows"),
        (b"\xef\xbb\xbfa==1\n", "utf-8-sig", "byte order mark"),
        ("a==1\n".encode("utf-16"), "utf-16", "is in UTF-16"),
    ],
)
def test_encodings_are_told(raw: bytes, encoding: str, said: str) -> None:
    """The file is read, and its author learns what others may stumble over."""
    found = oddities.detect(Reading(Raw(raw, encoding)))
    assert [said in f.because for f in found] == ([True] if said else [])


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("git+https://host.example/a/b.git", oddities.UNPINNED_GIT),
        ("-e git+https://me:secret@host.example/a/b.git@main#egg=b", oddities.UNPINNED_GIT),
        ("b @ git+ssh://git@host.example/a/b", oddities.UNPINNED_GIT),
        ("git+https://host.example/a/b.git@0123456789abcdef0123456789abcdef01234567", None),
        ("# git+https://host.example/a/b.git", None),
        ("-i http://retired.example/simple/", oddities.RETIRED_INDEX),
        ("-i http://index.example/simple/", None),
    ],
)
def test_lines_that_cannot_work_as_they_are(
    line: str, kind: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with file and line, without secrets."""
    retired = hashlib.sha256(b"retired.example").hexdigest()
    known = {"public": [], "retired": [retired]}
    monkeypatch.setattr(tables, "_data", lambda name: known)
    found = oddities.detect(Reading(Tree({"requirements.txt": f"six\n{line}\n"})))
    assert [f.kind for f in found] == ([kind] if kind else [])
    assert all(f.where and f.where.line == 2 and "secret" not in f.because for f in found)

"""Git LFS without git-lfs: pointers are files like any other, content is told by its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from repropack.source import SourceKind, Unreadable, open_source
from repropack.source.lfs import Pointer, read_pointer

from .conftest import Repo

CONTENT = b"weights " * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
POINTER = (
    f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA256}\nsize {len(CONTENT)}\n"
).encode()


@pytest.fixture
def pulled(repo: Repo, tmp_path: Path) -> Repo:
    """A repository whose working tree has the content, as after `git lfs pull`."""
    pointer = tmp_path / "pointer"
    pointer.write_bytes(POINTER)
    # What `git lfs clean` does: it turns the content into its pointer.
    repo.git("config", "filter.lfs.clean", f"cat >/dev/null; cat '{pointer}'")
    repo.commit({".gitattributes": "*.pt filter=lfs -text\n", "m.pt": CONTENT, "a.py": "1\n"})
    assert repo.git("cat-file", "blob", "HEAD:m.pt").encode() + b"\n" == POINTER
    return repo


def test_content_of_the_working_tree_counts(pulled: Repo, tmp_path: Path) -> None:
    """Where the working tree has the content, the content is packed and not the pointer."""
    source = open_source(pulled.path)
    assert source.kind is SourceKind.COMMIT
    assert source.findings == ()
    assert [each.size_bytes for each in source.files() if each.path == "m.pt"] == [len(CONTENT)]
    assert source.read_bytes("m.pt") == CONTENT
    source.export(tmp_path / "out", mtime_s=7)
    assert (tmp_path / "out" / "m.pt").read_bytes() == CONTENT
    assert (tmp_path / "out" / "m.pt").stat().st_mtime == 7


def test_pointer_without_content_is_a_finding(repo: Repo) -> None:
    """Where only the pointer is there, it is packed as it is and told with what to do."""
    repo.commit({"m.pt": POINTER})
    source = open_source(repo.path)
    assert source.read_bytes("m.pt") == POINTER
    assert [(each.kind, each.value) for each in source.findings] == [("source.lfs-pointer", "m.pt")]
    assert "git lfs pull" in source.findings[0].because


def test_other_content_of_the_same_size(pulled: Repo, tmp_path: Path) -> None:
    """Content of the right size and the wrong hash is refused when it is read, never packed."""
    source = open_source(pulled.path)
    (pulled.path / "m.pt").write_bytes(CONTENT[::-1])
    with pytest.raises(Unreadable, match=r"m\.pt is not the content that Git LFS records"):
        source.read_bytes("m.pt")
    with pytest.raises(Unreadable):
        source.export(tmp_path / "out", mtime_s=0)


def test_changed_content_in_a_dirty_tree(pulled: Repo) -> None:
    """A changed LFS file enters a dirty tree with its content; git-lfs is not run for it."""
    pulled.write("m.pt", b"new" * 1000)
    pulled.git("config", "filter.lfs.clean", f"echo {'a pointer' * 9}")
    source = open_source(pulled.path, allow_dirty=True)
    assert source.dirty == ("m.pt",)
    assert source.read_bytes("m.pt") == b"new" * 1000


def test_pointers_are_told_exactly() -> None:
    """Only a well-formed pointer is one; extensions and the older address are known."""
    expected = Pointer(sha256=SHA256, size_bytes=len(CONTENT))
    assert read_pointer(POINTER) == expected
    assert read_pointer(POINTER.replace(b"oid ", b"ext-0-foo sha256:ab\noid ")) == expected
    assert read_pointer(POINTER.replace(b"git-lfs.github", b"hawser.github")) == expected
    assert read_pointer(POINTER + b"more\n") is None
    assert read_pointer(b"see " + POINTER) is None

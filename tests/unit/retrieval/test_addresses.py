"""Addresses: what they name, and how they are shown."""

from __future__ import annotations

import pytest

from repropack.retrieval.addresses import file_name, hub, is_address, record, shown

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"hf://datasets/o/n@{COMMIT}/a/b.csv", ("datasets/", "o/n", COMMIT, "a/b.csv")),
        ("hf://datasets/o/n", ("datasets/", "o/n", "main", "")),
        ("hf://o/n@v1/w.bin", ("", "o/n", "v1", "w.bin")),
        ("hf://models/o/n@refs%2Fpr%2F1/w.bin", ("", "o/n", "refs/pr/1", "w.bin")),
        (
            f"https://huggingface.co/datasets/o/n/resolve/{COMMIT}/a%20b.csv?download=true",
            ("datasets/", "o/n", COMMIT, "a b.csv"),
        ),
        ("https://huggingface.co/o/n/blob/main/w.bin", ("", "o/n", "main", "w.bin")),
        ("https://huggingface.co/datasets/o/n/tree/main", ("datasets/", "o/n", "main", "")),
    ],
)
def test_hugging_face(url: str, expected: tuple[str, ...]) -> None:
    """Kind, repository, revision and path are read from either way of writing them."""
    found = hub(url)
    assert found is not None
    assert (found.kind, found.repo, found.revision, found.path) == expected
    assert found.pinned == (COMMIT in url)


@pytest.mark.parametrize(
    ("url", "id", "file"),
    [
        ("https://zenodo.org/records/123", "123", ""),
        ("https://zenodo.org/record/123/", "123", ""),
        ("https://www.zenodo.org/records/123/files/a%20b.zip?download=1", "123", "a b.zip"),
        ("https://zenodo.org/api/records/123/files/a.zip/content", "123", "a.zip"),
        ("https://doi.org/10.5281/zenodo.123", "123", ""),
    ],
)
def test_zenodo(url: str, id: str, file: str) -> None:
    """The record and its file are read from every address that Zenodo gives out."""
    found = record(url)
    assert found is not None
    assert (found.host, found.id, found.file) == ("https://zenodo.org", id, file)


@pytest.mark.parametrize(
    "url",
    [
        "https://data.example/records/123",
        "https://zenodo.org.data.example/records/123",
        "https://huggingface.co.data.example/datasets/o/n/resolve/main/a",
        "https://data.example/datasets/o/n/resolve/main/a",
    ],
)
def test_other_hosts(url: str) -> None:
    """An address that looks like one of theirs on another host is a plain one."""
    assert hub(url) is None
    assert record(url) is None


def test_shown() -> None:
    """What opens doors is not shown; the rest is."""
    url = "https://me:pw@data.example:8443/a%20b.zip?X-Amz-Signature=abc&x=1&access_token=t#f"
    assert shown(url) == (
        "https://data.example:8443/a%20b.zip?X-Amz-Signature=***&x=1&access_token=***"
    )


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.example/x/d.zip?download=1", "d.zip"),
        ("https://a.example/", "download"),
        ("https://a.example/..", "download"),
        ("https://a.example/%2e%2e%2fetc%2fpasswd", "etc_passwd"),
        ("https://a.example/.bashrc", "bashrc"),
        ("https://a.example/a%00b", "a_b"),
    ],
)
def test_file_name(url: str, name: str) -> None:
    """A file's name never leads anywhere and never hides."""
    assert file_name(url).replace("_etc", "etc") == name


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://a.example/x", True),
        ("hf://datasets/o/n", True),
        ("hf://datasets", False),
        ("ftp://a.example/x", False),
        ("https:///x", False),
        ("https://[::1/x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_is_address(url: str, good: bool) -> None:
    """Only what can be fetched from is an address."""
    assert is_address(url) is good

"""Reading files of a source: paths, links and encodings."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pytest

from repropack.errors import SourceError
from repropack.source import Entry, Source, Unreadable, open_source

from .conftest import Repo, git


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A source with a file, an executable, directories and all sorts of links."""
    repo = Repo(tmp_path_factory.mktemp("reading") / "project")
    repo.write("conf/real.toml", "a = 1\n")
    repo.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    for name, target in {
        "link.toml": "conf/real.toml",
        "conf/up.sh": "../run.sh",
        "etc": "conf",
        "dangling": "nowhere",
        "absolute": "/etc/passwd",
        "outside": "../../other/file",
        "circle": "circle2",
        "circle2": "./circle",
    }.items():
        (repo.path / name).symlink_to(target)
    repo.commit()
    return open_source(repo.path)


def test_entries_say_what_they_are(source: Source) -> None:
    """Entries are sorted and have mode, size, git's object id and a link's target."""
    entries = {entry.path: entry for entry in source.files()}
    assert list(entries) == sorted(entries)
    assert (entries["run.sh"].mode, entries["run.sh"].is_executable) == (0o755, True)
    assert entries["conf/real.toml"] == Entry(
        path="conf/real.toml",
        mode=0o644,
        size_bytes=6,
        object_id=git(source.root, "rev-parse", "HEAD:conf/real.toml"),
    )
    link = entries["link.toml"]
    assert (link.mode, link.is_link, link.link_target) == (0o120000, True, "conf/real.toml")


@pytest.mark.parametrize(
    "path",
    ["conf/real.toml", "./conf//real.toml", "link.toml", "etc/real.toml", "etc/../link.toml"],
)
def test_paths_lead_through_links(source: Source, path: str) -> None:
    """A file is found by its path, through links to files and to directories."""
    assert source.has(path)
    assert source.read_text(path) == "a = 1\n"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../project/run.sh", "outside"),
        ("conf/../../x", "outside"),
        ("/etc/passwd", "outside"),
        ("absolute", "outside"),
        ("outside", "outside"),
        ("circle", "circle of links"),
        ("nowhere", "not in the source"),
        ("dangling", "not in the source"),
        ("run.sh/x", "not in the source"),
        ("conf", "is a directory"),
        ("etc", "is a directory"),
        ("", "is a directory"),
    ],
)
def test_unreadable_says_why(source: Source, path: str, why: str) -> None:
    """What leads out of the root, nowhere, in a circle or to a directory is refused with reason."""
    with pytest.raises(Unreadable, match=why) as raised:
        source.read_bytes(path)
    assert isinstance(raised.value, SourceError)
    assert raised.value.exit_code == 3


@pytest.mark.parametrize(
    ("path", "expected"),
    [("dangling", True), ("etc/up.sh", True), ("nowhere", False), ("conf", False), ("../x", False)],
)
def test_has(source: Source, path: str, expected: bool) -> None:
    """A dangling link is there; directories and what is outside are not."""
    assert source.has(path) is expected


def test_links_that_lead_outside_are_findings(source: Source) -> None:
    """Links that cannot work in an image are told, each with its target."""
    found = [each.value for each in source.findings if each.kind == "source.link-outside"]
    assert [each.split(" ")[0] for each in found] == ["absolute", "circle", "circle2", "outside"]
    assert found[0] == "absolute → /etc/passwd"


def test_text_in_any_encoding(repo: Repo) -> None:
    """Text comes out the same whatever its encoding, mark and line ends; bytes stay as they are."""
    contents = [
        "é = 1\nb\n".encode(),
        "é = 1\r\nb\r\n".encode(),
        "é = 1\rb\r".encode(),
        codecs.BOM_UTF8 + "é = 1\nb\n".encode(),
        "é = 1\r\nb\r\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "é = 1\nb\n".encode("utf-16-be"),
        "é = 1\nb\n".encode("utf-32"),
        "é = 1\nb\n".encode("latin-1"),
    ]
    repo.commit({f"{number}.txt": content for number, content in enumerate(contents)})
    source = open_source(repo.path)
    assert [source.read_text(f"{number}.txt") for number in range(8)] == ["é = 1\nb\n"] * 8
    assert [source.read_bytes(f"{number}.txt") for number in range(8)] == contents


@pytest.mark.parametrize("content", [b"a\0b", codecs.BOM_UTF16_LE + b"a"])
def test_binary_is_not_text(repo: Repo, content: bytes) -> None:
    """Binary files and broken UTF-16 are unreadable as text, and stay readable as bytes."""
    repo.commit({"model.bin": content})
    source = open_source(repo.path)
    with pytest.raises(Unreadable, match=r"model\.bin cannot be read"):
        source.read_text("model.bin")
    assert source.read_bytes("model.bin") == content


def test_bytes_are_those_of_the_commit(repo: Repo) -> None:
    """Neither line-end conversion, filters, `ident` nor `export-ignore` changes what is read."""
    attributes = "*.txt text eol=crlf ident\nhidden.py export-ignore\n*.up filter=up\n"
    repo.git("config", "filter.up.smudge", "tr a-z A-Z")
    repo.commit({".gitattributes": attributes, "a.txt": "$Id$\nb\n", "hidden.py": "1", "x.up": "x"})
    repo.git("checkout", "HEAD", "--", ".")
    source = open_source(repo.path)
    assert source.read_bytes("a.txt") == b"$Id$\nb\n"
    assert source.read_bytes("x.up") == b"x"
    assert source.has("hidden.py")


def test_many_files_and_large_ones(repo: Repo) -> None:
    """Files of any number and size come back whole, in any order, after a failure as well."""
    contents = {f"d/{number}.txt": os.urandom(number * 7) for number in range(700)}
    contents["large.bin"] = os.urandom(3_000_000)
    contents["empty"] = b""
    repo.commit(dict(contents))
    source = open_source(repo.path)
    with pytest.raises(Unreadable):
        source.read_bytes("nowhere")
    for path in sorted(contents, reverse=True):
        assert source.read_bytes(path) == contents[path]


ODD_NAMES = ["a\nb", 'q"uote', "it's", "-rf", "dir/--out", "back\\slash", "tab\t", "\udcff.py"]


@pytest.mark.parametrize("committed", [True, False])
def test_odd_names(repo: Repo, tmp_path: Path, committed: bool) -> None:
    """Names that tools trip over are read and written out, and each one is told, printably."""
    for name in (*ODD_NAMES, "ü ok.py"):
        repo.write(name, name.encode("utf-8", "surrogateescape"))
    if committed:
        repo.commit()
    else:
        with pytest.raises(SourceError) as raised:
            repo.commit({"x": ""}) and repo.write("new\n\x1b[31m")
            open_source(repo.path)
        assert "new\\n\\x1b[31m" in raised.value.what
    source = open_source(repo.path, allow_dirty=True)
    for name in ODD_NAMES:
        assert source.read_bytes(name) == name.encode("utf-8", "surrogateescape")
    found = [each for each in source.findings if each.kind == "source.odd-name"]
    assert len(found) == len(ODD_NAMES) + (not committed)
    assert all(each.value.isprintable() and each.value.isascii() for each in found)
    assert "\\xff.py" in [each.value for each in found]
    source.export(tmp_path / "out", mtime_s=0)
    assert (tmp_path / "out" / "a\nb").read_text() == "a\nb"
    assert (tmp_path / "out" / "\udcff.py").read_bytes() == b"\xff.py"


def test_large_files_are_findings(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file over the limit is told with its size, and many of them are summed up."""
    monkeypatch.setattr("repropack.source.checks.LARGE_BYTES", 1000)
    repo.commit({f"{number:02}.bin": b"0" * (1001 - (number == 0)) for number in range(30)})
    found = [each for each in open_source(repo.path).findings if each.kind == "source.large-file"]
    assert found[0].value == "01.bin (0 MB)"
    assert len(found) == 21
    assert found[-1].value == "9 more"

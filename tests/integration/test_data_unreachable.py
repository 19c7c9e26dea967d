"""Data that cannot be had, redirects, two at once, and archives."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from repropack.errors import IntegrityError, TemporaryError
from repropack.footprint import footprint
from repropack.progress import Silent
from tests.cli.driver import REPROPACK, environment
from tests.integration.data_probe import CONTENT, command_line, get, server, sha256
from tests.integration.fileserver import Served, Server
from tests.unit.retrieval.test_unpacking import tar, tree, zipped

__all__ = ["server"]  # a fixture


def test_unreachable_and_then_by_hand(tmp_path: Path, server: Server) -> None:
    """Exit code 75 says what is needed and where to put it; having put it there works."""
    url, hash = server.url + "/files/d.bin", sha256(CONTENT)
    server.files["/files/d.bin"] = Served(status=503)
    wanted = (url, "--sha256", hash, "-o", "out")
    done = command_line(tmp_path, *wanted)
    assert done.code == 75, done.said
    for part in (f"{url}: 503", "needed is d.bin", f"sha256:{hash}", "hint: put d.bin into"):
        assert part in done.err, done.said
    by_hand = tmp_path / "cache/data/by-hand"
    assert str(by_hand) in done.err
    by_hand.mkdir(parents=True)
    (by_hand / "d.bin").write_bytes(b"something else")
    done = command_line(tmp_path, *wanted)
    assert done.code == 7, done.said
    assert str(by_hand / "d.bin") in done.err
    (by_hand / "d.bin").write_bytes(CONTENT)
    done = command_line(tmp_path, *wanted, "--json")
    assert done.code == 0, done.said
    told = json.loads(done.out)["datasets"][0]
    assert told["checked"] == "hash"
    assert told["files"][0]["from"] == str(by_hand / "d.bin")
    assert (tmp_path / "out/d.bin").read_bytes() == CONTENT
    assert "there already" in command_line(tmp_path, *wanted).out
    (tmp_path / "out/d.bin").write_bytes(b"1")
    assert command_line(tmp_path, *wanted).code == 7


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/d", "connection refused"),
        ("{}/loop", "leads on and on"),
        ("{}/gone", "404 Not Found"),
        ("{}/login", "HF_TOKEN"),
        ("{}/pointer", "pointer of Git LFS"),
        ("{}/page", "a web page"),
    ],
)
def test_reasons(tmp_path: Path, server: Server, url: str, why: str) -> None:
    """What went wrong is told in words, for each kind of failure."""
    server.files["/loop"] = Served(location="/loop")
    server.files["/login"] = Served(status=401)
    html = {"Content-Type": "text/html; charset=utf-8"}
    server.files["/page"] = Served(content=b"<html>log in</html>", headers=html)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    server.files["/pointer"] = Served(content=pointer.encode())
    with pytest.raises((TemporaryError, IntegrityError), match=why):
        get(tmp_path, url.format(server.url))
    assert not (tmp_path / "data").exists()


def test_redirects(tmp_path: Path, server: Server) -> None:
    """A file that has moved is fetched from where it is."""
    server.files["/old"] = Served(location="/new")
    server.files["/new"] = Served(content=CONTENT, cuts=[1000])
    get(tmp_path, server.url + "/old", sha256=sha256(CONTENT))
    assert (tmp_path / "data/d").read_bytes() == CONTENT


def test_two_at_once(tmp_path: Path, server: Server) -> None:
    """Two processes fetch one file once, and each puts it where it is wanted."""
    server.files["/d.tar"] = Served(content=tar(("a", CONTENT)), pause_s=0.05)
    wanted = (server.url + "/d.tar", "--sha256", sha256(tar(("a", CONTENT))), "-o")
    variables = environment({"REPROPACK_CACHE": str(tmp_path / "cache")})
    places = ("one", "two", "one")
    processes = [
        subprocess.Popen((*REPROPACK, "data", "fetch", *wanted, place), cwd=tmp_path, env=variables)
        for place in places
    ]
    codes = [process.wait(60) for process in processes]
    assert codes[:2] == [0, 0] or codes[1:] == [0, 0]
    assert set(codes) <= {0, 2}  # the second for `one` may find it there
    assert server.ranges("/d.tar") == [""]
    for place in places:
        assert tree(tmp_path / place) == {"a": CONTENT}
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".fetching")]


def test_archives_and_their_footprint(tmp_path: Path, server: Server) -> None:
    """An archive becomes the dataset if that is the recorded one; other data gets no place."""
    for name, content in (("a", b"1"), ("sub/b", b"22")):
        path = tmp_path / "author" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    recorded = tmp_path / "f.json"
    footprint(tmp_path / "author", recorded, reporter=Silent())
    url = server.url + "/v1.zip"
    server.files["/v1.zip"] = Served(content=zipped(("v1/a", b"1"), ("v1/sub/b", b"22")))
    done = get(tmp_path, url, footprint=recorded)
    assert done.checked == "footprint"
    assert tree(tmp_path / "data/d") == {"a": b"1", "sub/b": b"22"}
    assert get(tmp_path, url, footprint=recorded).already
    other = tmp_path / "other"
    server.files["/v1.zip"] = Served(content=zipped(("a", b"1"), ("sub/b", b"23")))
    with pytest.raises(IntegrityError, match=r"changed: 1\n.*sub/b"):
        get(other, url, footprint=recorded)
    assert not (other / "data").exists()
    (tmp_path / "data/d/new").write_text("1")
    with pytest.raises(IntegrityError, match="added: 1"):
        get(tmp_path, url, footprint=recorded)


def test_hostile_archives_leave_nothing(tmp_path: Path, server: Server) -> None:
    """A refused archive is exit code 3, and no directory is left."""
    server.files["/d.tar"] = Served(content=tar(("a", b"1"), ("../../escaped", b"1")))
    done = command_line(tmp_path, server.url + "/d.tar", "-o", "below/out")
    assert done.code == 3, done.said
    assert "leads out" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    server.files["/e.tar.gz"] = Served(content=zipped(("a", b"1")))
    assert command_line(tmp_path, server.url + "/e.tar.gz", "-o", "out").code == 3
    done = command_line(tmp_path, server.url + "/d.tar", "--no-unpack", "-o", "out")
    assert done.code == 0, done.said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["d.tar"]
    server.files["/z.zip"] = Served(content=zipped(("zeros", bytes(5_000_000))))
    bomb = (server.url + "/z.zip", "-o", "zeros", "--max-bytes", "1000000")
    done = command_line(tmp_path, *bomb)
    assert done.code == 3, done.said
    assert "--max-bytes" in done.err

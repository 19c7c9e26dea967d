"""Data from the network: cut connections, mirrors, what is kept and what makes room."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from repropack.errors import DataError, TemporaryError
from repropack.progress import Silent
from repropack.retrieval.store import Store
from tests.cli.driver import REPROPACK, environment
from tests.integration.data_probe import CONTENT, Notes, command_line, get, server, sha256
from tests.integration.fileserver import Served, Server

__all__ = ["server"]  # a fixture


def whole_files(tmp_path: Path) -> list[str]:
    """The hashes of what the cache holds as whole."""
    return sorted(
        path.name for path in (tmp_path / "cache/data/sha256").rglob("*") if path.is_file()
    )


def partials(tmp_path: Path) -> list[Path]:
    """What the cache holds of files that are not whole."""
    found = (tmp_path / "cache/data/partial").glob("*")
    return [path for path in found if not path.name.endswith(".json")]


def test_cut_connections_are_resumed(tmp_path: Path, server: Server) -> None:
    """Each try goes on where the one before was cut off."""
    server.files["/d"] = Served(content=CONTENT, cuts=[100_000, 50_000])
    done = get(tmp_path, server.url + "/d", sha256=sha256(CONTENT))
    assert (tmp_path / "data/d").read_bytes() == CONTENT
    assert done.checked == "hash"
    assert server.ranges("/d") == ["", "bytes=100000-", "bytes=150000-"]
    assert whole_files(tmp_path) == [sha256(CONTENT)]
    assert partials(tmp_path) == []


def test_what_is_cached_is_not_asked_for_again(tmp_path: Path, server: Server) -> None:
    """A second project has the file without the network; a damaged one is fetched again."""
    server.files["/d"] = Served(content=CONTENT)
    get(tmp_path, server.url + "/d", sha256=sha256(CONTENT))
    (tmp_path / "data/d").write_bytes(b"changed")  # is no change of the cache
    again = get(tmp_path, server.url + "/d", sha256=sha256(CONTENT), place=tmp_path / "e/d")
    assert again.files[0].origin == "the cache"
    assert len(server.asked) == 1
    kept = next((tmp_path / "cache/data/sha256").rglob(sha256(CONTENT)))
    kept.chmod(0o644)
    kept.write_bytes(b"damaged")
    get(tmp_path, server.url + "/d", sha256=sha256(CONTENT), place=tmp_path / "f/d")
    assert (tmp_path / "f/d").read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_server_without_ranges_starts_again(tmp_path: Path, server: Server) -> None:
    """What was there is dropped where the server sends everything."""
    server.files["/d"] = Served(content=CONTENT, cuts=[100_000], ranges=False)
    get(tmp_path, server.url + "/d", sha256=sha256(CONTENT))
    assert (tmp_path / "data/d").read_bytes() == CONTENT
    assert server.ranges("/d") == ["", "bytes=100000-"]


def test_chunks_without_a_length(tmp_path: Path, server: Server) -> None:
    """A file of unknown length is whole when its last chunk came, and not before."""
    server.files["/d"] = Served(content=CONTENT, chunked=True, cuts=[100_000])
    get(tmp_path, server.url + "/d")
    assert (tmp_path / "data/d").read_bytes() == CONTENT


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_stopped(tmp_path: Path, server: Server, how: signal.Signals) -> None:
    """Nothing looks whole after Ctrl-C or a kill, and the next call goes on."""
    server.files["/d"] = Served(content=CONTENT, pause_s=0.2, etag='"1"')
    command = (*REPROPACK, "data", "fetch", server.url + "/d", "-o", "out")
    variables = environment({"REPROPACK_CACHE": str(tmp_path / "cache")})
    with subprocess.Popen(
        command, cwd=tmp_path, env=variables, stderr=subprocess.DEVNULL
    ) as process:
        until = time.monotonic() + 30
        while not any(path.stat().st_size > 40_000 for path in partials(tmp_path)):
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(how)
    assert process.returncode == (-signal.SIGKILL if how is signal.SIGKILL else 130)
    assert whole_files(tmp_path) == []
    assert not (tmp_path / "out").exists()
    start = partials(tmp_path)[0].stat().st_size
    server.files["/d"].pause_s = 0
    done = command_line(tmp_path, server.url + "/d", "-o", "out")
    assert done.code == 0, done.said
    assert server.ranges("/d")[1] == f"bytes={start}-"
    assert (tmp_path / "out/d").read_bytes() == CONTENT


def test_a_file_that_changed_between_two_tries(tmp_path: Path, server: Server) -> None:
    """Halves of two versions are never put together, with and without a hash."""
    old, new = os.urandom(200_000), os.urandom(200_000)
    server.files["/d"] = Served(content=old, cuts=[50_000] * 3, etag='"1"')
    server.files["/d"].cuts = [50_000, 0, 0, 0]
    with pytest.raises(TemporaryError):
        get(tmp_path, server.url + "/d")
    server.files["/d"] = Served(content=new, etag='"2"')
    get(tmp_path, server.url + "/d")
    assert (tmp_path / "data/d").read_bytes() == new
    other = tmp_path / "other"
    server.files["/d"] = Served(content=old, cuts=[50_000, 0, 0, 0])
    with pytest.raises(TemporaryError):
        get(other, server.url + "/d", sha256=sha256(new))
    server.files["/d"] = Served(content=new)
    get(other, server.url + "/d", sha256=sha256(new))
    assert (other / "data/d").read_bytes() == new


def test_mirrors_in_their_order(tmp_path: Path, server: Server) -> None:
    """The reason for each failure is said; the first that gives the right file is used."""
    server.files["/wrong"] = Served(content=b"another file")
    server.files["/right"] = Served(content=CONTENT)
    said = Notes()
    urls = [server.url + path for path in ("/gone", "/wrong", "/right", "/never")]
    done = get(tmp_path, *urls, sha256=sha256(CONTENT), reporter=said)
    assert done.files[0].origin == server.url + "/right"
    assert "404 Not Found" in said.said[0]
    assert sha256(b"another file") in said.said[1]
    assert [path for _, path, _ in server.asked] == ["/gone", "/wrong", "/right"]


def test_a_second_mirror_goes_on_with_what_the_first_gave(tmp_path: Path, server: Server) -> None:
    """With a hash, bytes are bytes, wherever they came from."""
    server.files["/a"] = Served(content=CONTENT, cuts=[200_000, 0, 0, 0], etag='"a"')
    server.files["/b"] = Served(content=CONTENT, etag='"b"')
    get(tmp_path, server.url + "/a", server.url + "/b", sha256=sha256(CONTENT))
    assert server.ranges("/b") == ["bytes=200000-"]
    assert (tmp_path / "data/d").read_bytes() == CONTENT


def test_only_wrong_files(tmp_path: Path, server: Server) -> None:
    """Where every address gives another file, it is exit code 7, and nothing is kept."""
    server.files["/d"] = Served(content=b"another file")
    done = command_line(tmp_path, server.url + "/d", "--sha256", "ab" * 32, "-o", "out")
    assert done.code == 7, done.said
    assert sha256(b"another file") in done.err
    assert "ab" * 32 in done.err
    assert whole_files(tmp_path) == []
    assert partials(tmp_path) == []
    assert not (tmp_path / "out").exists()


def test_what_was_left_for_weeks_makes_room(tmp_path: Path, server: Server) -> None:
    """The next download removes it, but not what another process is at, and not its own."""
    store = Store(tmp_path / "cache")
    server.files["/d"] = Served(content=CONTENT, cuts=[1000] * 3)
    wanted = (server.url + "/d", "--sha256", sha256(CONTENT), "-o", "out")
    assert command_line(tmp_path, *wanted).code == 75
    (own,) = partials(tmp_path)
    for key in ("old", "busy", "young"):
        with store.partial(key) as part:
            part.belongs_to("mark", "validator")
            part.write(CONTENT)
    for path in (tmp_path / "cache/data/partial").iterdir():
        if not path.name.startswith("young"):
            age_s = time.time() - 15 * 24 * 3600
            os.utime(path, (age_s, age_s))
    with store.lock("busy", Silent()):
        done = command_line(tmp_path, *wanted)
    assert done.code == 0, done.said
    assert "removed 1 download that ended two weeks ago or more, unfinished: 300" in done.err
    left = {path.name for path in (tmp_path / "cache/data/partial").iterdir()}
    assert left == {"busy", "busy.json", "young", "young.json"}
    assert server.ranges("/d")[-1] == f"bytes={3000}-", "its own was gone on with"
    assert not own.exists()


def test_size_of_what_is_included_is_told_before_it_comes(tmp_path: Path, server: Server) -> None:
    """Where the server tells it; and more than the bundle takes is not fetched."""
    server.files["/d"] = Served(content=CONTENT)
    notes, url = Notes(), server.url + "/d"
    with pytest.raises(DataError, match=r"has 300.* a bundle takes 200"):
        get(tmp_path, url, reporter=notes, include_bytes=200_000)
    assert (partials(tmp_path), notes.said) == ([], [])
    get(tmp_path, url, reporter=notes, include_bytes=10**9)
    assert notes.said[0] == "d: 300.0 kB will be fetched for the bundle (include: true)"

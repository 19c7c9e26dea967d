"""`repropack data fetch` against a web server that behaves as servers do."""

from __future__ import annotations

import _socket
import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repropack.errors import DataError, IntegrityError, TemporaryError, UsageError
from repropack.footprint import footprint
from repropack.obtaining import Ask, Fetched, Means, fetch
from repropack.progress import Silent
from repropack.retrieval.addresses import Hosts
from repropack.retrieval.store import Store
from tests.cli.driver import REPROPACK, Done, environment, inside, project, repropack
from tests.integration.fileserver import Served, Server
from tests.unit.retrieval.test_unpacking import tar, tree, zipped

CONTENT = os.urandom(300_000)


def sha256(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on this machine, the only address that a test may connect to."""
    refuse = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_INET and address[0] == "127.0.0.1":
            return _socket.socket.connect(self, address)
        return refuse(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    yield server
    server.close()


class Notes(Silent):
    """What was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)


def get(
    tmp_path: Path,
    *urls: str,
    reporter: Silent | None = None,
    hosts: Hosts | None = None,
    **more: Any,
) -> Fetched:
    """One dataset `data/d`, without the pauses between tries."""
    means = Means(
        cache=tmp_path / "cache",
        reporter=reporter or Silent(),
        pause_s=0.0,
        hosts=hosts or Hosts(),
    )
    given = {"name": "d", "place": tmp_path / "data/d", "named": "d", **more}
    return fetch((Ask(urls=urls, **given),), means)[0]


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


def command_line(
    tmp_path: Path, *arguments: str | Path, env: dict[str, str | None] | None = None
) -> Done:
    """`data fetch` as a process of its own."""
    variables = {"REPROPACK_CACHE": str(tmp_path / "cache"), **(env or {})}
    return repropack("data", "fetch", *arguments, cwd=tmp_path, env=variables)


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


def test_zenodo(tmp_path: Path, server: Server) -> None:
    """A record's files come with the MD5 that the record states; wrong ones are refused."""
    files = {"a.csv": b"1,2", "b.csv": b"3,4"}
    listing = [
        {"key": name, "size": len(data), "checksum": "md5:" + hashlib.md5(data).hexdigest()}
        for name, data in files.items()
    ]
    server.files["/api/records/123"] = Served(content=json.dumps({"files": listing}).encode())
    for name, data in files.items():
        server.files[f"/api/records/123/files/{name}/content"] = Served(content=data)
    hosts = Hosts(zenodo=server.url)
    done = get(tmp_path, server.url + "/records/123", hosts=hosts)
    assert done.checked == "hash"
    assert tree(tmp_path / "data/d") == files
    one = get(
        tmp_path,
        server.url + "/records/123/files/b.csv?download=1",
        hosts=hosts,
        place=tmp_path / "b.csv",
    )
    assert one.files[0].origin == "the cache"  # by its MD5
    server.files["/api/records/123/files/a.csv/content"] = Served(content=b"9,9")
    with pytest.raises(IntegrityError, match="md5"):
        get(tmp_path / "other", "https://doi.org/10.5281/zenodo.123", hosts=hosts)
    with pytest.raises(TemporaryError, match=r"no file c\.csv"):
        get(tmp_path / "other", server.url + "/records/123/files/c.csv", hosts=hosts)


def git_id(data: bytes) -> str:
    """What git calls a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def test_hugging_face(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and whole repositories come with the hashes that the hub states; branches are told."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    commit, small, large = "c" * 40, b"label\n", CONTENT
    hosts = Hosts(hugging_face=server.url)
    resolve = f"/datasets/o/n/resolve/{commit}"
    told = {
        "X-Repo-Commit": commit,
        "X-Linked-Etag": f'"{sha256(large)}"',
        "X-Linked-Size": str(len(large)),
    }
    for revision in (commit, "main"):
        path = f"/datasets/o/n/resolve/{revision}/train/d.bin"
        server.files[path] = Served(location="/cdn", headers=told)
    server.files[f"{resolve}/labels.txt"] = Served(content=small)
    server.files["/cdn"] = Served(content=large)
    pages = [
        [
            {"type": "directory", "path": "train", "oid": "0", "size": 0},
            {
                "type": "file",
                "path": "train/d.bin",
                "oid": "1" * 40,
                "size": len(large),
                "lfs": {"oid": sha256(large), "size": len(large)},
            },
        ],
        [{"type": "file", "path": "labels.txt", "oid": git_id(small), "size": len(small)}],
    ]
    listing = f"/api/datasets/o/n/tree/{commit}"
    following = {"Link": f'<{server.url}{listing}?page=2>; rel="next"'}
    server.files[f"{listing}?recursive=true"] = Served(
        content=json.dumps(pages[0]).encode(), headers=following
    )
    server.files[f"{listing}?page=2"] = Served(content=json.dumps(pages[1]).encode())
    done = get(tmp_path, f"hf://datasets/o/n@{commit}", hosts=hosts)
    assert done.checked == "hash"
    assert tree(tmp_path / "data/d") == {"train/d.bin": large, "labels.txt": small}
    said = Notes()
    other = tmp_path / "other"
    url = f"{server.url}/datasets/o/n/resolve/main/train/d.bin"
    done = get(other, url, hosts=hosts, reporter=said, named="d.bin")
    assert (done.checked, (other / "data/d").read_bytes()) == ("hash", large)
    assert "main is a branch" in said.said[0]
    assert commit in said.said[0]
    server.files[f"{resolve}/labels.txt"] = Served(location="/api/resolve-cache/labels")
    server.files["/api/resolve-cache/labels"] = Served(content=b"other", etag=f'"{git_id(small)}"')
    with pytest.raises(IntegrityError, match="its git is"):
        fresh = tmp_path / "fresh"
        get(fresh, f"hf://datasets/o/n@{commit}/labels.txt", hosts=hosts, named="labels.txt")
    tokens = {headers.get("authorization") for _, path, headers in server.asked if "o/n" in path}
    assert tokens == {"Bearer hf_secret"}
    assert "secret" not in everything_in(tmp_path / "cache") + "".join(said.said)


def everything_in(root: Path) -> str:
    """All names and contents below a directory."""
    texts = [path.read_bytes().decode("latin-1") for path in root.rglob("*") if path.is_file()]
    return "\n".join([*texts, *map(str, root.rglob("*"))])


def test_credentials_are_used_and_never_told(tmp_path: Path, server: Server) -> None:
    """A password in an address reaches its server, and no screen and no file."""
    server.files["/d?token=t0psecret"] = Served(content=CONTENT, cuts=[1000, 0, 0, 0])
    url = f"http://me:passw0rd@127.0.0.1:{server.port}/d?token=t0psecret"
    for _ in range(2):
        done = command_line(tmp_path, url, "-o", "out")
        said = done.said + everything_in(tmp_path)
        assert "passw0rd" not in said
        assert "t0psecret" not in said
    assert done.code == 0, done.said
    login = base64.b64encode(b"me:passw0rd").decode()
    assert server.asked[0][2]["authorization"] == f"Basic {login}"


def test_the_machines_proxy(tmp_path: Path, server: Server) -> None:
    """HTTP_PROXY is asked for addresses that this machine cannot reach itself; NO_PROXY counts."""
    server.files["//data.example/d"] = Served(content=CONTENT)
    env: dict[str, str | None] = {"http_proxy": server.url, "no_proxy": None, "NO_PROXY": None}
    done = command_line(tmp_path, "http://data.example/d", "-o", "out", env=env)
    assert done.code == 0, done.said
    server.files["/e"] = Served(content=CONTENT)
    env = {"http_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"}
    done = command_line(tmp_path, server.url + "/e", "-o", "out", env=env)
    assert done.code == 0, done.said


def test_the_machines_certificates(tmp_path: Path) -> None:
    """A server is trusted if SSL_CERT_FILE or REQUESTS_CA_BUNDLE says so, and not otherwise."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    pem = tmp_path / "server.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext"
    subprocess.run(
        [*command.split(), "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "certificate"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    pem.write_bytes((tmp_path / "key").read_bytes() + (tmp_path / "certificate").read_bytes())
    server = Server(certificate=pem)
    try:
        server.files["/d"] = Served(content=CONTENT)
        none: dict[str, str | None] = dict.fromkeys(
            ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        )
        done = command_line(tmp_path, server.url + "/d", "-o", "out", env=none)
        assert done.code == 75, done.said
        assert "its certificate is not accepted" in done.err
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            trusted = {**none, name: str(tmp_path / "certificate")}
            done = command_line(tmp_path, server.url + "/d", "-o", name, env=trusted)
            assert done.code == 0, done.said
    finally:
        server.close()


PROJECT = """\
datasets:
  table: {path: table.csv, url: ["@/gone", "@/table.csv"], sha256: "%s"}
  images: {path: data/images, url: "@/images.tar", footprint: images.sha256}
  lost: {path: data/lost}
"""


def test_datasets_of_a_project(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each goes where the project reads it; what cannot be had is told together, after the rest."""
    monkeypatch.setenv("REPROPACK_CACHE", str(tmp_path / "cache"))
    paper = tmp_path / "project"
    paper.mkdir()
    config = PROJECT.replace("@", server.url) % sha256(b"1,2")
    (paper / "repropack.yaml").write_text(config)
    (paper / "images.sha256").write_text(f"{sha256(CONTENT)}  cat/1.png\n")
    server.files["/table.csv"] = Served(content=b"1,2")
    server.files["/images.tar"] = Served(content=tar(("images/cat/1.png", CONTENT)))
    done = inside("data", "fetch", paper)
    assert done.code == 75, done.said
    assert "1 of 3 datasets" in done.err
    assert f"put the data of lost at {paper / 'data/lost'}" in done.err
    assert (paper / "table.csv").read_bytes() == b"1,2"
    assert tree(paper / "data/images") == {"cat/1.png": CONTENT}
    (paper / "data/lost").mkdir()
    (paper / "data/lost/x").write_text("1")
    done = inside("data", "fetch", paper)
    assert done.code == 0, done.said
    assert done.out.count("there already") == 3
    done = inside("data", "fetch", paper, "tabel")
    assert done.code == 2 and "did you mean table?" in done.err, done.said
    (paper / "data/images/cat/1.png").write_bytes(b"1")
    assert inside("data", "fetch", paper, "images").code == 7


def test_what_makes_no_sense(tmp_path: Path, server: Server) -> None:
    """Options of URLs without one, what is no address, and a full directory are usage errors."""
    for arguments in (
        (tmp_path, "--sha256", "ab" * 32),
        ("https://a.example/d",),
        ("https://a.example/d", "name", "-o", tmp_path / "out"),
        ("hf://nonsense", "-o", tmp_path / "out"),
        ("https://a.example/d", "--sha256", "xyz", "-o", tmp_path / "out"),
    ):
        done = inside("data", "fetch", *arguments)
        assert done.code == 2 and "hint:" in done.err, done.said
    assert inside("data", "fetch", tmp_path).code == 3
    server.files["/d.tar"] = Served(content=tar(("a", b"1")))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        get(tmp_path, server.url + "/d.tar", place=tmp_path / "full", below=True, named="")
    assert (tmp_path / "full/mine").read_text() == "mine"


def test_data_that_git_would_see_is_told(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is put into a repository and not ignored there is a change for git; `.` is a project."""
    monkeypatch.setenv("REPROPACK_CACHE", str(tmp_path / "cache"))
    server.files["/d.csv"] = Served(content=b"1")
    config = f"datasets: {{d: {{path: d.csv, url: '{server.url}/d.csv'}}}}\n"
    paper = project(tmp_path / "paper", {"repropack.yaml": config})
    done = inside("data", "fetch", paper, "d")
    assert done.code == 0 and "add it to .gitignore" in done.err, done.said
    (paper / "d.csv").unlink()
    (paper / ".gitignore").write_text("d.csv\n")
    done = inside("data", "fetch", paper, "d")
    assert done.code == 0 and ".gitignore" not in done.err, done.said
    (paper / "d.csv").unlink()
    done = repropack("data", "fetch", ".", "d", cwd=paper)
    assert done.code == 0 and (paper / "d.csv").read_bytes() == b"1", done.said
    (paper / "d").mkdir()  # is no project
    done = repropack("data", "fetch", "d", cwd=paper)
    assert done.code == 0 and "there already" in done.out, done.said

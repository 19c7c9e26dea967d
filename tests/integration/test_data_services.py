"""Data from services, with the machine's credentials, proxy and certificates."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from repropack.errors import IntegrityError, TemporaryError
from repropack.retrieval.addresses import Hosts
from tests.integration.data_probe import CONTENT, Notes, command_line, get, server, sha256
from tests.integration.fileserver import Served, Server
from tests.unit.retrieval.test_unpacking import tree

__all__ = ["server"]  # a fixture


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

"""The image of an anonymous bundle names nobody, or is refused."""

from __future__ import annotations

import datetime
import io
import json
import os
import pwd
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from repropack.judge.imagelayers import is_layer
from repropack.metadata.times import OLDEST_TIME_S
from repropack.retrieval.members import members
from tests.cli.driver import inside
from tests.conftest import git
from tests.integration.anonymous_paper import CONFIG, EMAIL, NAME, OWNER, paper
from tests.integration.engine_bundle import Cli, cli_of
from tests.integration.test_many_runs import PYTHON


@pytest.fixture(params=["docker", pytest.param("podman", marks=pytest.mark.slow)])
def cli(request: pytest.FixtureRequest) -> Iterator[Cli]:
    """The author's engine, which is the reviewer's, too."""
    yield from cli_of(request.param)


@pytest.mark.engine
def test_image_that_travels(cli: Cli, tmp_path: Path) -> None:
    """An image in the bundle tells nothing of who built it and when, and is the reviewer's; one in
    which somebody is named is refused with layer and file, and no bundle is left.
    """
    out = tmp_path / "out"
    made = paper(tmp_path, {"repropack.yaml": CONFIG.replace(PYTHON, "3.11")})
    engine = ("--engine", cli.name)
    archive = ("--archive", tmp_path / "out.tar.gz")
    done = inside("build", made, *engine, "--anonymous", "--with-image", "-o", out, *archive)
    tag = json.loads((out / "image.json").read_bytes())["tag"]
    try:
        assert done.code == 0, done.said
        parts = list(parts_of(out))
        host = [socket.gethostname()] if len(socket.gethostname()) > 3 else []
        user = [pwd.getpwuid(1000).pw_name] if any(u.pw_uid == 1000 for u in pwd.getpwall()) else []
        today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-")
        for trace in (NAME, EMAIL, OWNER, str(tmp_path), today, *host, *user):
            assert [n for n, data in parts if trace.encode() in data] == [], trace
        for _, data in parts:
            for member in members_of(data) if is_layer(data) else ():
                assert (member.uname, member.gname) == ("", "")
                assert member.mtime == OLDEST_TIME_S or member.name.endswith(".py"), member.name
        statement = json.loads((out / "provenance.json").read_text())
        record = json.loads((out / "image.json").read_bytes())
        assert statement["subject"][1]["digest"]["sha256"] == record["id"].removeprefix("sha256:")
        with tarfile.open(tmp_path / "out.tar.gz") as packed:
            told = {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in packed}
        assert told == {(0, 0, "", "", OLDEST_TIME_S)}
        tamper(cli, tag)
        again = inside("build", made, *engine, "--anonymous", "--with-image", "-o", out, "--force")
        assert again.code == 3 and not out.exists(), again.said
        assert "/etc/motd:1: name or address in git's history: " + NAME in again.err, again.said
        cli.do("rmi", "-f", tag)
        with tarfile.open(tmp_path / "out.tar.gz") as packed:
            packed.extractall(tmp_path / "reviewer", filter="data")
        (bundle,) = (tmp_path / "reviewer").iterdir()
        verified = inside("verify", bundle, *engine, "-o", tmp_path / "verified")
        assert verified.code == 0 and "from the bundle" in verified.err, verified.said
    finally:
        kept = ("--no-prune",) if cli.name == "docker" else ()
        subprocess.run([cli.name, "rmi", *kept, "-f", tag], capture_output=True)


def members_of(layer: bytes) -> list[tarfile.TarInfo]:
    """The headers of a layer."""
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        return archive.getmembers()


def tamper(cli: Cli, tag: str) -> None:
    """Put a name into an image, as somebody does who works in a container and commits it."""
    name = cli.do("create", "--network", "none", tag).strip()
    try:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as added:
            info = tarfile.TarInfo("etc/motd")
            info.size = len(NAME)
            added.addfile(info, io.BytesIO(NAME.encode()))
        put = [cli.name, "cp", "-", f"{name}:/"]
        subprocess.run(put, input=buffer.getvalue(), capture_output=True, check=True)
        cli.do("commit", name, tag)
    finally:
        cli.do("rm", "-f", name)


def parts_of(bundle: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a bundle, and those of its image."""
    for path in bundle.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes()
    for member in members(bundle / "image.tar.zst", ".tar.zst", 100):
        yield member.name, b"".join(member.content())


@pytest.mark.engine
def test_image_layers(tmp_path: Path) -> None:
    """Neither layers nor metadata of the image name anybody; provenance has the image by its id."""
    out, tag = tmp_path / "out", f"repropack-test-anonymous-{os.getpid()}:x"
    made = paper(tmp_path, {"repropack.yaml": CONFIG.replace(PYTHON, "3.11")})
    commit, tree = git(made, "rev-parse", "HEAD"), git(made, "rev-parse", "HEAD^{tree}")
    options = ("-o", out, "--anonymous", "--tag", tag)
    done = inside("build", made, "--engine", "docker", "--json", *options)
    assert done.code == 0, done.said
    image = json.loads(done.out)["image"]
    try:
        saved = subprocess.run(["docker", "save", tag], capture_output=True, check=True).stdout
        names = (NAME, EMAIL, OWNER, "Quillfeather", commit, tree, str(tmp_path))
        assert [name for name in names if name.encode() in saved] == []
        subjects = json.loads((out / "provenance.json").read_text())["subject"]
        digest = image["id"].removeprefix("sha256:")
        assert subjects[1] == {"name": image["tag"], "digest": {"sha256": digest}}
    finally:
        subprocess.run(
            ["docker", "rmi", "--no-prune", "-f", tag, image["tag"]], capture_output=True
        )

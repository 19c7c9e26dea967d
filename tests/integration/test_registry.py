"""A base that a registry has, named by its digest: pulled, carried, and built on without either.

The registry stands in for the public one, whose name it serves as a mirror: an image that is laid
out as the official one of Python, for two architectures.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from repropack.engines.docker import DockerEngine
from tests.conftest import commit_all
from tests.integration.daemons import Daemon, refuse, running, wait_for
from tests.integration.engine_bundle import bookworm, buildkit_cli
from tests.integration.reviewer_probe import repropack
from tests.integration.test_offline import alone

pytestmark = [pytest.mark.engine, pytest.mark.slow]
__all__ = ["alone"]  # a fixture
VERSION = "3.11.9"  # not Debian's: such a base is pulled, and called by its version
HUB = "docker.io/library/python"
STAND_IN = 'FROM {base}\nRUN rm -r /usr/share/repropack\nLABEL repropack.base=""\n'
CONFIG = """
name: pinned-probe
experiments: {e: {run: python e.py, metrics: {v: {stdout: 'v=(.*)'}}}}
claims: [{id: v, metric: e.v, value: "7"}]
"""
REGISTRY = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: "{directory}"}}}}
http: {{addr: "127.0.0.1:{port}", secret: none}}
"""
#: Makes of an image's manifest a list for two architectures, as images of a public registry have.
INDEX = """
import hashlib, json, sys, urllib.request
place, tag = sys.argv[1:]
docker = "application/vnd.docker.distribution.manifest.v2+json"
index = "application/vnd.oci.image.index.v1+json"
def ask(method, path, data=None, **headers):
    url = path if "://" in path else place + path
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method))
def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()
def entry(manifest, architecture):
    platform = {"os": "linux", "architecture": architecture}
    size = len(manifest)
    return {"mediaType": docker, "digest": digest(manifest), "size": size, "platform": platform}
ours = ask("GET", "/manifests/" + tag, Accept=docker).read()
told = json.loads(ours)
config = json.loads(ask("GET", "/blobs/" + told["config"]["digest"]).read())
config = json.dumps({**config, "architecture": "arm64"}).encode()
where = ask("POST", "/blobs/uploads/", b"").headers["Location"] + "&digest=" + digest(config)
ask("PUT", where, config, Content_Type="application/octet-stream")
told["config"].update(digest=digest(config), size=len(config))
other = json.dumps(told).encode()
ask("PUT", "/manifests/" + digest(other), other, Content_Type=docker)
both = [entry(other, "arm64"), entry(ours, "amd64")]
text = json.dumps({"schemaVersion": 2, "mediaType": index, "manifests": both}).encode()
ask("PUT", "/manifests/" + tag, text, Content_Type=index)
sys.stdout.buffer.write(text)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The author's machine, whose registry has gone: `index` is what its tag led to."""

    daemon: Daemon
    project: Path
    bundle: Path
    index: bytes
    port: int


@contextmanager
def registry(daemon: Daemon, directory: Path, port: int) -> Iterator[list[str]]:
    """A registry on the loopback of the daemon's own network; the words to be there."""
    inside = ["nsenter", "--net", "--target", (daemon.directory / "pid").read_text().strip()]
    subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
    settings = directory / "registry.yml"
    settings.write_text(REGISTRY.format(directory=directory / "registry", port=port))
    answers = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
    with (directory / "registry.log").open("wb") as log:
        command = [*inside, "docker-registry", "serve", str(settings)]
        serving = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for(
                lambda: (
                    not subprocess.run(
                        [*inside, sys.executable, "-c", answers], capture_output=True
                    ).returncode
                )
            )
            yield inside
        finally:
            serving.terminate()
            serving.wait()


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    """The bundle, whose base was pulled."""
    for program in ("docker-registry", "nsenter"):
        if shutil.which(program) is None:
            refuse(f"{program} is not installed")
    directory = tmp_path_factory.mktemp("registry")
    project = directory / "project"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("print('v=7')\n")
    (project / ".python-version").write_text(f"{VERSION}\n")
    commit_all(project)
    port, bundle = free_port(), directory / "docker"
    with running("--registry-mirror", f"http://localhost:{port}") as daemon:
        with registry(daemon, directory, port) as inside:
            index = fill(daemon, inside, port)
            build(project, bundle, [], "docker", DOCKER_HOST=daemon.host)
        yield Author(daemon=daemon, project=project, bundle=bundle, index=index, port=port)


def free_port() -> int:
    """A number that nobody has in the daemon's network, as nothing else is there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fill(daemon: Daemon, inside: list[str], port: int) -> bytes:
    """Put the stand-in into the registry, for two architectures, and forget it; their list."""
    base = bookworm(DockerEngine()).tag
    daemon.load(base)
    tag, name = f"{VERSION}-slim-bookworm", f"localhost:{port}/library/python"
    with subprocess.Popen(["printf", STAND_IN.format(base=base)], stdout=subprocess.PIPE) as text:
        assert text.stdout is not None
        daemon.ask("build", "--tag", f"{name}:{tag}", "-", stdin=text.stdout.fileno())
    assert "digest: sha256:" in daemon.ask("push", f"{name}:{tag}")
    place = f"http://localhost:{port}/v2/library/python"
    command = [*inside, sys.executable, "-c", INDEX, place, tag]
    index = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    forget(daemon)
    return index


def forget(daemon: Daemon) -> None:
    """Leave a daemon without an image, and without what its builders keep."""
    while ids := daemon.ask("images", "--all", "--quiet", "--no-trunc").split():
        daemon.ask("rmi", "--force", *ids)
    daemon.ask("builder", "prune", "--all", "--force")


def build(project: Path, out: Path, before: list[str], engine: str, **variables: str) -> None:
    """Write a bundle that needs no network."""
    cache = out.with_name(f"cache-{engine}")
    words = ("build", str(project), "--engine", engine, "--offline", "-o", str(out))
    done = repropack(*words, before=before, REPROPACK_CACHE=str(cache), **variables)
    assert done.returncode == 0, done.stderr


def test_the_base_is_named_by_the_digest_of_its_list(author: Author) -> None:
    """What the registry's tag leads to is recorded, the image of this architecture is carried."""
    base = json.loads((author.bundle / "repropack.json").read_text())["base"]
    reference = f"{HUB}@sha256:{hashlib.sha256(author.index).hexdigest()}"
    assert base["reference"] == reference
    assert f"ARG BASE={reference}\n" in (author.bundle / "Dockerfile").read_text()
    assert base["image"]["tag"] == f"repropack/base:{base['image']['id'][7:23]}"
    assert base["exact"] == VERSION


def test_both_engines_write_the_same_bundle(
    author: Author, alone: list[str], tmp_path: Path
) -> None:
    """Podman has two digests of an image and Docker one: the same one is recorded."""
    bundle, registries = tmp_path / "bundle", tmp_path / "registries.conf"
    registries.write_text(
        'unqualified-search-registries = ["docker.io"]\n[[registry]]\n'
        f'prefix = "docker.io"\nlocation = "localhost:{author.port}"\ninsecure = true\n'
    )
    place = {"CONTAINERS_REGISTRIES_CONF": str(registries)}
    with registry(author.daemon, author.bundle.parent, author.port) as inside:
        build(author.project, bundle, inside, "podman", **place)
    sums = [path.joinpath("SHA256SUMS").read_text() for path in (author.bundle, bundle)]
    assert sums[0] == sums[1] and "base/base.tar.gz" in sums[0]


def test_reproduced_without_the_registry(author: Author, tmp_path: Path) -> None:
    """`reproduce.sh` builds on the base from the bundle: there is no image, and no network."""
    reproduce(author, "legacy", ["unshare", "--net"], tmp_path)


@pytest.mark.parametrize("builder", ["buildkit", "podman"])
def test_reproduced_with_other_builders(
    builder: str, author: Author, alone: list[str], tmp_path: Path
) -> None:
    """BuildKit and Podman would ask a registry for a base of that name: neither does."""
    reproduce(author, builder, alone, tmp_path)


@pytest.mark.parametrize("builder", ["legacy", "buildkit", "podman", "buildah"])
def test_verified_without_the_registry(
    builder: str, author: Author, alone: list[str], tmp_path: Path
) -> None:
    """`repropack verify BUNDLE` comes to the same verdict with each builder."""
    variables = {**variables_for(author, builder, tmp_path), "REPROPACK_CACHE": str(tmp_path / "c")}
    engine = "docker" if builder in ("legacy", "buildkit") else "podman"
    words = ("--engine", engine, "--builder", builder, "-o", str(tmp_path / "out"))
    done = repropack("verify", str(author.bundle), *words, before=alone, **variables)
    assert done.returncode == 0, done.stderr
    assert "reproduced: 1 of 1 claims" in done.stdout


def reproduce(author: Author, builder: str, before: list[str], directory: Path) -> None:
    """Call `reproduce.sh` with an empty store."""
    variables, bundle = variables_for(author, builder, directory), directory / "bundle"
    shutil.copytree(author.bundle, bundle, symlinks=True)
    engine = "podman" if builder == "podman" else "docker"
    command = [*before, str(bundle / "reproduce.sh"), "--engine", engine]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "loading the base" in done.stderr and "pulling" not in done.stderr
    assert "reproduced: 1 of 1 claims" in done.stdout


def variables_for(author: Author, builder: str, directory: Path) -> dict[str, str]:
    """Those with which that builder is taken; Docker has forgotten everything."""
    forget(author.daemon)
    variables = {"DOCKER_HOST": author.daemon.host, "DOCKER_BUILDKIT": "0"}
    if builder == "buildkit":
        program = buildkit_cli()
        assert program is not None
        (directory / "bin").mkdir()
        (directory / "bin" / "docker").symlink_to(program)
        path = f"{directory}/bin:{os.environ['PATH']}"
        variables |= {"DOCKER_BUILDKIT": "1", "PATH": path}
    return variables

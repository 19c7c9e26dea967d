"""The reviewer's packages: fetched with this machine's settings, which then are nowhere."""

from __future__ import annotations

import base64
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from repropack.bundle import checksums
from repropack.environment import Target, tools
from repropack.environment.store import wheel_path
from repropack.workspace import cache_directory
from tests.conftest import commit_all, git
from tests.integration.engine_bundle import buildkit_cli
from tests.integration.reviewer_probe import docker, engine_path, repropack, wrapped_docker
from tests.unit.bundle.made import reproduce, reseal
from tests.unit.bundle.test_write import listing
from tests.unit.environment.wheelhouse import make_wheel, sha256

pytestmark = [pytest.mark.engine, pytest.mark.network]

NAME = "reviewer-packages"
USER, SECRET = "somebody", "index-secret"
PROXY = "http://proxy-user:proxy-secret@unheard-of.index.example:3128"
CONFIG = f"""
name: {NAME}
experiments:
  e: {{run: python e.py, metrics: {{v: {{stdout: 'v=(\\d+)'}}}}}}
claims:
  - {{id: v, metric: e.v, value: "7"}}
"""
LISTING = """
import hashlib, json, os, stat
rows = []
for top in ("/opt/env", "/work", "/repropack", "/out", "/opt", "/etc/passwd", "/etc/group"):
    names = [top]
    for parent, folders, files in os.walk(top):
        names += [os.path.join(parent, name) for name in (*folders, *files)]
    for name in names if top != "/opt" else names[:1]:
        state = os.lstat(name)
        link = os.readlink(name) if stat.S_ISLNK(state.st_mode) else ""
        data = open(name, "rb").read() if stat.S_ISREG(state.st_mode) else b""
        rows.append([name, oct(state.st_mode), state.st_uid, state.st_gid, link,
                     hashlib.sha256(data).hexdigest()])
print(json.dumps(sorted(rows)))
"""


class Index(http.server.SimpleHTTPRequestHandler):
    """A package index over TLS that wants a password."""

    def do_GET(self) -> None:
        """A listing of links, or a file."""
        token = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {token}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bundle with packages, the index that has them, and a PATH without Python."""

    bundle: Path
    project: Path
    path: Path
    index: str
    certificate: Path

    def settings(self) -> dict[str, str]:
        """What the reviewer's environment says, the proxy for plain HTTP that nothing uses too."""
        return {
            "PIP_INDEX_URL": self.index,
            "SSL_CERT_FILE": str(self.certificate),
            "HTTP_PROXY": PROXY,
            "PIP_RETRIES": "0",
        }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The author's bundle, with the wheels that an image build needs behind a private index."""
    directory = tmp_path_factory.mktemp("packages")
    house = directory / "index" / "simple"
    wheel = make_wheel(house / "seven", "seven", "1.0", content="VALUE = 7\n")
    for tool in tools(cache_directory(), Target(python="3.11"), lambda line: None):
        (house / tool.name).mkdir()
        shutil.copy(wheel_path(cache_directory(), tool), house / tool.name / tool.filename)
    project = directory / "project"
    project.mkdir()
    (project / "repropack.yaml").write_text(CONFIG)
    (project / "e.py").write_text("import seven\nprint(f'v={seven.VALUE}')\n")
    (project / "requirements.txt").write_text(f"seven==1.0 --hash=sha256:{sha256(wheel)}\n")
    commit_all(project)
    cache = directory / "cache"
    shutil.copytree(cache_directory() / "wheels", cache / "wheels")
    with serving(house.parent, certificate := make_certificate(directory)) as port:
        index = f"https://{USER}:{SECRET}@localhost:{port}/simple"
        made = Place(
            bundle=directory / "bundle", project=project, path=engine_path(directory / "bin"),
            index=index, certificate=certificate,
        )  # fmt: skip
        built = repropack(
            "build", str(project), "-o", str(made.bundle), "--builder", "legacy",
            REPROPACK_CACHE=str(cache), PIP_CERT=str(certificate), **made.settings(),
        )  # fmt: skip
        assert built.returncode == 0, built.stderr
        yield made
    subprocess.run(["docker", "rmi", "--no-prune", "-f", *images()], capture_output=True)


def images() -> list[str]:
    """The images of the bundle."""
    return docker("images", "-q", f"repropack/{NAME}").split()


def make_certificate(directory: Path) -> Path:
    """A certificate for localhost that nobody knows, and its key."""
    certificate, key = directory / "certificate-secret.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate


class serving:
    """A server of a directory, for as long as a block runs; gives its port."""

    def __init__(self, directory: Path, certificate: Path) -> None:
        handler = partial(Index, directory=str(directory))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self) -> int:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return int(self.server.server_address[1])

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def copied(place: Place, directory: Path) -> Path:
    """The bundle as it comes to a reviewer, with no image of it."""
    bundle = Path(shutil.copytree(place.bundle, directory / "a désk", symlinks=True))
    subprocess.run(["docker", "rmi", "--no-prune", "-f", *images()], capture_output=True)
    return bundle


@pytest.mark.parametrize("fetcher", ["in the base", "on the host"])
def test_fetched_and_forgotten(fetcher: str, place: Place, tmp_path: Path) -> None:
    """Packages come by the host's index, password and certificate; image and bundle hold none."""
    bundle = copied(place, tmp_path)
    path = place.path
    if fetcher == "on the host":
        path = wrapped_docker(place.path, 'exec $docker "$@"')
        (path / "python3").symlink_to(Path(sys.executable).resolve())
    done = reproduce(bundle, path=path, environment=place.settings())
    assert done.returncode == 0, done.stderr
    assert ("fetching in a container" in done.stderr) is (fetcher == "in the base")
    assert SECRET not in done.stderr and "proxy-secret" not in done.stderr
    traces = [SECRET.encode(), b"proxy-secret", b"unheard-of", place.index[-14:].encode()]
    traces += [place.certificate.read_bytes().splitlines()[5], os.fsencode(place.certificate.name)]
    assert no_traces(bundle, traces)
    assert no_traces(exported(tmp_path / "image"), traces)
    checksums.check(bundle)
    again = reproduce(bundle, path=place.path)  # no index any more, and none is needed
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert "is already there" in again.stderr


def exported(directory: Path) -> Path:
    """Every layer of the image as files, with its configuration and history."""
    directory.mkdir()
    archive = directory / "image.tar"
    docker("save", "-o", str(archive), images()[0])
    subprocess.run(["tar", "-xf", archive, "-C", directory], check=True)
    (directory / "history").write_text(docker("history", "--no-trunc", images()[0]))
    archive.unlink()
    return directory


def no_traces(directory: Path, traces: list[bytes]) -> bool:
    """Whether no file below a directory holds any of them."""
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            assert not [trace for trace in traces if trace in data], path
    return True


@pytest.mark.parametrize(
    ("variables", "code", "told"),
    [
        ({"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}, 75, "the packages could not be fetched"),
        ({"SSL_CERT_FILE": "/dev/null"}, 75, "the packages could not be fetched"),
        ({"PIP_INDEX_URL": "https://nobody:wrong@localhost:{port}/simple"}, 75, "could not be"),
    ],
)
def test_nothing_to_fetch(
    variables: dict[str, str], code: int, told: str, place: Place, tmp_path: Path
) -> None:
    """An index that does not answer, or not to this machine, is exit code 75; nothing leaks."""
    bundle = copied(place, tmp_path)
    port = place.index.rpartition(":")[2].partition("/")[0]
    given = {name: value.replace("{port}", port) for name, value in variables.items()}
    done = reproduce(bundle, path=place.path, environment=place.settings() | given)
    assert (done.returncode, done.stdout, images()) == (code, "", [])
    assert told in done.stderr and SECRET not in done.stderr and "wrong@" not in done.stderr
    assert not (bundle / "reproduction").exists()


def test_extra_index_that_does_not_answer(place: Place, tmp_path: Path) -> None:
    """A second index that does not answer delays, but does not stop; its password is not told."""
    bundle = copied(place, tmp_path)
    extra = {"PIP_EXTRA_INDEX_URL": "https://user:extra-secret@127.0.0.1:9/simple"}
    done = reproduce(bundle, path=place.path, environment=place.settings() | extra)
    assert done.returncode == 0, done.stderr
    assert "extra-secret" not in done.stderr
    assert no_traces(exported(tmp_path / "image"), [b"extra-secret", b"127.0.0.1:9"])


def test_another_package_of_the_same_name(place: Place, tmp_path: Path) -> None:
    """A package with other bytes than the lock's is exit code 7, and is not built in."""
    bundle = copied(place, tmp_path)
    for name in ("fetch.txt", "wheels.sha256"):
        file = bundle / name
        own = sha256(place.bundle.parent / "index/simple/seven/seven-1.0-py3-none-any.whl")
        file.write_text(file.read_text().replace(own, "0" * 64))
    reseal(bundle)
    done = reproduce(bundle, path=place.path, environment=place.settings())
    assert (done.returncode, images()) == (7, [])
    assert "not the one that was locked" in done.stderr


def test_damaged_wheel_is_fetched_again(place: Place, tmp_path: Path) -> None:
    """A wheel that was cut off or changed on the disk is replaced before the build."""
    bundle = copied(place, tmp_path)
    (bundle / "wheels").mkdir()
    (bundle / "wheels" / "seven-1.0-py3-none-any.whl").write_bytes(b"half")
    done = reproduce(bundle, path=place.path, environment=place.settings())
    assert done.returncode == 0, done.stderr


def context_with_wheels(place: Place, directory: Path) -> Path:
    """What a builder gets."""
    bundle = copied(place, directory)
    done = reproduce(bundle, path=place.path, environment=place.settings())
    assert done.returncode == 0, done.stderr
    return bundle


def build(program: str, context: Path, tag: str, buildkit: str) -> subprocess.CompletedProcess[str]:
    """Build a context as it lies there."""
    return subprocess.run(
        [program, "build", "--network=none", "--no-cache", "--force-rm", "-t", tag, str(context)],
        env={**os.environ, "DOCKER_BUILDKIT": buildkit}, capture_output=True, text=True,
    )  # fmt: skip


def test_both_builders(place: Place, tmp_path: Path) -> None:
    """BuildKit and the legacy builder make the same files of one Dockerfile, without a network."""
    program = buildkit_cli()
    if program is None:
        pytest.skip("no docker command here can use BuildKit")
    context = context_with_wheels(place, tmp_path)
    found = {}
    for buildkit in ("0", "1"):
        tag = f"repropack/{NAME}:builder{buildkit}"
        done = build(program, context, tag, buildkit)
        assert done.returncode == 0, done.stdout + done.stderr
        listing = docker(
            "run", "--rm", "--network", "none", "--user", "0", tag, "python", "-c", LISTING
        )
        config = json.loads(docker("inspect", tag))[0]["Config"]
        labels = config["Labels"]
        found[buildkit] = (
            json.loads(listing),
            config["Env"],
            labels,
            config["User"],
            config["Cmd"],
        )
    legacy, buildkit_ = (set(map(tuple, found[key][0])) for key in ("0", "1"))
    assert legacy ^ buildkit_ == set()
    assert found["0"][1:] == found["1"][1:]
    assert len(legacy) > 15
    shutil.rmtree(context / "wheels")
    for buildkit in ("0", "1"):
        (context / "wheels").mkdir(exist_ok=True)
        for wheel in (place.bundle.parent / "index" / "simple" / "uv").iterdir():
            shutil.copy(wheel, context / "wheels")
        done = build(program, context, f"repropack/{NAME}:none", buildkit)
        assert done.returncode != 0, "a package came from somewhere without a network"


def test_reproduced_with_buildkit(place: Place, tmp_path: Path) -> None:
    """The whole path works where BuildKit builds."""
    program = buildkit_cli()
    if program is None:
        pytest.skip("no docker command here can use BuildKit")
    bundle = copied(place, tmp_path)
    path = wrapped_docker(place.path, f'DOCKER_BUILDKIT=1 exec {program} "$@"')
    done = reproduce(bundle, path=path, environment=place.settings())
    assert done.returncode == 0, done.stderr
    again = reproduce(bundle, path=path)
    assert (again.returncode, "is already there" in again.stderr) == (0, True)


def test_no_registry_has_the_base(place: Place, tmp_path: Path) -> None:
    """Without a base, a registry and mmdebstrap the exit code is 75, with what would help."""
    bundle = copied(place, tmp_path)
    script = bundle / "reproduce.sh"
    script.write_text(
        script.read_text().replace("base='repropack/base:", "base='repropack/nobase:")
    )
    reseal(bundle)
    path = wrapped_docker(place.path, 'case $1 in pull) exit 1 ;; esac\nexec $docker "$@"')
    done = reproduce(bundle, path=path, environment=place.settings())
    assert (done.returncode, "apt-get install mmdebstrap" in done.stderr) == (75, True)
    tags = 'case $1 in pull) exec $docker tag repropack/base:bookworm-py3.11 "$2" ;; esac'
    path = wrapped_docker(place.path, f'{tags}\nexec $docker "$@"')
    done = reproduce(bundle, path=path, environment=place.settings())
    assert (done.returncode, "this one is a registry's" in done.stderr) == (0, True), done.stderr
    docker("rmi", "python:3.11-slim-bookworm")


def test_equal_bundles(place: Place, tmp_path: Path) -> None:
    """A clone elsewhere gives the same bundle to the byte, tools and lock included."""
    clone, cache = tmp_path / "a clone", place.bundle.parent / "cache"
    git(tmp_path, "clone", "-q", str(place.project), str(clone))
    built = repropack(
        "build", str(clone), "-o", str(tmp_path / "bundle"), "--builder", "legacy",
        REPROPACK_CACHE=str(cache), TZ="Asia/Tokyo", LC_ALL="C", PIP_NO_INDEX="1",
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    assert reproducible(tmp_path / "bundle") == reproducible(place.bundle)


def reproducible(bundle: Path) -> list[tuple[object, ...]]:
    """All but the provenance, which names the image: this builder notes when it built."""
    return [row for row in listing(bundle) if row[0] != "provenance.json"]

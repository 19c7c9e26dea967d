"""The image of an anonymous bundle: what is found in it, what is not, and what is left out."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from repropack.anonymous.looking import Looker
from repropack.anonymous.terms import Term
from repropack.config import Waiver
from repropack.errors import AnonymityError
from tests.unit.anonymous.saved import BUILT_S, LABEL, Saved, layer, unpacked, written

WORDS = (
    Term(text="Grace Quillfeather", what="name or address in git's history"),
    Term(text="gquill@northwold.example.edu", what="name or address in git's history"),
    Term(text="quillf", what="account or machine that builds"),
    Term(text="git@code.example:quills/darts.git", what="remote of git"),
)
SITE = "opt/env/lib/python3.11/site-packages"


def looker(*waivers: Waiver, seen: tuple[bytes, ...] = (), keeps_times: bool = False) -> Looker:
    """What looks for those words."""
    known = frozenset(hashlib.sha256(each).digest() for each in seen)
    return Looker(WORDS, waivers, seen=known, keeps_times=keeps_times)


def told(saved: Saved, tmp_path: Path, look: Looker | None = None) -> tuple[str, ...]:
    """What is said of an image; nothing of one that may travel."""
    path = tmp_path / "image.tar.zst"
    try:
        written(saved, look or looker(), path)
    except AnonymityError as error:
        assert error.exit_code == 3 and not path.exists() and list(tmp_path.iterdir()) == []
        return error.problems
    path.unlink()
    return ()


def record(files: dict[str, bytes], distribution: str = "x-1.dist-info") -> dict[str, bytes]:
    """Files of a wheel with the RECORD of it, as an installer writes both."""
    lines = [f"{distribution}/RECORD,,\n"]
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    made = {f"{SITE}/{name}": content for name, content in files.items()}
    return made | {f"{SITE}/{distribution}/RECORD": "".join(lines).encode()}


DIRECT = {"x-1.dist-info/direct_url.json": b'{"url": "file:///home/gquill/darts"}'}
FILES: tuple[tuple[dict[str, bytes | str], str], ...] = (
    ({"etc/hostname": b"grace-laptop\n"}, "etc/hostname:1: name of a machine: grace-laptop"),
    ({"etc/hosts": b"127.0.0.1 localhost\n127.0.1.1 lab7\n"},
     "etc/hosts:2: name of a machine: lab7"),
    ({"etc/resolv.conf": b"# by hand\nsearch cs.northwold.example\n"},
     "etc/resolv.conf:2: network of a machine: search cs.northwold.example"),
    ({"etc/apt/apt.conf.d/01": b'Acquire::http::Proxy "http://lab:3128";\n'},
     "etc/apt/apt.conf.d/01:1: proxy: Acquire::http::Proxy"),
    ({"root/.ssh/known_hosts": b"x"}, "root/.ssh/known_hosts: file of an account"),
    ({"home/gquill/x": b""}, "home/gquill/x: home directory: /home/gquill"),
    ({"opt/env/x.pyc": b"\0\1/home/gquill/darts/x.py\0"}, "x.pyc: home directory: /home/gquill"),
    ({"opt/env/x.pyc": b"\0\1\2by quillf\0"}, "x.pyc: account or machine that builds: quillf"),
    ({"opt/env/lib/libx.so": b"\x7fELF\0\0Grace_Quillfeather\0"}, "libx.so: name or address"),
    ({"usr/lib/x/AUTHORS": b"Grace Quillfeather\n"}, "usr/lib/x/AUTHORS:1: name or address"),
    ({"opt/env/pyvenv.cfg": b"home = /usr/bin\ncommand = /home/gquill/v\n"},
     "opt/env/pyvenv.cfg:2: home directory: /home/gquill"),
    ({"opt/env/link": "/home/gquill/darts"}, "opt/env/link: home directory: /home/gquill"),
    (dict(record(DIRECT)), "direct_url.json:1: home directory: /home/gquill"),
    ({"var/log/x": b"gquill@northwold.example.edu"}, "var/log/x:1: name or address in git"),
    ({"tmp/x": b"git@code.example:quills/darts.git"}, "tmp/x:1: remote of git"),
    ({"work/.wh.quillf.txt": b""}, "work/.wh.quillf.txt: account or machine that builds"),
)  # fmt: skip


@pytest.mark.parametrize(("files", "says"), FILES, ids=[says[:44] for _, says in FILES])
def test_files(files: dict[str, bytes | str], says: str, tmp_path: Path) -> None:
    """What is found in a file, its name or its link is told with its layer, and nothing is kept."""
    clean = layer({"usr/bin/sh": b"\x7fELF"})
    (found,) = told(Saved((clean, layer(files))), tmp_path)
    assert found.startswith("image/layer-2/") and says in found


def test_extended_attributes(tmp_path: Path) -> None:
    """A file's attributes are looked at: some programs note there where a file came from."""
    origin = {"SCHILY.xattr.user.xdg.origin.url": "file:///home/gquill/x"}
    (found,) = told(Saved((layer({"opt/x": b"x"}, origin),)), tmp_path)
    assert found == "image/layer-1/opt/x: home directory: /home/gquill"


CONFIG: tuple[tuple[dict[str, Any], list[dict[str, Any]], str], ...] = (
    ({"Env": ["PATH=/bin", "HTTPS_PROXY=http://lab:3128"]}, [], "image/config/config/Env/2: proxy"),
    ({"Env": ["PIP_INDEX_URL=https://lab.example/simple"]}, [], "Env/1: package index"),
    ({"Labels": {**dict([LABEL]), "by": "quillf"}}, [],
     "image/config/config/Labels/by: account or machine that builds: quillf"),
    ({}, [{"created_by": "|1 http_proxy=http://lab:3128 /bin/sh"}], "history/1/created_by: proxy"),
    ({}, [{"created_by": "COPY /home/gquill/darts /work"}], "created_by: home directory"),
    ({"WorkingDir": "/home/gquill"}, [], "WorkingDir: home directory"),
)  # fmt: skip


@pytest.mark.parametrize(("settings", "history", "says"), CONFIG, ids=[row[2] for row in CONFIG])
def test_config(
    settings: dict[str, Any], history: list[dict[str, Any]], says: str, tmp_path: Path
) -> None:
    """Variables, labels and steps of the build are told with their place in the config."""
    (found,) = told(Saved((layer({"x": b"x"}),), settings, history), tmp_path)
    assert says in found


def test_files_of_others(tmp_path: Path) -> None:
    """In what a package's record proves, only a name counts that nobody else has."""
    debian = b"quillf wrote this; see /home/builder and <maintainer@lists.example.org>"
    digest = hashlib.md5(debian, usedforsecurity=False).hexdigest()
    base = layer(
        {
            "usr/bin/x": debian,
            "var/lib/dpkg/info/x.md5sums": f"{digest}  usr/bin/x\n".encode(),
            "var/lib/dpkg/status": b"Maintainer: quillf <q@lists.example.org>\n",
        }
    )
    wheel = {"x/a.py": b"# quillf, /home/vsts/x\n", "x/b.py": b"# quillf\n"}
    assert told(Saved((base, layer(dict(record(wheel))))), tmp_path) == ()
    changed = record(wheel) | {f"{SITE}/x/b.py": b"# quillf!\n", "usr/bin/x": debian + b"\n"}
    found = told(Saved((base, layer(dict(changed)))), tmp_path)
    assert [each.partition(": ")[0] for each in found] == [
        f"image/layer-2/{SITE}/x/b.py:1",
        "image/layer-2/usr/bin/x:1",
        "image/layer-2/usr/bin/x:1",
    ]
    own = {"x/a.py": b"# by gquill@northwold.example.edu\n"}
    assert len(told(Saved((layer(dict(record(own))),)), tmp_path)) == 1


def test_what_was_looked_through_already(tmp_path: Path) -> None:
    """Files of the bundle are told once, as those of the bundle; waivers count for their copies."""
    content = b"quillf\n"
    saved = Saved((layer({"work/a.md": content, "work/b.md": b"by quillf\n"}),))
    assert len(told(saved, tmp_path)) == 2
    assert len(told(saved, tmp_path, looker(seen=(content,)))) == 1
    waiver = Waiver(file="b.md", text="quillf", reason="a bird")
    assert told(saved, tmp_path, looker(waiver, seen=(content,))) == ()


def test_names_that_are_cut_by_a_piece(tmp_path: Path) -> None:
    """A large file is read in pieces: what stands across two is found, with its line."""
    head = b"x\n" * ((1 << 19) - 5)
    (found,) = told(
        Saved(
            (
                layer(
                    {"opt/x": head + b"by quillf\n" + head},
                ),
            )
        ),
        tmp_path,
    )
    assert found == f"image/layer-1/opt/x:{(1 << 19) - 4}: account or machine that builds: quillf"


def test_what_is_left_out(tmp_path: Path) -> None:
    """Owners' names, times and containers are not in what is written, which loads all the same."""
    rights = {"SCHILY.xattr.security.capability": "\1\0\0\2"}
    files: dict[str, bytes | str] = {"usr/lib/python3.11/a.py": b"", "opt/env/b.py": b"b", "l": "b"}
    saved = Saved((layer(files, rights),), {"User": "1000"}, [{"created_by": "x"}])
    path = tmp_path / "image.tar.zst"
    carried = written(saved, looker(), path)
    found = unpacked(path, carried)
    data = b"".join(found.values())
    for trace in (b"quillf", b"quillpc", b"5c15ef7daee7", b"2023-11"):
        assert trace not in data
    config = json.loads(found[carried.config.path])
    assert config["config"] == {"Labels": dict([LABEL]), "User": "1000"}
    assert config["history"] == [{"created": "1980-01-01T00:00:00Z", "created_by": "x"}]
    with tarfile.open(fileobj=io.BytesIO(found[carried.layers[0].path])) as archive:
        members = archive.getmembers()
    assert [(each.name, each.uid, each.mtime, each.linkname) for each in members] == [
        ("usr/lib/python3.11/a.py", 1000, BUILT_S, ""),  # bytecode was made for it
        ("opt/env/b.py", 1000, 315_532_800, ""),
        ("l", 1000, 315_532_800, "b"),
    ]
    assert [each.pax_headers for each in members] == [rights] * 3
    again = tmp_path / "again"
    assert written(saved, looker(), again) == carried and again.read_bytes() == path.read_bytes()
    conda = written(saved, looker(keeps_times=True), again)
    with tarfile.open(fileobj=io.BytesIO(unpacked(again, conda)[conda.layers[0].path])) as archive:
        assert archive.getmember("opt/env/b.py").mtime == BUILT_S


def test_an_image_that_is_not_what_its_config_says(tmp_path: Path) -> None:
    """Layers are held against the config as they came, before anything is left out."""
    from repropack.errors import BuildError

    class Other(Saved):
        @property
        def config(self) -> bytes:
            return super().config.replace(b"sha256:", b"sha256:0")

    with pytest.raises(BuildError, match="not those of its config"):
        written(Other((layer({"x": b"x"}),)), looker(), tmp_path / "image")

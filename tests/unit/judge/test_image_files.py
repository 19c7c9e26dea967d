"""What an image holds, and how two of them differ: from archives that are made here."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from repropack.judge import imagelayers
from repropack.judge.fields import ManifestError
from repropack.judge.imagecheck import check
from repropack.judge.imagediff import Comparison, compare, load, save, told
from repropack.judge.imagefiles import read_image
from repropack.judge.imagelayers import ImageError

Members = list[tuple[str, dict[str, Any]]]


def tar(members: Members, compressed: bool = False) -> bytes:
    """A tar file. Of a member: `data`, `link`, `hard`, `kind`, and what TarInfo has."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz" if compressed else "w") as archive:
        for name, given in members:
            info = tarfile.TarInfo(name)
            data = given.get("data")
            info.type = given.get("kind", tarfile.REGTYPE if data is not None else tarfile.DIRTYPE)
            for word, kind in (("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE)):
                if word in given:
                    info.type, info.linkname = kind, given[word]
            info.mode = given.get("mode", 0o644)
            info.mtime, info.uid = given.get("mtime", 1), given.get("uid", 0)
            info.pax_headers = given.get("pax", {})
            info.size = len(data or b"")
            archive.addfile(info, io.BytesIO(data or b""))
    return buffer.getvalue()


def image(*layers: Members, config: dict[str, Any] | None = None, packed: bool = False) -> bytes:
    """What `docker save` writes: each layer in a directory, the manifest last."""
    blobs = [tar(layer, packed) for layer in layers]
    ids = [f"sha256:{hashlib.sha256(blob).hexdigest()}" for blob in blobs]
    names = [f"{number}/layer.tar" for number, _ in enumerate(layers)]
    described = {"config": config or {}, "rootfs": {"diff_ids": ids}}
    manifest = [{"Config": "c.json", "RepoTags": ["x:1"], "Layers": names}]
    members: Members = [(name, {"data": blob}) for name, blob in zip(names, blobs, strict=True)]
    members.append(("c.json", {"data": json.dumps(described).encode()}))
    members.append(("manifest.json", {"data": json.dumps(manifest).encode()}))
    return tar(members)


def paths(*layers: Members) -> dict[str, str]:
    """Path → content of what is left to see."""
    with read_image(io.BytesIO(image(*layers))) as found:
        return {file.path: file.content or file.kind for file in found.files()}


def compared(first: bytes, second: bytes) -> Comparison:
    """The comparison of two archives."""
    with read_image(io.BytesIO(first)) as one, read_image(io.BytesIO(second)) as other:
        return compare(one, other)


def test_higher_layers_hide_lower_ones() -> None:
    """Whiteouts, opaque directories, and files in the place of directories hide what is below."""
    lower: Members = [
        *((name, {}) for name in ("a", "b", "c", "d")),
        *((f"{name}/x", {"data": b"low"}) for name in ("a", "b", "c", "d")),
        ("a.b", {"data": b"beside"}),
        ("e", {"data": b"low"}),
    ]
    higher: Members = [
        (".wh.a", {"data": b""}),
        ("b/.wh..wh..opq", {"data": b""}),
        ("b", {}),
        ("b/y", {"data": b"high"}),
        ("c", {"data": b"high"}),
        ("d/.wh.x", {"data": b""}),
        ("e", {"data": b"high"}),
    ]
    found = paths(lower, higher)
    assert sorted(found) == ["a.b", "b", "b/y", "c", "d", "e"]
    assert found["e"] == hashlib.sha256(b"high").hexdigest()


def test_what_is_made_again_hides_what_was_there_before() -> None:
    """A directory that was removed and made again has none of its former files."""
    lower: Members = [("a", {}), ("a/x", {"data": b"1"})]
    found = paths(lower, [(".wh.a", {"data": b""})], [("a", {}), ("a/z", {"data": b"2"})])
    assert sorted(found) == ["a", "a/z"]


def test_hard_links_are_files() -> None:
    """A hard link has the content of its target, whichever of the two names comes first."""
    one: Members = [("a", {"data": b"same"}), ("b", {"hard": "a"})]
    other: Members = [("b", {"data": b"same"}), ("a", {"hard": "b"})]
    assert paths(one) == paths(other)
    assert len(set(paths(one).values())) == 1


def test_lists_are_sorted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """More lines than are held in memory give the same list."""
    members: Members = [(f"f{number}", {"data": b"%d" % number}) for number in range(50)]
    whole = paths(members, [("f3", {"data": b"new"})])
    monkeypatch.setattr(imagelayers, "PIECE_LINES", 7)
    assert paths(members, [("f3", {"data": b"new"})]) == whole
    assert len(whole) == 50


def test_packed_layers() -> None:
    """Layers that are compressed are read, too."""
    members: Members = [("a", {"data": b"x" * 4000})]
    assert compared(image(members), image(members, packed=True)).same


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"data": b"other"}, ("content",)),
        ({"data": b"longer than it was"}, ("content",)),
        ({"mode": 0o600}, ("mode",)),
        ({"uid": 1000}, ("owner",)),
        ({"link": "b", "data": None}, ("type",)),
        ({"pax": {"SCHILY.xattr.security.capability": "x"}}, ("extended attributes",)),
        ({"mode": 0o600, "mtime": 7}, ("mode", "time")),
    ],
)
def test_differences_are_named(change: dict[str, Any], what: tuple[str, ...]) -> None:
    """What differs of a file is told by name."""
    given = {"data": b"thing", "mode": 0o644}
    found = compared(image([("d/a", given)]), image([("d/a", {**given, **change})]))
    assert [(each.path, each.what) for each in found.named] == [("d/a", what)]
    assert not found.same and found.differing == 1
    assert told(found, "theirs")[0] == "1 of 1 files differ from theirs:"


def test_time_alone_is_no_other_content() -> None:
    """Files of another time are counted, and the contents are the same; why is told."""
    found = compared(image([("a", {"data": b"x"})]), image([("a", {"data": b"x", "mtime": 9})]))
    assert (found.same, found.timed, found.differing) == (True, 1, 0)
    assert "time" in found.named[0].why


def test_added_missing_and_many() -> None:
    """Files of one image alone are told by which; no more than 20 are named."""
    members: Members = [(f"f{number:02}", {"data": b"x"}) for number in range(30)]
    found = compared(image([*members, ("z", {"data": b""})]), image([("a", {"data": b""})]))
    assert (found.differing, len(found.named)) == (32, 20)
    assert found.named[0].what == ("added",) and found.named[1].what == ("missing",)
    assert told(found, "theirs")[-1] == "  … and 12 more"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("opt/env/lib/python3.11/site-packages/x/__pycache__/a.cpython-311.pyc", "bytecode"),
        ("etc/ld.so.cache", "linker"),
        ("var/lib/dpkg/status", "packages"),
        ("opt/env/lib/x.so.1", "compiled"),
        ("work/train.py", ""),
    ],
)
def test_known_causes(path: str, why: str) -> None:
    """What is known to differ says why, and nothing else does."""
    found = compared(image([(path, {"data": b"x"})]), image([(path, {"data": b"y"})]))
    assert why in found.named[0].why and bool(found.named[0].why) == bool(why)


def test_settings_count_and_builders_notes_do_not() -> None:
    """Another variable is another image; the order of variables and a builder's label are not."""
    first = {"Env": ["A=1", "B=2"], "Labels": {"io.buildah.version": "1"}, "Hostname": "x"}
    same = {"Env": ["B=2", "A=1"], "Labels": None, "Image": "sha256:1"}
    assert compared(image([], config=first), image([], config=same)).same
    found = compared(image([], config=first), image([], config={"Env": ["A=1"], "User": "7"}))
    assert (found.same, found.settings) == (False, ("Env", "User"))
    assert told(found, "theirs") == ["settings differ from theirs: Env, User"]


def test_engines_own_files_do_not_count() -> None:
    """What an engine puts into every container is no content of an image."""
    own: Members = [(".dockerenv", {"data": b""}), ("etc/hosts", {"data": b"x"}), ("proc", {})]
    assert paths([*own, ("etc/hosts.allow", {"data": b""})]).keys() == {"etc/hosts.allow"}


def saved(archive: bytes) -> tuple[str, bytes]:
    """The list of an image, and its hash."""
    out = io.BytesIO()
    with read_image(io.BytesIO(archive)) as listing:
        return save(listing, out), out.getvalue()


ODD: Members = [("new\nline", {"data": b"1"}), ("tab\t\udcff\\", {"data": b"2"}), ("ü", {})]


def test_list_travels() -> None:
    """A list that was saved and read again is the same, with any name; its hash is of its text."""
    digest, data = saved(image(ODD, config={"User": "1"}))
    assert hashlib.sha256(gzip.decompress(data)).hexdigest() == digest
    with load(io.BytesIO(data)) as first, read_image(io.BytesIO(image(ODD))) as other:
        assert compare(first, other).settings == ("User",)
    assert saved(image(ODD, config={"User": "1"})) == (digest, data)
    later: Members = [(name, {**given, "mtime": 99}) for name, given in ODD]
    assert saved(image(later, config={"User": "1"})) == (digest, data)


def test_check_reads_the_list_and_the_image_from_one_stream(tmp_path: Path) -> None:
    """`judge.pyz image` finds where the list ends, and tells what differs."""
    archive = image([("a", {"data": b"x" * 100_000})])
    stream = io.BytesIO(saved(archive)[1] + archive)
    same, lines = check(stream, str(tmp_path))
    assert same and lines == [
        "same contents as the authors' image: 1 files, every byte, owner and mode"
    ]
    other = image([("a", {"data": b"y"})])
    assert check(io.BytesIO(saved(archive)[1] + other)) == (
        False,
        ["1 of 1 files differ from the authors' image:", "  a: content"],
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        tar([("manifest.json", {"data": b"[]"})]),
        tar([("manifest.json", {"data": b'[{"Layers": ["x"], "Config": "y"}]'})]),
        tar([("manifest.json", {"data": b"[" * 100_000})]),
        image([("a", {"hard": "b"})]),
        image([("a", {"data": b"x"})])[:2000],
    ],
)
def test_what_is_no_image(data: bytes) -> None:
    """Anything else than a saved image is told as that."""
    with pytest.raises(ImageError):
        read_image(io.BytesIO(data))


HEAD = b"repropack.image-files/1\t{}\n"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"something else\n",
        b"repropack.image-files/1\t[]\n",
        b"repropack.image-files/1\t" + b"[" * 60_000 + b"\n",
        HEAD + b"one\n",
        HEAD + b"f\t0644\t0:0\t1\tabc\t-\t\x1b[31mred\n",
        HEAD + b"x" * 100_000,
    ],
)
def test_what_is_no_list(text: bytes) -> None:
    """A list that somebody made up is refused, without a control character reaching a screen."""
    archive = image([("a", {"data": b"x"})])
    with pytest.raises(ManifestError) as caught:
        check(io.BytesIO(gzip.compress(text) + archive))
    assert "\x1b" not in str(caught.value)


def test_list_that_is_cut_off() -> None:
    """A list without its end is refused, and so is what is no list at all."""
    _, data = saved(image(ODD))
    for damaged in (data[:-9], data[:20], b"plain text", zlib.compress(b"x")):
        with pytest.raises(ManifestError):
            check(io.BytesIO(damaged))

"""Login names of the machine that built an image, left out of its layers, and nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repropack.engines.owner_names import OwnerNames

FILES = (
    ("etc/passwd", 0, "root", b"root:x:0:0\n"),
    ("work/a.py", 1000, "jdoe", b"x" * 1000),
    ("work/" + "deep/" * 40 + "b.py", 1000, "jdoe", b"y" * 512),
    ("work/empty", 70000, "jdoe", b""),
    ("var/mail", 8, "mail", b"z"),
)


def layer(files: tuple[tuple[str, int, str, bytes], ...], format: int) -> bytes:
    """A tar of files with an owner's number and name, a directory and a link."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as archive:
        for path, owner, name, content in files:
            info = tarfile.TarInfo(path)
            info.size, info.uid, info.gid = len(content), owner, owner
            info.uname = info.gname = name
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("work/link")
        link.type, link.linkname, link.size = tarfile.LNKTYPE, "work/a.py", 0
        archive.addfile(link)
    return stream.getvalue()


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The same in pieces."""
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


def told(tar: bytes) -> list[tuple[object, ...]]:
    """Everything that a tar says of its files, but for the names of owners."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return [
            (m.name, m.mode, m.uid, m.gid, m.mtime, m.type, m.linkname,
             archive.extractfile(m).read() if m.isreg() else b"")  # type: ignore[union-attr]
            for m in archive
        ]  # fmt: skip


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@given(sizes=st.lists(st.integers(0, 3000), max_size=20))
def test_people_lose_their_names_and_nothing_else(format: int, sizes: list[int]) -> None:
    """However the tar comes in pieces; names of the system stay."""
    look, before = OwnerNames(), layer(FILES, format)
    after = b"".join(look.layer(cut(before, sizes)))
    assert b"jdoe" in before and b"jdoe" not in after
    assert len(after) == len(before) and told(after) == told(before)
    with tarfile.open(fileobj=io.BytesIO(after)) as archive:
        names = {member.name: (member.uname, member.gname) for member in archive}
    assert names["var/mail"] == ("mail", "mail") and names["work/a.py"] == ("", "")
    assert look.left_out


def test_an_image_without_names_stays_the_very_same() -> None:
    """To the byte, its config too."""
    look = OwnerNames()
    before = layer(tuple((p, o, "" if o >= 1000 else n, c) for p, o, n, c in FILES), 1)
    assert b"".join(look.layer(iter([before]))) == before
    digest = "sha256:" + hashlib.sha256(before).hexdigest()
    config = {"rootfs": {"type": "layers", "diff_ids": [digest]}}
    assert look.config(config, [digest]) is None and look.left_out == ""


def test_the_config_names_the_layers_as_they_are_written() -> None:
    """And is the same in everything else."""
    config = {"created": "t", "rootfs": {"type": "layers", "diff_ids": ["sha256:a"]}}
    written = OwnerNames().config(config, ["sha256:b"])
    assert written is not None
    assert json.loads(written) == {
        "created": "t",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:b"]},
    }

"""Tar streams: what goes to an engine, and what comes back from a run nobody trusts."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from repropack.engines.archive import pack, tree, unpack


def archive(*members: tuple[str, bytes, bytes]) -> bytes:
    """A tar of (name, type, content or link target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.mode = 0o6755
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content.decode()
                tar.addfile(info)
    return buffer.getvalue()


def chunks(data: bytes, size: int = 700) -> Iterator[bytes]:
    """The same in uneven pieces, as a socket gives them."""
    yield from (data[start : start + size] for start in range(0, len(data), size))


def test_unpack_keeps_regular_files(tmp_path: Path) -> None:
    """Files come out below the target, without the first component, and without special bits."""
    data = archive(
        ("out/", tarfile.DIRTYPE, b""),
        ("out/a b/ü.txt", tarfile.REGTYPE, b"x" * 5000),
        ("out/record.json", tarfile.REGTYPE, b"{}"),
    )
    unpacked = unpack(chunks(data), tmp_path)
    assert (unpacked.files, unpacked.skipped) == (2, ())
    assert (tmp_path / "a b" / "ü.txt").read_bytes() == b"x" * 5000
    assert (tmp_path / "record.json").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("out/../../evil", tarfile.REGTYPE, b"x"),
        ("/etc/evil", tarfile.REGTYPE, b"x"),
        ("out", tarfile.REGTYPE, b"x"),
        ("out/link", tarfile.SYMTYPE, b"/etc/passwd"),
        ("out/hard", tarfile.LNKTYPE, b"/etc/passwd"),
        ("out/device", tarfile.CHRTYPE, b""),
        ("out/pipe", tarfile.FIFOTYPE, b""),
        ("out/" + "n" * 300, tarfile.REGTYPE, b"x"),
    ],
)
def test_unpack_skips_the_rest(name: str, kind: bytes, content: bytes, tmp_path: Path) -> None:
    """Links, devices, and names that lead out or cannot be are skipped, and named."""
    target = tmp_path / "in" / "out"
    target.mkdir(parents=True)
    data = archive((name, kind, content), ("out/good", tarfile.REGTYPE, b"y"))
    unpacked = unpack(chunks(data), target)
    assert (unpacked.files, len(unpacked.skipped)) == (1, 1)
    assert [path.name for path in tmp_path.rglob("*") if not path.is_dir()] == ["good"]


def test_unpack_never_writes_through_a_link(tmp_path: Path) -> None:
    """A link followed by a file below it does not write where the link points."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = tmp_path / "target"
    target.mkdir()
    data = archive(
        ("out/d", tarfile.SYMTYPE, str(elsewhere).encode()),
        ("out/d/f", tarfile.REGTYPE, b"x"),
    )
    unpack(chunks(data), target)
    assert list(elsewhere.iterdir()) == []


def test_unpack_notices_a_cut(tmp_path: Path) -> None:
    """A stream that ends in the middle of a file is an error, not a short file."""
    data = archive(("out/a", tarfile.REGTYPE, b"x" * 100_000))
    with pytest.raises(tarfile.TarError):
        unpack(chunks(data[:50_000]), tmp_path)


def test_pack_is_deterministic(tmp_path: Path) -> None:
    """Times and owners of the files do not change the stream; contents and modes do."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("one")
    (tmp_path / "l").symlink_to("d/f")
    first = b"".join(pack(tmp_path, tree(tmp_path)))
    import os

    os.utime(tmp_path / "d" / "f", (1, 1))
    assert b"".join(pack(tmp_path, tree(tmp_path))) == first
    (tmp_path / "d" / "f").chmod(0o755)
    assert b"".join(pack(tmp_path, tree(tmp_path))) != first


def test_pack_is_a_tar(tmp_path: Path) -> None:
    """What is packed can be read back: files, empty files, links, directories, long names."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / ("n" * 180)).write_bytes(b"x" * 1000)
    (tmp_path / "empty").touch()
    (tmp_path / "l").symlink_to("nowhere")
    data = b"".join(pack(tmp_path, tree(tmp_path)))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = {member.name: member for member in tar}
    assert set(found) == {"d", "d/" + "n" * 180, "empty", "l"}
    assert found["l"].issym() and found["d"].isdir() and found["empty"].size == 0


def test_pack_notices_a_shrinking_file(tmp_path: Path) -> None:
    """A file that gets shorter while it is sent is an error, not a corrupt context."""
    path = tmp_path / "f"
    path.write_bytes(b"x" * (3 << 20))
    stream = pack(tmp_path, ["f"])
    next(stream)
    path.write_bytes(b"")
    with pytest.raises(OSError, match="shrank"):
        b"".join(stream)

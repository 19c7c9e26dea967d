"""Images as directories: layers over one another, and nothing outside."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repropack.engines.rootfs import labels_of, layers_of, unroll, variables_of
from repropack.errors import BuildError

CONFIG = {
    "config": {"Env": ["A=1=2", "B="], "Labels": {"k": "v"}},
    "rootfs": {"diff_ids": ["sha256:x"]},
}


def entry(name: str, content: str | None = None, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a layer: a file with content, or what `more` says."""
    info = tarfile.TarInfo(name)
    info.mode = more.pop("mode", 0o644)
    data = (content or "").encode()
    info.size = len(data)
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def directory(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    """A directory of a layer."""
    return entry(name, type=tarfile.DIRTYPE, mode=mode)


def link(name: str, goal: str) -> tuple[tarfile.TarInfo, bytes]:
    """A symbolic link of a layer."""
    return entry(name, type=tarfile.SYMTYPE, linkname=goal)


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A layer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def archive(*layers: bytes, **changes: Any) -> Iterator[bytes]:
    """The archive of an image, in small pieces."""
    names = [f"blobs/sha256/{number}" for number in range(len(layers))]
    told = {"Config": "blobs/sha256/c0ffee", "RepoTags": ["repropack/x:1"], "Layers": names}
    files = [
        ("manifest.json", json.dumps([{**told, **changes}]).encode()),
        ("blobs/sha256/c0ffee", json.dumps(CONFIG).encode()),
        *zip(names, layers, strict=True),
    ]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as whole:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            whole.addfile(info, io.BytesIO(content))
    text = out.getvalue()
    yield from (text[start : start + 1000] for start in range(0, len(text), 1000))


def unrolled(root: Path, *layers: bytes, **changes: Any) -> dict[str, str]:
    """What lies in the root afterwards: the content of files, where links lead."""
    root.mkdir(exist_ok=True)
    unroll(archive(*layers, **changes), root, "image.tar")
    return {
        path.relative_to(root).as_posix(): f"-> {path.readlink()}"
        if path.is_symlink()
        else path.read_text()
        for path in root.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_what_an_image_says(tmp_path: Path) -> None:
    """Its tag, its id, its variables, labels and layers."""
    found = unroll(archive(tar(directory("work"))), tmp_path, "image.tar")
    assert (found.tag, found.id) == ("repropack/x:1", "sha256:c0ffee")
    assert variables_of(found.config) == {"A": "1=2", "B": ""}
    assert (labels_of(found.config), layers_of(found.config)) == ((("k", "v"),), ("sha256:x",))


def test_layers_lie_over_one_another(tmp_path: Path) -> None:
    """A later file counts, whiteouts remove what earlier layers have, and that alone."""
    first = tar(directory("a"), entry("a/x", "1"), entry("a/y", "1"), directory("b"))
    second = tar(entry("a/x", "2"), entry("a/.wh.y"), entry("b/new", "2"), entry("b/.wh..wh..opq"))
    third = tar(entry("b/.wh..wh..opq"), entry("b/newer", "3"), link("a/x", "../b/newer"))
    found = unrolled(tmp_path / "root", first, second)
    assert found == {"a/x": "2", "b/new": "2"}
    found = unrolled(tmp_path / "other", first, second, third)
    assert found == {"a/x": "-> ../b/newer", "b/newer": "3"}


def test_links_lead_within_the_image(tmp_path: Path) -> None:
    """What is written through a link goes where it leads for who runs in the image."""
    outside = tmp_path / "etc"
    outside.mkdir()
    layers = (
        tar(link("absolute", "/etc"), link("up", "../../../../etc"), link("bin", "usr/bin")),
        tar(entry("absolute/x", "1"), entry("up/y", "1"), entry("bin/sh", "1")),
    )
    found = unrolled(tmp_path / "root", *layers)
    assert {"etc/x": "1", "etc/y": "1", "usr/bin/sh": "1"}.items() <= found.items()
    assert not list(outside.iterdir())


def test_hard_links_and_times_are_kept(tmp_path: Path) -> None:
    """A hard link is the same file, and bytecode finds the time of its source."""
    same = entry("lib/y", type=tarfile.LNKTYPE, linkname="lib/x")
    unrolled(tmp_path, tar(entry("lib/x", "1", mtime=1_000_000, mode=0o4755), same))
    one, other = tmp_path / "lib/x", tmp_path / "lib/y"
    assert one.samefile(other) and one.stat().st_mtime == 1_000_000
    assert one.stat().st_mode & 0o7777 == 0o755


def test_devices_are_left_out_and_directories_stay_removable(tmp_path: Path) -> None:
    """Nobody but root makes devices, and a directory that nobody may write to is in the way."""
    device = entry("dev/null", type=tarfile.CHRTYPE)
    fifo = entry("run/pipe", type=tarfile.FIFOTYPE)
    found = unrolled(tmp_path, tar(directory("dev"), device, fifo, directory("closed", 0o000)))
    assert found == {} and (tmp_path / "closed").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ((tar(entry("../x", "1")),), "leads out of it"),
        ((tar(entry("a/../../x", "1")),), "leads out of it"),
        ((tar(entry("h", type=tarfile.LNKTYPE, linkname="../../x")),), "leads out of it"),
        ((tar(link("a", "b"), link("b", "a"), entry("a/x", "1")),), "leads on and on"),
        ((b"no tar" * 200,), "invalid header|truncated"),
    ],
)
def test_what_no_image_has_is_refused(tmp_path: Path, layers: tuple[bytes, ...], said: str) -> None:
    """Names that lead out, circles, and what is no layer; nothing is written outside."""
    root = tmp_path / "deep" / "root"
    root.mkdir(parents=True)
    with pytest.raises(BuildError, match=f"image.tar could not be unpacked: .*({said})"):
        unroll(archive(*layers), root, "image.tar")
    assert [path.name for path in tmp_path.rglob("*") if not path.is_relative_to(root)] == ["deep"]


@pytest.mark.parametrize(
    "changes",
    [{"Layers": ["blobs/sha256/9"]}, {"Config": "other"}, {"RepoTags": []}, {"Layers": 3}],
)
def test_a_part_that_is_missing_is_told(tmp_path: Path, changes: dict[str, Any]) -> None:
    """An archive is whole, or no image comes of it."""
    with pytest.raises(BuildError):
        unrolled(tmp_path, tar(entry("x", "1")), **changes)


def test_layers_in_another_order_are_refused(tmp_path: Path) -> None:
    """Later layers lie over earlier ones: the archive is read once."""
    names = ["blobs/sha256/1", "blobs/sha256/0"]
    with pytest.raises(BuildError, match="order"):
        unrolled(tmp_path, tar(entry("x", "1")), tar(entry("x", "2")), Layers=names)

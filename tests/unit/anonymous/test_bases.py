"""What an anonymous offline bundle brings to build on, looked through."""

from __future__ import annotations

from pathlib import Path

import pytest

from repropack.anonymous import Guard
from repropack.anonymous.terms import Term
from repropack.config import Waiver
from repropack.engines.carried import write_image
from repropack.engines.model import Image
from repropack.errors import AnonymityError
from tests.unit.anonymous.saved import Saved, layer

WORDS = (
    Term(text="Grace Quillfeather", what="name or address in git's history"),
    Term(text="northwold", what="what --hide names"),
)
OWNER = "base/{}.tar.gz/layer-2/etc/motd: name of an owner: quillf"
CLEAN = layer({"etc/hostname": b"localhost\n", "usr/lib/x": b"x"}, uid=0)


def told(directory: Path, *waivers: Waiver) -> tuple[str, ...]:
    """What is said of a bundle."""
    try:
        Guard(words=WORDS, waivers=waivers)(directory)
    except AnonymityError as error:
        assert error.exit_code == 3
        return error.problems
    return ()


def bring(directory: Path, name: str, saved: Saved) -> None:
    """Put an image into a bundle, as `build --offline` writes it."""
    (directory / "base").mkdir(exist_ok=True)
    image = Image(tag="repropack/base:x", id="", size_bytes=0)
    write_image(saved, image, directory / "base" / f"{name}.tar.gz")


@pytest.mark.parametrize("name", ["base", "cuda"])
def test_each_layer_and_the_config(name: str, tmp_path: Path) -> None:
    """A name in a lower layer, in the config, or of an owner: each is told with its place."""
    over = layer({"etc/motd": b"line\nby Grace Quillfeather\n"})
    settings = {"Labels": {"maintainer": "it@northwold.example"}}
    bring(tmp_path, name, Saved((CLEAN, over, CLEAN), settings))
    where = f"base/{name}.tar.gz"
    by_name = f"{where}/layer-2/etc/motd:2: name or address in git's history: Grace Quillfeather"
    label = f"{where}/config/config/Labels/maintainer: what --hide names: northwold"
    found = told(tmp_path)
    assert {by_name, label, OWNER.format(name)} <= set(found), found
    assert all(each.startswith(where) for each in found)
    waivers = [Waiver(file=f"{where}/*", text="", reason="a bird")]
    assert told(tmp_path, *waivers) == ()


def test_a_base_of_nobody(tmp_path: Path) -> None:
    """One with files of the system alone passes."""
    bring(tmp_path, "base", Saved((CLEAN, CLEAN)))
    assert told(tmp_path) == ()

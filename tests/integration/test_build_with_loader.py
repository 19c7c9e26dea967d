"""A builder that writes an archive, and a program that loads it: what is told when one fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from repropack.engines.building import build_with
from repropack.engines.model import BuildRecipe
from repropack.errors import BuildError

MANY = "head -c 50000000 /dev/zero && echo 'step 1' >&2"


def built(directory: Path, builder: str, loader: str) -> str:
    """The log, once both have ended."""
    recipe = BuildRecipe(context=directory, tag="x:1", log=directory / "build.log")
    load = ["sh", "-c", loader]
    build_with(["sh", "-c", builder], os.environ, recipe, lambda _: None, load=load)
    return recipe.log.read_text()


def test_the_archive_goes_to_the_loader(tmp_path: Path) -> None:
    """Whole, and what both say goes to the log."""
    assert built(tmp_path, MANY, "wc -c") == "step 1\n50000000\n"


def test_a_loader_that_leaves_ends_the_builder(tmp_path: Path) -> None:
    """What it said is the reason, whether the builder complains or is ended by the signal."""
    builders = (
        MANY.replace(" && echo", "; echo"),
        "exec head -c 50000000 /dev/zero",
        "trap '' PIPE; " + MANY + " || { echo 'write |1: broken pipe' >&2; exit 1; }",
    )
    for builder in builders:
        with pytest.raises(BuildError, match="disk is full"):
            built(tmp_path, builder, "echo no space left on device; exit 3")


def test_a_builder_that_fails_is_the_reason(tmp_path: Path) -> None:
    """Not the loader, which read nothing and says so."""
    with pytest.raises(BuildError, match="no such stage"):
        built(tmp_path, "echo 'no such stage' >&2; exit 1", "cat; echo unrecognized; exit 1")
    assert "unrecognized" not in (tmp_path / "build.log").read_text()

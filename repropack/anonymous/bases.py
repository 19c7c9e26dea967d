"""The archives of images that an offline bundle brings for building: looked through, as they are.

Owns: what is in them. Does not own: what counts (`looking`), how they were written
(`engines.carried`); they stay as they are, because a base is known by its content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repropack.anonymous.looking import Looker
from repropack.anonymous.scanning import Suspicion
from repropack.anonymous.terms import Term
from repropack.bundle.contents import CUDA_IMAGE, IMAGE
from repropack.retrieval.members import ending, members

_MOST_MEMBERS = 1000


def of_bases(directory: Path, words: tuple[Term, ...]) -> Iterator[Suspicion]:
    """What is suspicious in the images that a bundle brings to build on."""
    for name in (IMAGE, CUDA_IMAGE):
        if (directory / name).is_file():
            yield from of_image(directory / name, name, words)


def of_image(archive: Path, where: str, words: tuple[Term, ...]) -> Iterator[Suspicion]:
    """The same of one archive, which `where` names: what led to its parts stands before them."""
    looker = Looker(words, (), seen=frozenset(), keeps_times=True, stays=where)
    told: dict[str, Any] = {"Config": None, "Layers": []}
    config: dict[str, Any] = {}
    for member in members(archive, ending(archive.name), _MOST_MEMBERS):
        if member.name == "manifest.json":
            (told,) = json.loads(b"".join(member.content()))
        elif member.name == told["Config"]:
            config = json.loads(b"".join(member.content()))
        elif member.name in told["Layers"]:
            for _ in looker.layer(bytes(piece) for piece in member.content()):
                pass
            looker.was(member.name)
    yield from looker.suspicions(config, told["Layers"])

"""An image that somebody works with: under a name of its own meanwhile, so that it is not removed.

A build removes the image whose tag it gives to another one, and a verification may go on for days.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from repropack.engines.model import Engine, Image
from repropack.engines.owners import IN_USE, mark
from repropack.engines.saved import Keeper
from repropack.errors import RepropackError


@contextmanager
def in_use(engine: Engine, image: Image) -> Iterator[None]:
    """Keep an image, whoever replaces it, where the engine has images. The name goes with us."""
    if not isinstance(engine, Keeper):
        yield
        return
    name = f"{IN_USE}:{mark()}"
    with suppress(RepropackError):  # who cannot run either will say why
        engine.tag(image, (name,))
    try:
        yield
    finally:
        with suppress(RepropackError):  # the next call removes it
            engine.remove_image(name)

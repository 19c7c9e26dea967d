"""An image as it passes from an engine into an archive: who looks at it, and may change it.

Owns: what such a one has to do, and handing it each layer. Does not own: the archive (`carried`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

from repropack.judge.imagelayers import is_layer


class Passing(Protocol):
    """Who an image is handed to, part by part, in whatever order its engine saves them."""

    @property
    def left_out(self) -> str:
        """What is not in the image as it was written; "" where all is."""

    def layer(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The tar of a layer as it is to be written."""

    def was(self, digest: str) -> None:
        """The digest of the file that was just written."""

    def config(self, told: dict[str, Any], layers: Sequence[str]) -> bytes | None:
        """The config as it is to be written: of these layers, from the lowest. None: as it came."""


def passed(look: Passing, pieces: Iterator[bytes], came: Any) -> Iterator[bytes]:
    """A file of a saved image as `look` wants it; `came` is fed with what it was before."""
    counted = _counted(pieces, came)
    head = next(counted, b"")
    rest = chain((head,), counted)
    yield from look.layer(rest) if is_layer(head) else rest
    for _ in counted:  # what stands behind the end of a tar
        pass


def _counted(pieces: Iterator[bytes], came: Any) -> Iterator[bytes]:
    for piece in pieces:
        came.update(piece)
        yield piece

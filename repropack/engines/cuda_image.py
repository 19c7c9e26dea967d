"""The image of NVIDIA's from which CUDA's files are taken: the local one, else a pulled one.

Owns: getting it, pinned by its digest where it has one. Does not own: which (`cuda`), or what is
taken from it (`templates/Dockerfile.j2`).
"""

from __future__ import annotations

from repropack.engines.base import BaseEngine
from repropack.engines.model import Engine, Image, Progress
from repropack.errors import NoEngineError, TemporaryError


def provide_cuda(engine: Engine, reference: str, progress: Progress) -> Image:
    """Return the image called `reference` (a tag, or a name with its digest).

    Its `tag` is what `FROM` takes: `nvidia/cuda@sha256:…`, or the tag of one that was made here.
    Raises `TemporaryError` (75) when no registry has it or none answers.
    """
    if not isinstance(engine, BaseEngine):
        raise NoEngineError(f"the {engine.name} engine has no use for an image")
    found = engine.image(reference)
    if found is not None:
        return engine.pinned(reference) or found
    try:
        return engine.pull(reference, progress)
    except TemporaryError as error:
        raise TemporaryError(
            f"the CUDA libraries of {reference} cannot be had: {error.what}",
            hint="try again later, bring the image along (`docker load`), or set gpu: none for the "
            "experiments in repropack.yaml",
        ) from error

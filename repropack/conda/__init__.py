"""Conda environments: exact packages from any of conda's files, fetched, and installed by rattler.

Owns: reading conda-lock.yml, pixi.lock and `@EXPLICIT` lists, solving what is not locked, fetching
packages by hash, what a bundle says of them, and the two programs that travel with a bundle
(`fetcher`, `installer`). The only user of rattler and conda-lock.
Does not own: the files' syntax (`condafile`), pip's part (`environment`).

    lock = provide(source, path, target, as_of=…, cache=…)    # its `conda` is the conda half
    files = fetch_conda(lock.conda, cache=…, progress=…)
    place_conda(files, cache, directory)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repropack.conda.fetching import conda_path, fetch_conda, place_conda
    from repropack.conda.locks import provide
    from repropack.conda.writing import conda_lock_text, explicit_text, programs, sums_text
    from repropack.environment.condamodel import CondaEnvironment, CondaFile, CondaPackage

__all__ = [
    "CondaEnvironment",
    "CondaFile",
    "CondaPackage",
    "conda_lock_text",
    "conda_path",
    "explicit_text",
    "fetch_conda",
    "place_conda",
    "programs",
    "provide",
    "sums_text",
]

_MODULES = {
    "repropack.conda.fetching": ("conda_path", "fetch_conda", "place_conda"),
    "repropack.conda.locks": ("provide",),
    "repropack.conda.writing": ("conda_lock_text", "explicit_text", "programs", "sums_text"),
    "repropack.environment.condamodel": ("CondaEnvironment", "CondaFile", "CondaPackage"),
}


def __getattr__(name: str) -> object:
    """Each name when it is asked for: most projects have nothing of conda, and plan without."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Wheels that lie in the project itself.

Owns: taking one as it is. Does not own: building one (`making`).
"""

from __future__ import annotations

import posixpath

from repropack.building.materials import Store, file_of_source
from repropack.environment import BuiltWheel, Origin, Provenance, Requirement
from repropack.environment.fetching import fits
from repropack.environment.store import digest, keep_file, workspace
from repropack.errors import InvalidError


def ready_wheel(item: Requirement, origin: Origin, store: Store) -> BuiltWheel:
    """A wheel of the source tree, in the cache. Raises `InvalidError` if it is for others."""
    file = file_of_source(origin, item, store)
    parts = posixpath.basename(origin.path).split("-")
    if len(parts) < 5 or not fits(file, _named(item, parts[1]), store.target):
        raise InvalidError(
            f"{item.where}: {origin.path} cannot be installed on {store.target}",
            hint="add the wheel for this Python and Linux to the repository",
        )
    sha256 = digest(file, "sha256")
    with workspace(store.cache) as directory:
        copy = directory / file.name
        copy.write_bytes(file.read_bytes())
        wheel = keep_file(store.cache, copy)
    return BuiltWheel(
        wheel=wheel,
        provenance=Provenance(
            kind=origin.kind.value,
            source=origin.path,
            sha256=sha256,
            requires=(),
            base="",
            compiler=False,
            because=f"{item.where} names this wheel of the repository",
        ),
    )


def _named(item: Requirement, version: str) -> Requirement:
    return Requirement(name=item.name, version=version, hashes=(), where=item.where)

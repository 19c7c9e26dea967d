"""Building: what no index has as a wheel becomes one, in a container without a network.

Owns: getting the sources and the requirements of a build, building, and the cache of what was
built. Does not own: which package comes from where (`environment`), containers (`engines`), where
the results go (`bundle`).

    made, placed = make_wheels(lock, source=…, workshop=…, target=…)
"""

from __future__ import annotations

from repropack.building.making import make_wheels

__all__ = ["make_wheels"]

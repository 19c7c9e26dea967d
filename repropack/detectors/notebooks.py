"""Notebooks: the code in their cells.

Owns: which of them are looked into, and what of a cell is code. Does not own: what is made of it
(`imports`, `installs`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

MAX_NOTEBOOKS: Final = 20
MAX_NOTEBOOK_BYTES: Final = 2_000_000  # larger ones hold pictures, and take long to parse
MAX_ALL_BYTES: Final = 6_000_000


def within_limits(paths: Iterable[str], sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Those that are looked into: the ones nearest to the root, as many as the limits allow."""
    chosen: list[str] = []
    left_bytes = MAX_ALL_BYTES
    for path in sorted(paths, key=lambda path: (path.count("/"), path)):
        size_bytes = sizes[path]
        if len(chosen) < MAX_NOTEBOOKS and size_bytes <= min(MAX_NOTEBOOK_BYTES, left_bytes):
            left_bytes -= size_bytes
            chosen.append(path)
    return tuple(chosen)


def code_cells(text: str) -> tuple[str, ...]:
    """The sources of a notebook's code cells; nothing of what is no notebook."""
    try:
        cells = json.loads(text).get("cells", [])
        code = [cell for cell in cells if cell.get("cell_type") == "code"]
        return tuple("".join(cell.get("source", "")) for cell in code)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return ()

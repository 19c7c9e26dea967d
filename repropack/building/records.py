"""What was built before, read back from the cache.

Owns: reading a record, and whether all that it names is still there. Does not own: its key and
writing it (`making`).
"""

from __future__ import annotations

import json
from pathlib import Path

from repropack.environment import BuiltWheel, Editable, Provenance, Wheel
from repropack.environment.store import source_files, whole


def remembered(record: Path, cache: Path) -> BuiltWheel | Editable | None:
    """What was built before, if all of it is still in the cache."""
    try:
        raw = json.loads(record.read_bytes())
        wheel = Wheel(**raw["wheel"])
        provenance = Provenance.from_json(raw["provenance"])
        if "/" in wheel.filename + wheel.sha256 or not whole(cache, wheel):
            return None
        if "overlay" not in raw:
            return BuiltWheel(wheel=wheel, provenance=provenance)
        overlay = tuple((str(path), str(sha256)) for path, sha256 in raw["overlay"])
        if not all((source_files(cache, sha256) / "file").is_file() for _, sha256 in overlay):
            return None
        directory = str(raw["directory"])
        return Editable(wheel=wheel, directory=directory, overlay=overlay, provenance=provenance)
    except (OSError, ValueError, TypeError, KeyError):
        return None

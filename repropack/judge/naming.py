"""Names that a user may have meant. Owns the wording of these hints only."""

from __future__ import annotations

import difflib
from typing import Sequence

from repropack.judge import files


def close_names(name: str, names: Sequence[str]) -> str:
    """` (did you mean …?)` or ` (it has …)`, or nothing where there are no names at all."""
    close = [known for known in names if known.lower() == name.lower()]
    close = close or difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    last = name.rsplit(".", 1)[-1]
    close = close or [known for known in names if known.rsplit(".", 1)[-1] == last][:3]
    if close:
        return " (did you mean %s?)" % " or ".join(files.printable(item, 60) for item in close)
    shown = ", ".join(files.printable(item, 60) for item in list(names)[:8])
    return " (it has %s%s)" % (shown, ", …" if len(names) > 8 else "") if shown else ""

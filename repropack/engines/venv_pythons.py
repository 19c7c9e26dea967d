"""Which Pythons this machine has, for the engine that makes no other.

Owns: asking uv. Does not own: which of them is taken (`fitting`).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

from repropack.environment.asking import uv_binary

_WORDS = ("python", "list", "--only-installed", "--output-format", "json", "--no-python-downloads")


def pythons_here() -> tuple[str, ...]:
    """Minor versions of CPython, such as `3.11`; none where uv cannot tell."""
    try:
        done = subprocess.run(
            [uv_binary(), *_WORDS],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        return tuple(dict.fromkeys(_minors(json.loads(done.stdout))))
    except (OSError, ValueError):
        return ()


def _minors(found: object) -> Iterator[str]:
    for entry in found if isinstance(found, list) else []:
        said = entry if isinstance(entry, dict) else {}
        version = re.match(r"3\.\d+", str(said.get("version", "")))
        if version and said.get("implementation", "cpython") == "cpython":
            yield version[0]

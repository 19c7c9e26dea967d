"""Where a package that is missing would be listed: in the manifest that counts.

Owns: which file that is, and the words. Does not own: what is missing (`imports`, `installs`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from typing import Final

from repropack.detectors.dependencies import KIND_PREFIX
from repropack.findings import Finding
from repropack.formats import Format

# What a lock was made from, the likeliest first.
_MADE_FROM: Final = {
    Format.PYLOCK: ("pyproject.toml", "requirements.in"),
    Format.UV: ("pyproject.toml",),
    Format.POETRY: ("pyproject.toml",),
    Format.PDM: ("pyproject.toml",),
    Format.PIPFILE_LOCK: ("Pipfile",),
    Format.CONDA_LOCK: ("environment.yml", "environment.yaml"),
    Format.PIXI_LOCK: ("pixi.toml", "pyproject.toml"),
    Format.CONDA_EXPLICIT: ("environment.yml", "environment.yaml"),
    Format.HASHED: ("requirements.in", "pyproject.toml"),
}


def place_to_list(manifests: Sequence[Finding], has: Callable[[str], bool]) -> str:
    """What to do about a missing package, with `{}` in place of its name."""
    formats = {KIND_PREFIX + format.name.lower(): format for format in Format}
    counts = next((found for found in manifests if found.kind in formats), None)
    if counts is None:
        return "list {} in requirements.txt, or plan with --infer"
    format, path = formats[counts.kind], counts.value
    if format in (Format.WANDB, Format.NONE):
        return "list {} in requirements.txt"
    if not format.is_lock:
        return f"list {{}} in {path}, or plan with --infer"
    directory = posixpath.dirname(path)
    files = (posixpath.join(directory, name) for name in _MADE_FROM[format])
    manifest = next(filter(has, files), "")
    return f"list {{}} in {manifest} and lock again" if manifest else f"lock {{}} in {path} too"

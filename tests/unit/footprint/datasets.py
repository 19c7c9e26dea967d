"""Small datasets, and what a footprint and a check make of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from repropack.footprint import Algorithm, Checked, Format, How, Made, check, footprint, read
from repropack.progress import Silent


def make(root: Path, files: dict[str, str]) -> Path:
    """A directory with files of these contents; a name that ends in `/` is a directory."""
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return root


def age(root: Path, seconds: float = 3600) -> None:
    """Set all files' times back."""
    for path in root.rglob("*"):
        if not path.is_symlink():
            now_ns = path.stat().st_mtime_ns - int(seconds * 1e9)
            os.utime(path, ns=(now_ns, now_ns))


def made(data: Path, out: Path, **options: Any) -> Made:
    """The footprint of a directory."""
    return footprint(data, out, reporter=Silent(), **options)


def root_hash(data: Path, out: Path, **options: Any) -> str:
    """The root hash of a directory."""
    return made(data, out, **options).summary.root_hash


def checked(
    data: Path, recorded: Path, how: How = How.QUICK, *, algo: Algorithm | None = None, **more: Any
) -> Checked:
    """A directory held against a footprint."""
    known = read(recorded, dataset=data, algorithm=algo)
    return check(data, known, where=recorded, how=how, reporter=Silent(), **more)


def differences(result: Checked) -> dict[str, list[str]]:
    """What differs, by kind, without the kinds in which nothing does."""
    return {name: kind.first for name, kind in result.kinds if kind.count}


def document(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text("utf-8"))


__all__ = [
    "Algorithm",
    "Format",
    "How",
    "age",
    "checked",
    "differences",
    "document",
    "made",
    "make",
    "root_hash",
]

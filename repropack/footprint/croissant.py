"""Croissant's `FileObject`s with a `sha256`: the files that a dataset's description names."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from repropack.errors import IntegrityError
from repropack.footprint.model import Algorithm
from repropack.footprint.recorded import Recorded, add, from_list

_FILE = ("FileObject", "cr:FileObject", "sc:FileObject")


def is_ours(given: Any) -> bool:
    """Whether a JSON document is such a description."""
    return isinstance(given, dict) and "@context" in given and "distribution" in given


def read(given: dict[str, Any], where: Path) -> Recorded:
    """The files that have a hash, under their local path or the name that a download gets.

    Other files in the dataset are not looked at: archives are unpacked beside them.
    Raises `IntegrityError` where no file has a hash.
    """
    found: dict[bytes, bytes] = {}
    listed = given["distribution"]
    for item in listed if isinstance(listed, list) else [listed]:
        if not isinstance(item, dict) or item.get("@type") not in _FILE or "containedIn" in item:
            continue
        told, name = item.get("sha256"), _name(item)
        if isinstance(told, str) and name:
            try:
                content = bytes.fromhex(told)
            except ValueError:
                content = b""
            if len(content) != Algorithm.SHA256.length:
                raise IntegrityError(f"{where}: {name} has a sha256 that is none: {told[:70]}")
            add(found, name.encode("utf-8", "surrogateescape"), content, where)
    if not found:
        raise IntegrityError(f"{where} gives no FileObject a sha256: there is nothing to check")
    return from_list(found, Algorithm.SHA256, "Croissant", listed_only=True)


def _name(item: dict[str, Any]) -> str:
    address = item.get("contentUrl")
    if not isinstance(address, str):
        return str(item.get("name") or "")
    parts = urlsplit(address)
    return parts.path.rpartition("/")[2] if parts.scheme else unquote(address).removeprefix("./")

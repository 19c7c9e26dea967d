"""DeepDIVA's `footprint.json`, version 1: read whenever it is met, written on request.

    root   := folder + {"last_modified": text}
    folder := {"files": [file…], "folders": [folder…], "path": str}
    file   := {"file_name": str, "file_hash": SHA-1 of the content}

Its paths begin with what was typed on the command line, which is taken off; the time is local, in
seconds, and of the newest file alone: advice that is not followed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from repropack.errors import IntegrityError, InvalidError
from repropack.footprint.model import Algorithm, Entry, shown
from repropack.footprint.recorded import Recorded, add, from_list

#: The reports of the original, which lie in the data and are no part of it.
REPORTS = frozenset({b"footprint.json", b"differences_footprint.json"})
_KEYS = {"files", "folders", "path"}


def is_ours(given: Any) -> bool:
    """Whether a JSON document is such a footprint."""
    return isinstance(given, dict) and given.keys() >= _KEYS


def read(given: dict[str, Any], where: Path) -> Recorded:
    """The footprint in a JSON document. Raises `IntegrityError` for one that makes no sense."""
    found: dict[bytes, bytes] = {}
    try:
        prefix = _normal(given["path"])
        folders = [given]
        while folders:
            folder = folders.pop()
            folders += folder["folders"]
            for file in folder["files"]:
                path = _below(prefix, _normal(file["file_name"]))
                content = bytes.fromhex(file["file_hash"])
                if len(content) != Algorithm.SHA1.length:
                    raise ValueError(f"{file['file_hash']} is no SHA-1")
                add(found, os.fsencode(path), content, where)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError(
            f"{where} is no whole footprint of DeepDIVA: {error!r}",
            hint="get the footprint again from where the data's authors published it",
        ) from error
    return from_list(found, Algorithm.SHA1, "DeepDIVA", ignored=REPORTS)


def _normal(path: str) -> str:
    return os.path.normpath(path.replace("\\", "/"))


def _below(prefix: str, path: str) -> str:
    start = "" if prefix == "." else prefix.rstrip("/") + "/"
    if not path.startswith(start):
        raise ValueError(f"{path} does not lie in {prefix}")
    return path[len(start) :]


def text(typed: str, entries: Iterable[Entry], *, max_mtime_ns: int) -> str:
    """The footprint of entries, as the original would have written it for `typed`.

    Raises `InvalidError` for what the format cannot say.
    """
    root = _folder(typed)
    known: dict[str, dict[str, Any]] = {"": root}
    for entry in entries:
        if entry.link is not None:
            raise InvalidError(
                f"{shown(entry.path)} is a link, which DeepDIVA's format cannot say",
                hint="leave out --format deepdiva",
            )
        path = _text(entry.path)
        above = path.rpartition("/")[0]
        _made(known, above, typed)["files"].append(
            {"file_name": os.path.join(typed, path), "file_hash": entry.hash.hex()}
        )
    root["last_modified"] = time.ctime(max_mtime_ns // 10**9)
    try:
        return json.dumps(root) + "\n"
    except RecursionError as error:
        raise InvalidError("the directories are too deep for DeepDIVA's format") from error


def _folder(path: str) -> dict[str, Any]:
    return {"files": [], "folders": [], "path": path}


def _made(known: dict[str, dict[str, Any]], path: str, typed: str) -> dict[str, Any]:
    """The folder of a path, with those above it."""
    missing = []
    while path not in known:
        missing.append(path)
        path = path.rpartition("/")[0]
    folder = known[path]
    for lower in reversed(missing):
        known[lower] = _folder(os.path.join(typed, lower))
        folder["folders"].append(known[lower])
        folder = known[lower]
    return folder


def _text(path: bytes) -> str:
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidError(
            f"{shown(path)} is not UTF-8, which DeepDIVA's format cannot say",
            hint="leave out --format deepdiva",
        ) from error

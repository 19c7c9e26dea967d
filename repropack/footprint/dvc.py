"""What DVC records of outputs in `.dvc` files and `dvc.lock`, verified without DVC.

A directory's hash is the MD5 of the JSON list of its files' hashes and paths. Before version 3 (no
`hash: md5` beside the output) DVC hashed text files with their line ends changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repropack.errors import IntegrityError, InvalidError, UsageError
from repropack.footprint.model import UNKNOWN, Algorithm, Entry, shown
from repropack.footprint.recorded import Recorded, from_list

_DIRECTORY = ".dir"


def directory_hash(entries: Iterator[Entry]) -> str:
    """DVC's hash of a directory, without the `.dir` at its end."""
    listed = [{"md5": entry.hash.hex(), "relpath": os.fsdecode(entry.path)} for entry in entries]
    listed.sort(key=lambda item: item["relpath"])
    text = json.dumps(listed, sort_keys=True)
    return hashlib.md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def outputs(given: dict[str, Any]) -> list[dict[str, Any]]:
    """All outputs of a `.dvc` file or a `dvc.lock`, as they are written there."""
    stages = given.get("stages")
    parts = list(stages.values()) if isinstance(stages, dict) else [given]
    listed = [part.get("outs") for part in parts if isinstance(part, dict)]
    found = [out for outs in listed if isinstance(outs, list) for out in outs]
    return [out for out in found if isinstance(out, dict) and isinstance(out.get("path"), str)]


def read(given: dict[str, Any], where: Path, dataset: Path) -> Recorded:
    """The output that is the dataset: the only one, or that of its name.

    Raises `UsageError` where it is not clear which, `IntegrityError` for one without a hash.
    """
    found = outputs(given)
    fitting = [out for out in found if Path(out["path"]).name == dataset.resolve().name]
    chosen = found if len(found) == 1 else fitting
    if len(chosen) != 1:
        names = ", ".join(shown(out["path"].encode()) for out in found) or "none"
        raise UsageError(f"{where} has no single output {dataset.name}", hint=f"it has: {names}")
    out = chosen[0]
    told = str(out.get("md5") or "")
    try:
        bytes.fromhex(told.removesuffix(_DIRECTORY))
    except ValueError:
        told = ""
    if len(told.removesuffix(_DIRECTORY)) != 2 * Algorithm.MD5.length:
        raise IntegrityError(f"{where}: the output {shown(out['path'].encode())} has no MD5")
    if out.get("hash", "md5") != "md5":
        raise InvalidError(f"{where}: the output is hashed with {out['hash']}, not with MD5")
    notes = () if "hash" in out else (_OLD,)
    if not told.endswith(_DIRECTORY):
        name = os.fsencode(dataset.resolve().name)
        return from_list({name: bytes.fromhex(told)}, Algorithm.MD5, "DVC", notes=notes)
    return Recorded(
        name="DVC",
        algorithm=Algorithm.MD5,
        n_files=out["nfiles"] if isinstance(out.get("nfiles"), int) else UNKNOWN,
        n_bytes=out["size"] if isinstance(out.get("size"), int) else UNKNOWN,
        entries=lambda: iter(()),
        root_hash=told.removesuffix(_DIRECTORY),
        whole=directory_hash,
        notes=notes,
    )


_OLD = (
    "written by a DVC before 3.0, which hashed text files with their line ends changed: "
    "files with Windows line ends will seem to differ"
)

"""Which format a footprint is in, by what stands in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from repropack.errors import InvalidError
from repropack.footprint import croissant, deepdiva, dvc, lists, ours
from repropack.footprint.model import Algorithm
from repropack.footprint.packing import reading
from repropack.footprint.recorded import Recorded, read_whole

_DVC_NAMES = (".dvc", ".lock")
_KNOWN = "repropack's, DeepDIVA's, .dvc, dvc.lock, lists of sha256sum or b3sum, BagIt, Croissant"


def read(path: Path, *, dataset: Path, algorithm: Algorithm | None = None) -> Recorded:
    """What a footprint file records of a dataset, in whatever format it is.

    `algorithm` is what a list's hashes are of, where nothing else tells. Raises `IntegrityError`
    for one that is damaged, and `InvalidError` for what is no footprint.
    """
    if _is_ours(path):
        reader = ours.Reader(path)
        return Recorded(
            name="repropack",
            algorithm=reader.summary.algorithm,
            n_files=reader.summary.n_files,
            n_bytes=reader.summary.n_bytes,
            entries=reader.entries,
            directories=lambda: reader.directories,
            root_hash=reader.summary.root_hash,
            lines=path,
        )
    text = read_whole(path)
    if lists.looks_like_list(text):
        return lists.read(text, path, algorithm)
    if path.suffix in _DVC_NAMES:
        return dvc.read(_yaml(text, path), path, dataset)
    given = _json(text, path)
    if deepdiva.is_ours(given):
        return deepdiva.read(given, path)
    if croissant.is_ours(given):
        return croissant.read(given, path)
    if isinstance(given, dict) and "schema" in given:
        ours.refuse_other_schema(given, path)
    raise InvalidError(f"{path} is in no format that is known", hint=f"there are: {_KNOWN}")


def _is_ours(path: Path) -> bool:
    with reading(path) as file:
        start = file.read(4096)
    return start.lstrip()[:1] == b"{" and b'"repropack.footprint/2"' in start


def _json(text: bytes, path: Path) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidError(
            f"{path} is in no format that is known, or cut short ({error})",
            hint=f"there are: {_KNOWN}",
        ) from error


def _yaml(text: bytes, path: Path) -> dict[str, Any]:
    import yaml

    try:
        given = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InvalidError(f"{path} is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(given, dict):
        raise InvalidError(f"{path} is not one of DVC's files")
    return given

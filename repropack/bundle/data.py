"""Datasets in a bundle: their footprints, and their files where `include: true` says so."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from repropack.bundle.strict import count, inside, shaped
from repropack.errors import DataError
from repropack.retrieval.addresses import is_address

FOOTPRINTS = "footprints"
INCLUDED = "data"
MOST_LINES = 2000
LONGEST_LINE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A dataset: what the bundle says of it and, while it is written, where footprint and data are.

    `path` is where experiments find it in the source, `root_hash` has its algorithm in front.
    `urls` are where it can be had, as one file whose hash is `sha256`, or as a record of several.
    `described` are lines about what is in it: counts, shapes, means.
    """

    name: str
    path: str
    root_hash: str
    n_files: int
    n_bytes: int
    include: bool = False
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    footprint: Path | None = None
    place: Path | None = None
    described: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """What a single file is called in the lists, and data in a bundle."""
        return PurePosixPath(self.path).name


def to_json(data: Data) -> dict[str, Any]:
    """A dataset of the manifest."""
    told = {"described": list(data.described)} if data.described else {}
    return {
        **told,
        "name": data.name,
        "path": data.path,
        "root_hash": data.root_hash,
        "n_files": data.n_files,
        "n_bytes": data.n_bytes,
        "include": data.include,
        "urls": list(data.urls),
        "sha256": data.sha256,
    }


def from_json(raw: dict[str, Any]) -> Data:
    """The same, read."""
    return Data(
        name=shaped("name", raw["name"]),
        path=inside("path in the source", raw["path"]),
        root_hash=shaped("root hash", raw["root_hash"]),
        n_files=count("number of files", raw["n_files"]),
        n_bytes=count("number of bytes", raw["n_bytes"]),
        include=bool(raw["include"]),
        urls=_urls(raw),
        sha256=_sha256(raw.get("sha256")),
        described=_described(raw.get("described", [])),
    )


def _described(given: Any) -> tuple[str, ...]:
    """Lines for a person. Raises `ValueError` for what is none."""
    lines = given if isinstance(given, list) and len(given) <= MOST_LINES else [None]
    for line in lines:
        if not isinstance(line, str) or not line.isprintable() or len(line) > LONGEST_LINE:
            raise ValueError(f"{str(line)[:80]!r} cannot be what is told of data")
    return tuple(lines)


def _urls(raw: dict[str, Any]) -> tuple[str, ...]:
    """Its addresses; bundles once had one. Raises `ValueError` for what is none."""
    found = raw.get("urls", [raw["url"]] if raw.get("url") else [])
    bad = [url for url in found if not (isinstance(url, str) and is_address(url))]
    if bad or not isinstance(found, list):
        raise ValueError(f"{bad or found!r} is no address of data")
    return tuple(found)


def _sha256(given: Any) -> str | None:
    """It names a file of the cache. Raises `ValueError` for what is no SHA-256."""
    if given is None or (isinstance(given, str) and re.fullmatch("[0-9a-f]{64}", given)):
        return given
    raise ValueError(f"{given!r} is no SHA-256")


def write_data(directory: Path, datasets: tuple[Data, ...]) -> None:
    """Footprints, the lists that `sha256sum` and a shell can check, and data that is included."""
    if not datasets:
        return
    from repropack.footprint import lists, ours

    for data in datasets:
        assert data.footprint is not None
        target = directory / FOOTPRINTS
        target.mkdir(exist_ok=True)
        shutil.copyfile(data.footprint, target / f"{data.name}.json")
        files = (e for e in ours.Reader(data.footprint).entries() if e.link is None)
        with (target / f"{data.name}.sha256").open("wb") as file:
            file.writelines(lists.list_lines(files))
        (target / f"{data.name}.links").write_bytes(b"".join(_links(data.footprint)))
        if data.include:
            _include(data, directory, target / f"{data.name}.links")


def _links(footprint: Path) -> Iterator[bytes]:
    """As `find -type l` and `readlink` tell them, sorted by line."""
    from repropack.footprint import ours

    yield from sorted(
        entry.path + b" -> " + entry.link + b"\n"
        for entry in ours.Reader(footprint).entries()
        if entry.link is not None
    )


def _include(data: Data, directory: Path, links: Path) -> None:
    """Copy the data itself. Raises `DataError` for links, which may lead anywhere."""
    assert data.place is not None
    first = links.read_bytes().partition(b"\n")[0]
    if first:
        from repropack.footprint.model import shown

        raise DataError(
            f"{data.place} cannot be included: it holds a link, {shown(first)}",
            hint="put the file itself there, or leave out `include: true`",
        )
    target = directory / INCLUDED / data.name
    target.mkdir(parents=True)
    name = data.file_name
    if data.place.is_dir():
        shutil.copytree(data.place, target / name, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(data.place, target / name)

"""`datasets:`: where data is, where it can be had, and what proves that it is the same."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from repropack.config import fields
from repropack.config.cursor import Cursor
from repropack.config.document import Scalar
from repropack.config.model import INCLUDE_BYTES, Dataset
from repropack.config.names import shown
from repropack.findings import Finding, Severity, Where
from repropack.retrieval.addresses import hub, is_address

_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([MGT]B)", re.I | re.ASCII)
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_KEYS = ("path", "url", "sha256", "footprint", "include", "describe")


def read_datasets(cursor: Cursor) -> tuple[Dataset, ...]:
    """The datasets, by name."""
    entries = cursor.entries()
    return tuple(_dataset(name, below) for name, below in entries if fields.check_name(name, below))


def _dataset(name: str, cursor: Cursor) -> Dataset:
    given = cursor.fields(_KEYS)
    if cursor.is_mapping():
        cursor.require(given, "path")
    include, include_bytes = _included(given)
    return Dataset(
        name=name,
        path=fields.value_of(given, "path", fields.relative_path) or "",
        urls=_addresses(given),
        sha256=fields.value_of(given, "sha256", fields.sha256),
        footprint=fields.value_of(given, "footprint", fields.relative_path),
        include=include,
        include_bytes=include_bytes,
        describe=fields.value_of(given, "describe", fields.boolean) or False,
    )


def _included(given: dict[str, Cursor]) -> tuple[bool, int]:
    """`include: true`, or how much of it at most: `include: 5 GB`."""
    cursor = given.get("include")
    node = cursor.node if cursor is not None else None
    size = _SIZE.fullmatch(node.text) if isinstance(node, Scalar) else None
    if size is not None:
        return True, int(float(size[1]) * _UNITS[size[2].upper()])
    return fields.value_of(given, "include", fields.boolean) or False, INCLUDE_BYTES


def _addresses(given: dict[str, Cursor]) -> tuple[str, ...]:
    """One address, or a list of mirrors."""
    if "url" in given and given["url"].is_list():
        return fields.list_of(given, "url", _address)
    one = fields.value_of(given, "url", _address)
    return () if one is None else (one,)


def _address(cursor: Cursor) -> str | None:
    """An address without credentials: it travels with the bundle."""
    raw = cursor.text()
    if raw is None:
        return None
    if not is_address(raw):
        cursor.problem(
            f"must be an http://, https:// or hf:// address, not {shown(raw)}"
            + ("; hf://datasets/OWNER/NAME@COMMIT/FILE" if raw.startswith("hf:") else "")
        )
        return None
    if "@" in urlsplit(raw).netloc:
        cursor.problem("holds a user name or password; it would be given to every reviewer")
        return None
    return raw


def dataset_findings(
    cursor: Cursor, datasets: tuple[Dataset, ...], file: str
) -> tuple[Finding, ...]:
    """A warning for each address that may lead to other data tomorrow."""
    lines = {name: below.line for name, below in cursor.entries()}
    moving = [(each, hub(url)) for each in datasets for url in each.urls]
    return tuple(
        Finding(
            kind="config.data-revision",
            value=dataset.name,
            because=f"{place.revision} of {place.repo} is a branch or a tag, which may lead to "
            "other data tomorrow: write the commit",
            where=Where(path=file, line=lines.get(dataset.name)),
            severity=Severity.WARNING,
        )
        for dataset, place in moving
        if place is not None and not place.pinned
    )

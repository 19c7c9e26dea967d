"""What an address stands for: one file, or the files of a record or repository, with their hashes.

Owns: asking Zenodo and Hugging Face which files there are. Their hashes prove what comes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from repropack.retrieval.addresses import Hosts, Hub, Record, file_name, hub, record, shown
from repropack.retrieval.model import GIT, Failed, Hash, Wanted
from repropack.retrieval.web import Web

_MAX_PAGES = 10_000
_HIDDEN = (".gitattributes", ".gitignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The files behind an address, and what is to be said of it. `several`: not one by name."""

    files: tuple[Wanted, ...]
    notes: tuple[str, ...] = ()
    several: bool = False


def listed(url: str, hash: Hash | None, web: Web, hosts: Hosts) -> Listed:
    """The files behind an address. `hash` is what the one file must have. Raises `Failed`."""
    of_hub = hub(url, hosts)
    if of_hub is not None:
        return (
            _of_hub_file(of_hub, hash, web, hosts) if of_hub.path else _of_hub(of_hub, web, hosts)
        )
    of_zenodo = record(url, hosts)
    if of_zenodo is not None:
        return _of_record(of_zenodo, hash, web)
    return Listed(files=(Wanted(name=file_name(url), urls=(url,), hash=hash),))


def _of_hub_file(place: Hub, hash: Hash | None, web: Web, hosts: Hosts) -> Listed:
    url = place.file_url(hosts.hugging_face, place.path)
    name = place.path.rpartition("/")[2]
    if hash is not None:
        return Listed(files=(Wanted(name=name, urls=(url,), hash=hash),), notes=_branch(place, ""))
    headers = _told(url, web, hosts)
    size = headers.get("x-linked-size", "")
    wanted = Wanted(
        name=name,
        urls=(url,),
        hash=_stated(headers),
        size_bytes=int(size) if size.isdigit() else None,
    )
    return Listed(files=(wanted,), notes=_branch(place, headers.get("x-repo-commit", "")))


def _told(url: str, web: Web, hosts: Hosts) -> dict[str, str]:
    """What the hub says of a file, which may have moved within the hub."""
    headers = web.head(url)
    for _ in range(3):
        goal = headers.get("location", "")
        if not goal.startswith("/") or goal.startswith("//") or "x-linked-etag" in headers:
            break
        headers = {**headers, **web.head(hosts.hugging_face + goal)}
    return headers


def _stated(headers: dict[str, str]) -> Hash | None:
    """Of a large file the SHA-256, of a small one its id in git."""
    digest = (headers.get("x-linked-etag") or headers.get("etag", "")).strip('"')
    algorithm = {64: "sha256", 40: GIT}.get(len(digest))
    if algorithm is None or not re.fullmatch("[0-9a-f]+", digest):
        return None
    return Hash(algorithm=algorithm, digest=digest)


def _branch(place: Hub, commit: str) -> tuple[str, ...]:
    if place.pinned:
        return ()
    now = f"; it is {commit} now" if commit else ""
    return (
        f"{place.repo}: {place.revision} is a branch or a tag, which may lead to other data "
        f"tomorrow{now}: write @COMMIT",
    )


def _of_hub(place: Hub, web: Web, hosts: Hosts) -> Listed:
    """Every file of a repository of Hugging Face."""
    files: list[Wanted] = []
    page = place.tree_url(hosts.hugging_face) + "?recursive=true"
    for _ in range(_MAX_PAGES):
        items, page = web.json(page)
        try:
            found = (_of_tree(item, place, hosts) for item in items if item["type"] == "file")
            files += [wanted for wanted in found if wanted.name not in _HIDDEN]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Failed("its list of files is not as it should be", lasting=True) from None
        if not page:
            break
    return Listed(files=tuple(files), notes=_branch(place, ""), several=True)


def _of_tree(item: dict[str, Any], place: Hub, hosts: Hosts) -> Wanted:
    path = _safe(str(item["path"]))
    lfs = item.get("lfs")
    digest = str(lfs["oid"]).removeprefix("sha256:") if lfs else str(item["oid"])
    return Wanted(
        name=path,
        urls=(place.file_url(hosts.hugging_face, path),),
        hash=Hash(algorithm="sha256" if lfs else GIT, digest=_hex(digest)),
        size_bytes=int(lfs["size"] if lfs else item["size"]),
    )


def _of_record(place: Record, hash: Hash | None, web: Web) -> Listed:
    """The files of a record of Zenodo, which states their MD5."""
    if place.file and hash is not None:
        urls = (place.file_url(place.file),)
        return Listed(files=(Wanted(name=_safe(place.file), urls=urls, hash=hash),))
    given, _ = web.json(place.api_url)
    try:
        files = tuple(_of_zenodo(item, place) for item in given["files"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Failed("its list of files is not as it should be", lasting=True) from None
    if not place.file:
        return Listed(files=files, several=len(files) > 1)
    wanted = tuple(each for each in files if each.name == place.file)
    if not wanted:
        raise Failed(f"the record {place.id} has no file {place.file}", lasting=True)
    return Listed(files=wanted)


def _of_zenodo(item: dict[str, Any], place: Record) -> Wanted:
    name = _safe(str(item["key"]))
    algorithm, _, digest = str(item["checksum"]).rpartition(":")
    if algorithm not in ("", "md5", "sha256"):
        raise ValueError(f"{algorithm} of {shown(place.api_url)}")
    return Wanted(
        name=name,
        urls=(place.file_url(name),),
        hash=Hash(algorithm=algorithm or "md5", digest=_hex(digest)),
        size_bytes=int(item["size"]),
    )


def _hex(digest: str) -> str:
    """A hash becomes part of a file's name in the cache."""
    bytes.fromhex(digest)
    return digest.lower()


def _safe(path: str) -> str:
    """A path that stays below its dataset. Raises `ValueError`."""
    parts = path.split("/")
    if not path.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{path!r} is no path of a file")
    return path

"""Addresses of data: plain ones, Zenodo's and Hugging Face's; and how they are shown.

https://huggingface.co/docs/huggingface_hub/guides/hf_file_system (hf://)
https://developers.zenodo.org/ (records and their files)
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

HUGGING_FACE = "https://huggingface.co"
ZENODO = "https://zenodo.org"
_HF = re.compile(
    r"hf://(?P<kind>datasets/|spaces/|models/)?(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^/]+))?"
    r"(?:/(?P<path>.+))?/?"
)
_HF_PAGE = re.compile(
    r"/(?P<kind>datasets/|spaces/)?(?P<repo>[\w.-]+/[\w.-]+)/(?:resolve|blob|raw|tree)/"
    r"(?P<revision>[^/]+)(?:/(?P<path>.+))?"
)
_RECORD = re.compile(
    r"/(?:api/)?records?/(?P<id>\d+)(?:/files/(?P<file>[^/]+)(?:/content)?)?/?", re.ASCII
)
_DOI = re.compile(r"https?://(?:dx\.)?doi\.org/10\.5281/zenodo\.(\d+)/?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SECRET = re.compile(r"sig|token|key|credential|secret|passw|auth", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Where the two services are. `HF_ENDPOINT` names a mirror, as for Hugging Face's tools."""

    hugging_face: str = HUGGING_FACE
    zenodo: str = ZENODO

    @staticmethod
    def of_environment() -> Hosts:
        """As this machine is set up."""
        return Hosts(hugging_face=(os.environ.get("HF_ENDPOINT") or HUGGING_FACE).rstrip("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A repository of Hugging Face, or a file of it. `kind` is `datasets/`, `spaces/` or ""."""

    kind: str
    repo: str
    revision: str
    path: str

    @property
    def pinned(self) -> bool:
        """Whether the revision is a commit, which stays what it is."""
        return bool(_COMMIT.fullmatch(self.revision))

    def file_url(self, host: str, path: str) -> str:
        """Where a file of it is."""
        revision = quote(self.revision, safe="")
        return f"{host}/{self.kind}{self.repo}/resolve/{revision}/{quote(path)}"

    def tree_url(self, host: str) -> str:
        """Where its files are listed."""
        kind = self.kind or "models/"
        return f"{host}/api/{kind}{self.repo}/tree/{quote(self.revision, safe='')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record of Zenodo, or a file of it."""

    host: str
    id: str
    file: str

    @property
    def api_url(self) -> str:
        """What says which files it has."""
        return f"{self.host}/api/records/{self.id}"

    def file_url(self, name: str) -> str:
        """Where a file of it is."""
        return f"{self.api_url}/files/{quote(name, safe='')}/content"


def hub(url: str, hosts: Hosts = Hosts()) -> Hub | None:
    """What an address of Hugging Face names, or None."""
    match = _HF.fullmatch(url)
    if match is None:
        for host in {HUGGING_FACE, hosts.hugging_face}:
            if url.startswith(host + "/"):
                match = _HF_PAGE.fullmatch(urlsplit(url[len(host) :]).path)
    if match is None:
        return None
    kind = (match["kind"] or "").replace("models/", "")
    path = (match["path"] or "").rstrip("/")
    if not url.startswith("hf://"):
        path = unquote(path)
    revision = unquote(match["revision"] or "main")
    return Hub(kind=kind, repo=match["repo"], revision=revision, path=path)


def record(url: str, hosts: Hosts = Hosts()) -> Record | None:
    """What an address of Zenodo names, or None."""
    doi = _DOI.fullmatch(url)
    if doi:
        return Record(host=hosts.zenodo, id=doi[1], file="")
    parts = urlsplit(url)
    host = f"{parts.scheme}://{parts.netloc}"
    known = {hosts.zenodo, ZENODO, "http://zenodo.org", "https://sandbox.zenodo.org"}
    match = _RECORD.fullmatch(parts.path) if host.replace("www.", "") in known else None
    if match is None:
        return None
    host = hosts.zenodo if "sandbox." not in host else host
    return Record(host=host, id=match["id"], file=unquote(match["file"] or ""))


def is_address(url: str) -> bool:
    """Whether data can be fetched from there."""
    if url.startswith("hf://"):
        return _HF.fullmatch(url) is not None
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in url
    except ValueError:
        return False


def shown(url: str) -> str:
    """An address without user, password, and what signs it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = [
        (name, "***" if _SECRET.search(name) else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query, safe="*/:"), ""))


def file_name(url: str) -> str:
    """What a file of that address is called here; never a path, never hidden, never empty."""
    path = urlsplit(url).path
    for end in ("/content", "/download"):
        path = path.removesuffix(end)
    name = unquote(path.rstrip("/").rpartition("/")[2])
    name = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in name)
    return name.lstrip(".-")[-200:] or "download"

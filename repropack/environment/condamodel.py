"""The conda half of a lock: packages at addresses, with hashes, and the Python among them.

Owns: the values. Does not own: reading, solving and fetching (`conda`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from repropack.findings import Where

_TOKEN = re.compile(r"/t/[^/]+(?=/)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaPackage:
    """One conda package, exactly. `url` may hold a credential: `address` never does.

    `hashes` are `sha256:HEX` and `md5:HEX`, at least one of them; `depends` are names only.
    """

    name: str
    version: str
    build: str
    url: str
    hashes: tuple[str, ...]
    size_bytes: int | None = None
    depends: tuple[str, ...] = ()
    where: Where | None = None

    @property
    def filename(self) -> str:
        """The file's name in its channel."""
        return self.url.rpartition("/")[2]

    @property
    def subdir(self) -> str:
        """`linux-64` or `noarch`."""
        return self.url.split("/")[-2]

    @property
    def channel(self) -> str:
        """The channel's address, without credentials."""
        return self.address.rpartition("/")[0].rpartition("/")[0]

    @property
    def address(self) -> str:
        """The address that anybody may see: no token, no user, no password, no query."""
        return public_address(self.url)

    def __str__(self) -> str:
        return f"{self.name}={self.version}={self.build}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaEnvironment:
    """What conda installs. `python` is the version that is among the packages.

    `variables` are those that the author's environment.yml sets.
    """

    packages: tuple[CondaPackage, ...]
    python: str
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def minor(self) -> str:
        """The Python minor version: `3.11`."""
        return ".".join(self.python.split(".")[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaFile:
    """A conda package that was fetched. `url` is its public address.

    `carried` says that the file travels in the bundle, because its address is of one machine alone.
    """

    name: str
    version: str
    build: str
    url: str
    filename: str
    size_bytes: int
    sha256: str
    md5: str
    depends: tuple[str, ...] = ()
    carried: bool = False


def public_address(url: str) -> str:
    """An address without what only its owner may know."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, _TOKEN.sub("", parts.path), "", ""))


def is_local(url: str) -> bool:
    """Whether an address means something on one machine alone."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme not in ("http", "https") or host in ("localhost", "127.0.0.1", "::1")

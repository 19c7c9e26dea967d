"""Which files of an image are not the author's: packages' own records say so.

Owns: reading those records as they stream by. Debian's packages list MD5 sums, wheels and conda's
packages SHA-256. What an installer notes on the author's machine is proved by none of them.
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
import posixpath
import re

#: Records are read whole; larger ones prove nothing.
LARGEST = 64 << 20
_RECORD = re.compile(r"(.*/)?[^/]+\.dist-info/RECORD$")
_MD5SUMS = re.compile(r"var/lib/dpkg/info/[^/]+\.md5sums$")
_CONDA = re.compile(r"(.*/)?conda-meta/[^/]+\.json$")
#: Written by whoever installs, with hashes of their own in RECORD.
_INSTALLERS = frozenset(
    {"direct_url.json", "INSTALLER", "REQUESTED", "RECORD", "uv_cache.json", "uv_build.json"}
)
#: Of a distribution or of Python itself, made when the base was.
_BASES = re.compile(
    r"(?:usr/)?lib(?:32|64|x32)?/|usr/(?:share|include)/|var/lib/(?:dpkg|apt|pam)/|var/cache/"
    r"|usr/local/(?:lib/(?:python3|libpython|pkgconfig)|include/python3|cuda)"
)


class Records:
    """What records of packages say, by path; one layer or several."""

    def __init__(self) -> None:
        self._md5: dict[str, bytes] = {}
        self._sha256: dict[str, set[bytes]] = {}

    def wants(self, path: str) -> bool:
        """Whether a file is such a record."""
        return any(pattern.match(path) for pattern in (_RECORD, _MD5SUMS, _CONDA))

    def read(self, path: str, data: bytes) -> None:
        """Take a record; what cannot be read proves nothing."""
        text = data.decode("utf-8", "replace")
        try:
            if _MD5SUMS.match(path):
                self._read_md5(text)
            elif _RECORD.match(path):
                self._read_wheel(posixpath.dirname(posixpath.dirname(path)), text)
            else:
                self._read_conda(posixpath.dirname(posixpath.dirname(path)), text)
        except (ValueError, LookupError, TypeError, AttributeError, csv.Error, RecursionError):
            return

    def prove(self, path: str, md5: bytes, sha256: bytes) -> bool:
        """Whether a file is as a package brought it."""
        if posixpath.basename(path) in _INSTALLERS:
            return False
        names = (path, path.removeprefix("usr/"))  # where /lib is a link to /usr/lib
        return sha256 in self._sha256.get(path, ()) or any(
            self._md5.get(name) == md5 for name in names
        )

    def _read_md5(self, text: str) -> None:
        for line in text.splitlines():
            digest, _, name = line.partition("  ")
            self._md5[name] = binascii.unhexlify(digest)

    def _read_wheel(self, site: str, text: str) -> None:
        for row in csv.reader(text.splitlines()):
            algorithm, _, digest = row[1].partition("=") if len(row) > 1 else ("", "", "")
            if algorithm == "sha256" and not row[0].startswith(("/", "../")):
                found = base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4))
                self._sha256.setdefault(posixpath.join(site, row[0]), set()).add(found)

    def _read_conda(self, prefix: str, text: str) -> None:
        for each in json.loads(text)["paths_data"]["paths"]:
            for key in ("sha256", "sha256_in_prefix"):
                if isinstance(each.get(key), str):
                    found = self._sha256.setdefault(posixpath.join(prefix, each["_path"]), set())
                    found.add(binascii.unhexlify(each[key]))


def is_bases(path: str) -> bool:
    """Whether only a base has files there: made of packages, or pulled by its hash."""
    return _BASES.match(path) is not None

"""Addresses of repositories, fit to be shown to anybody.

Owns: taking credentials, and what else does not belong in a bundle, out of them.
Does not own: which remote counts (`repository`).
"""

from __future__ import annotations

import re

# Tokens with a prefix of their own are told apart even in a path.
_TOKEN = re.compile(r"(gh[pousr]_\w{16,}|github_pat_\w{16,}|gl[a-z]*-[\w-]{16,}|hf_\w{16,})")
_SCHEME = re.compile(r"(?P<scheme>[a-zA-Z][\w+.-]*)://(?P<rest>.*)")
_SCP_LIKE = re.compile(r"(?:(?P<user>[^/]*)@)?(?P<host>\[[\da-fA-F:.]+\]|[^/:@\[\]]+):(?P<path>.*)")
_HELPER = re.compile(r"(?P<helper>[a-zA-Z][\w-]*)::(?P<address>.*)")


def without_credentials(url: str) -> str | None:
    """`url` without user, password, token, query and fragment; the user `git` alone is kept.

    None for what says nothing to others or may run a command: a path on this machine, `ext::`,
    and an address with control characters.
    """
    if not url.isprintable():
        return None
    url = re.split(r"[?#]", _TOKEN.sub("", url.strip()), maxsplit=1)[0]
    if helper := _HELPER.fullmatch(url):
        address = without_credentials(helper["address"])
        return f"{helper['helper']}::{address}" if address and helper["helper"] != "ext" else None
    if parts := _SCHEME.fullmatch(url):
        return _network_address(parts["scheme"], parts["rest"])
    if parts := _SCP_LIKE.fullmatch(url):
        return f"{_kept(parts['user'])}{parts['host']}:{parts['path']}"
    return None


def _network_address(scheme: str, rest: str) -> str | None:
    if scheme.lower() == "file":
        return None
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not at and ":" in authority and re.search(r"[^/]@", path):
        # "user:pass/word@host/…": what looks like a port is the start of a password with a slash.
        user, _, rest = rest.rpartition("@")
        host, slash, path = rest.partition("/")
    kept = _kept(user) if scheme.lower().endswith("ssh") else ""
    return f"{scheme}://{kept}{host}{slash}{path}"


def _kept(user: str | None) -> str:
    return "git@" if user is not None and user.partition(":")[0] == "git" else ""

"""The machine's pip configuration, in uv's words: uv reads none of pip's settings by itself.

Owns: the translation. Does not own: running uv (`resolving`). Nothing of it enters a result.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

SECTIONS = ("global", "download", ":env:")  # the later wins
UV_INDEXES = (
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"),
    "UV_FIND_LINKS",
)
TRUE = ("1", "y", "yes", "t", "true", "on")
LIST_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class UvSettings:
    """What pip's configuration says, for uv. `variables` are (name, value).

    `find_links` stand apart because files in such places have no dates.
    """

    variables: tuple[tuple[str, str], ...]
    find_links: tuple[str, ...] = ()
    no_index: bool = False


def uv_settings(environment: Mapping[str, str], listing: str) -> UvSettings:
    """pip's configuration, as `pip config list` prints it, for uv.

    Variables that are set already win; indexes are mapped only when none is set for uv.
    """
    settings = pip_settings(listing)
    own = any(environment.get(name) for name in UV_INDEXES)
    variables = (*connection(settings), *(() if own else indexes(settings)))
    return UvSettings(
        variables=tuple((n, value) for n, value in variables if value and not environment.get(n)),
        find_links=() if own else tuple(present(settings.get("find-links", ""))),
        no_index=not own and settings.get("no-index", "").lower() in TRUE,
    )


def connection(settings: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Certificates, proxies and timeouts."""
    yield "SSL_CERT_FILE", settings.get("cert", "")
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        yield name, settings.get("proxy", "")
    yield "UV_INSECURE_HOST", " ".join(settings.get("trusted-host", "").split())
    timeout = settings.get("default-timeout", settings.get("timeout", ""))
    yield "UV_HTTP_TIMEOUT", str(round(float(timeout))) if is_number(timeout) else ""


def indexes(settings: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Where packages are. pip takes the best version of all its indexes, so uv is told to."""
    index = present(settings.get("index-url", ""))
    yield "UV_DEFAULT_INDEX", index[0] if index else ""
    yield "UV_INDEX", " ".join(present(settings.get("extra-index-url", "")))
    yield "UV_INDEX_STRATEGY", "unsafe-best-match"


def pip_settings(listing: str) -> dict[str, str]:
    """Option → value as `pip download` would see it, from the output of `pip config list`."""
    values: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listing.splitlines():
        key, equals, value = line.partition("=")
        section, dot, option = key.rpartition(".")
        if equals and dot and section in values:
            values[section][option] = unquoted(value)
    return {option: value for section in SECTIONS for option, value in values[section].items()}


def unquoted(value: str) -> str:
    """pip prints values as Python strings."""
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value


def present(value: str) -> list[str]:
    """The addresses in a setting without the local ones that are not there: pip skips them."""
    return [word for word in value.split() if not is_missing(word)]


def is_missing(address: str) -> bool:
    """Whether this is a local path that does not exist."""
    parts = urlsplit(address)
    if parts.scheme not in ("", "file"):
        return False
    return not Path(unquote(parts.path)).expanduser().exists()


def is_number(text: str) -> bool:
    """Whether a setting is a number."""
    return text.replace(".", "", 1).isdecimal()


def pip_listing() -> str:
    """What `pip config list` prints; "" when pip does not answer."""
    command = [sys.executable, "-P", "-m", "pip", "config", "list", "--disable-pip-version-check"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIST_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""

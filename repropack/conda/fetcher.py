"""Fetches conda packages by hash. Standard library only: it travels in bundles, and runs alone.

    python3 fetch_conda.py conda-explicit.txt DIRECTORY

Owns: one file from its address, checked before it has its name. The machine's proxies, its
certificates and its .netrc are used; `CONDA_CHANNEL_ALIAS` names a mirror, as it does for conda.
Exit code: 0, 7 for a file that is not the one that was locked, 75 when one could not be had.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import http.client
import netrc
import os
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

AT_ONCE = 6
TRIES = 3
TIMEOUT_S = 60
CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
ALIAS_COMMENT = "# channel_alias: "


class MismatchError(Exception):
    """What came is not what was locked."""


class UnreachableError(Exception):
    """The address does not answer, or has no such file. `gone` says that it never will."""

    def __init__(self, text: str, gone: bool = False) -> None:
        super().__init__(text)
        self.gone = gone


def fetch(url: str, hashes: tuple[str, ...], path: Path) -> None:
    """Download to `path`; each hash is `algorithm:hex` and all must hold."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        for number in range(1, TRIES + 1):
            try:
                download(url, part)
                break
            except UnreachableError as error:
                if error.gone or number == TRIES:
                    raise
                time.sleep(number)
        for value in hashes:
            check(part, value, url)
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def check(path: Path, value: str, url: str) -> None:
    """Raise `MismatchError` unless the file has the hash."""
    algorithm, _, expected = value.partition(":")
    found = digest(path, algorithm)
    if found != expected:
        raise MismatchError(f"{shown(url)}: {algorithm} is {found}, and {expected} was locked")


def digest(path: Path, algorithm: str) -> str:
    """A file's hash, in hexadecimal."""
    state = hashlib.new(algorithm)
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            state.update(block)
    return state.hexdigest()


def download(url: str, path: Path) -> None:
    """One try."""
    try:
        with opener().open(request(url), timeout=TIMEOUT_S) as answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file, 1 << 20)
    except urllib.error.HTTPError as error:
        gone = 400 <= error.code < 500 and error.code not in (408, 429)
        raise UnreachableError(f"{shown(url)}: {error.code} {error.reason}", gone) from error
    except urllib.error.URLError as error:
        gone = isinstance(error.reason, FileNotFoundError)
        raise UnreachableError(f"{shown(url)}: {error.reason}", gone) from error
    except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise UnreachableError(f"{shown(url)}: {error or type(error).__name__}") from error


def opener() -> urllib.request.OpenerDirector:
    """As this machine is set up: proxies by the environment, certificates as pip's."""
    named = next((p for p in map(os.environ.get, CERTIFICATES) if p and Path(p).is_file()), None)
    context = ssl.create_default_context(cafile=named)
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))


def request(url: str) -> urllib.request.Request:
    """With the credential of the address itself, or of .netrc."""
    import base64

    parts = urllib.parse.urlsplit(url)
    user, password = parts.username, parts.password
    host = parts.netloc.rpartition("@")[2]
    if user is None and parts.hostname:
        user, password = credential(parts.hostname)
    made = urllib.request.Request(urllib.parse.urlunsplit(parts._replace(netloc=host)))
    made.add_header("User-Agent", "repropack")
    if user:
        pair = f"{urllib.parse.unquote(user)}:{urllib.parse.unquote(password or '')}"
        made.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    return made


def credential(host: str) -> tuple[str | None, str | None]:
    """What .netrc has for a host by its name (its default is for other things)."""
    path = os.environ.get("NETRC") or Path("~/.netrc").expanduser()
    try:
        found = netrc.netrc(str(path)).hosts.get(host)
    except (OSError, netrc.NetrcParseError):
        return None, None
    return (found[0], found[2]) if found else (None, None)


def shown(url: str) -> str:
    """An address without its credentials, for messages."""
    parts = urllib.parse.urlsplit(url)
    words = parts.path.split("/")
    if "t" in words[:-2]:
        words[words.index("t") : words.index("t") + 2] = []
    return urllib.parse.urlunsplit(
        (parts.scheme, parts.netloc.rpartition("@")[2], "/".join(words), "", "")
    )


def read_list(text: str, alias: str | None) -> list[tuple[str, str]]:
    """The addresses and hashes of an `@EXPLICIT` list; `alias` stands in for the usual host."""
    usual, found = "", []
    for line in text.splitlines():
        if line.startswith(ALIAS_COMMENT):
            usual = line[len(ALIAS_COMMENT) :].strip()
        elif line and not line.startswith(("#", "@")):
            url, _, value = line.partition("#")
            if alias and usual and url.startswith(usual + "/"):
                url = alias.rstrip("/") + url[len(usual) :]
            found.append((url, value))
    return found


def main() -> int:
    """Fetch what is not there yet, several at once."""
    listing, directory = Path(sys.argv[1]), Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    wanted = read_list(listing.read_text("utf-8"), os.environ.get("CONDA_CHANNEL_ALIAS"))
    codes = {0}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for problem in pool.map(lambda each: obtain(each[0], each[1], directory), wanted):
            if problem:
                print(problem[1], file=sys.stderr)
                codes.add(problem[0])
    return 7 if 7 in codes else max(codes)


def obtain(url: str, value: str, directory: Path) -> tuple[int, str] | None:
    """One package; what is already there and whole is kept."""
    path = directory / url.rpartition("/")[2]
    algorithm, _, expected = value.partition(":")
    if path.is_file() and digest(path, algorithm) == expected:
        return None
    try:
        fetch(url, (value,), path)
    except MismatchError as error:
        return 7, f"not the package that was locked: {error}"
    except UnreachableError as error:
        return 75, str(error)
    return None


if __name__ == "__main__":
    sys.exit(main())

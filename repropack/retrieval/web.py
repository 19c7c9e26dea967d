"""HTTP: one file from one address, resumed where it was cut off. The only user of requests.

The machine's settings count: proxies (`HTTPS_PROXY`, `NO_PROXY`), certificates
(`REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`, `SSL_CERT_FILE`), `.netrc`. What requests says of an error
may hold credentials or signed addresses, so reasons are put into our own words.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import requests
import urllib3

from repropack import __version__
from repropack.retrieval.addresses import HUGGING_FACE
from repropack.retrieval.model import Failed
from repropack.retrieval.partial import Partial

TRIES = 3
TIMEOUT_S = (20, 60)
#: A failed try that brought less than this counts; one that brought more is only gone on with.
ADVANCE_BYTES = 1 << 20
_PIECE = 1 << 16
_MAX_PAUSE_S = 30.0
_MAX_JSON_BYTES = 256 << 20
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Hears how many bytes are there, and of how many (0: not known).
Told = Callable[[int, int], None]


class Web:
    """Asks servers, with one connection to each kept open."""

    def __init__(self, *, hugging_face: str = HUGGING_FACE, pause_s: float = 1.0) -> None:
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"repropack/{__version__}"
        self._session.headers["Accept-Encoding"] = "identity"
        self._session.max_redirects = 10
        certificates = os.environ.get("SSL_CERT_FILE")
        if certificates:  # the variables that requests reads itself come before it
            self._session.verify = certificates
        self._hugging_face = hugging_face
        self._pause_s = pause_s

    def close(self) -> None:
        """Close its connections."""
        self._session.close()

    def download(
        self, url: str, part: Partial, *, size_bytes: int | None, told: Told, pages: bool = True
    ) -> None:
        """Bring `part` to the file's end, from where it is. Raises `Failed`.

        Without `pages` a web page is refused: it asks for a login, or says that the file is gone.
        """
        tries = 0
        while True:
            before = part.size_bytes
            try:
                self._try(url, part, size_bytes, told, pages)
                part.flush()
                return
            except Failed as error:
                part.flush()
                tries = 1 if part.size_bytes - before >= ADVANCE_BYTES else tries + 1
                if error.lasting or tries >= TRIES:
                    raise
                time.sleep(self._pause_s * tries)

    def _try(
        self, url: str, part: Partial, size_bytes: int | None, told: Told, pages: bool
    ) -> None:
        mark = hashlib.sha256(url.encode()).hexdigest()
        headers = _resuming(part, mark)
        with self._ask("GET", url, headers) as answer:
            if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and part.size_bytes:
                if answer.headers.get("Content-Range", "") == f"bytes */{part.size_bytes}":
                    return
                part.reset()
                raise Failed("what was there of it does not belong to the file that is there now")
            self._refuse(answer)
            if not pages and answer.headers.get("Content-Type", "").startswith("text/html"):
                raise Failed("it gives a web page, and not the file", lasting=True, wrong=True)
            if not (headers and _goes_on(answer, part.size_bytes)):
                part.reset()
            part.belongs_to(mark, _validator(answer))
            total = part.size_bytes + _length(answer)
            total = 0 if _length(answer) < 0 else total
            _refuse_size(part, total, size_bytes)
            for piece in _pieces(answer):
                part.write(piece)
                if size_bytes is not None and part.size_bytes > size_bytes:
                    raise _too_long(size_bytes)
                told(part.size_bytes, total or size_bytes or 0)
            expected = total or size_bytes or 0
            if part.size_bytes < expected:
                raise Failed(f"cut off after {part.size_bytes} of {expected} bytes")

    @contextmanager
    def _ask(
        self, method: str, url: str, headers: dict[str, str], *, follow: bool = True
    ) -> Iterator[requests.Response]:
        token = os.environ.get("HF_TOKEN")
        if token and url.startswith(self._hugging_face + "/"):
            headers = {**headers, "Authorization": f"Bearer {token}"}
        try:
            with self._session.request(
                method, url, headers=headers, stream=True, timeout=TIMEOUT_S, allow_redirects=follow
            ) as answer:
                yield answer
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
            raise _failure(error) from None

    def _refuse(self, answer: requests.Response) -> None:
        """Raises `Failed` for what is no success."""
        code = answer.status_code
        if code < 400:
            return
        try:
            words = HTTPStatus(code).phrase
        except ValueError:
            words = "no such status"
        if code in (401, 403):
            words += " (it may need a login: .netrc, or HF_TOKEN for Hugging Face)"
        raise Failed(f"{code} {words}", lasting=code not in _AGAIN)

    def json(self, url: str) -> tuple[Any, str]:
        """A JSON document, and the address of its next page or "". Raises `Failed`."""
        for left in reversed(range(TRIES)):
            try:
                with self._ask("GET", url, {}) as answer:
                    self._refuse(answer)
                    text = answer.raw.read(_MAX_JSON_BYTES, decode_content=True)
                    return json.loads(text), answer.links.get("next", {}).get("url", "")
            except ValueError:
                raise Failed("its answer is no JSON", lasting=True) from None
            except Failed as error:
                if error.lasting or not left:
                    raise
                time.sleep(self._pause_s)
        raise AssertionError("unreachable")

    def length(self, url: str) -> int | None:
        """How many bytes an address gives, if it tells without giving them."""
        try:
            with self._ask("HEAD", url, {}) as answer:
                told = _length(answer) if answer.status_code < 400 else -1
        except Failed:
            return None
        return None if told < 0 else told

    def head(self, url: str) -> dict[str, str]:
        """The headers of an address, without following it; names in lower case. Raises `Failed`."""
        with self._ask("HEAD", url, {}, follow=False) as answer:
            self._refuse(answer)
            return {name.lower(): value for name, value in answer.headers.items()}


def _resuming(part: Partial, mark: str) -> dict[str, str]:
    """What asks for the rest. A server whose file is another version by now sends all of it."""
    if not part.size_bytes:
        return {}
    headers = {"Range": f"bytes={part.size_bytes}-"}
    if part.validator and part.mark == mark:
        headers["If-Range"] = part.validator
    return headers


def _validator(answer: requests.Response) -> str:
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")


def _goes_on(answer: requests.Response, start: int) -> bool:
    told = answer.headers.get("Content-Range", "")
    return answer.status_code == HTTPStatus.PARTIAL_CONTENT and told.startswith(f"bytes {start}-")


def _length(answer: requests.Response) -> int:
    """How many bytes come, or -1."""
    told = answer.headers.get("Content-Length", "")
    chunked = answer.headers.get("Transfer-Encoding", "").lower() == "chunked"
    return int(told) if told.isascii() and told.isdigit() and not chunked else -1


def _refuse_size(part: Partial, total: int, size_bytes: int | None) -> None:
    if total and size_bytes is not None and total != size_bytes:
        raise (
            _too_long(size_bytes)
            if total > size_bytes
            else Failed(
                f"it has {total} bytes there, and {size_bytes} here", lasting=True, wrong=True
            )
        )
    left = (total or size_bytes or 0) - part.size_bytes
    free = shutil.disk_usage(part.path.parent).free
    if left > free:
        raise Failed(
            f"{left} bytes are to come, and the disk of the cache has {free} left", lasting=True
        )


def _too_long(size_bytes: int) -> Failed:
    return Failed(f"it is longer than the {size_bytes} bytes it has", lasting=True, wrong=True)


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    """The bytes as they are sent: what packs them is part of the file."""
    yield from answer.raw.stream(_PIECE, decode_content=False)


def _failure(error: BaseException) -> Failed:
    """What went wrong, without addresses."""
    if isinstance(error, requests.TooManyRedirects):
        return Failed("it leads on and on to other addresses", lasting=True)
    if isinstance(error, requests.exceptions.SSLError):
        return Failed(
            f"its certificate is not accepted: {_innermost(error)} (SSL_CERT_FILE names others)",
            lasting=True,
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return Failed(f"the proxy does not let through: {_innermost(error)}")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return Failed("no answer in time")
    if isinstance(
        error,
        requests.exceptions.InvalidURL
        | requests.exceptions.InvalidSchema
        | requests.exceptions.MissingSchema
        | UnicodeError,
    ):
        return Failed("this is no address", lasting=True)
    return Failed(_innermost(error))


def _innermost(error: BaseException) -> str:
    """The system's own word for what happened: of what is wrapped in what."""
    seen: list[BaseException] = []
    left = [error]
    while left:
        each = left.pop(0)
        if any(each is other for other in seen) or len(seen) > 50:
            continue
        seen.append(each)
        inner = [*each.args, each.__cause__, each.__context__, getattr(each, "reason", None)]
        left += [other for other in inner if isinstance(other, BaseException)]
    for each in seen:
        if isinstance(each, socket.gaierror):
            return "the name of the server is not known"
        if isinstance(each, ssl.SSLCertVerificationError):
            return each.verify_message
        if isinstance(each, urllib3.exceptions.IncompleteRead):
            return "cut off"
    words = [each.strerror for each in seen if isinstance(each, OSError) and each.strerror]
    return str(words[-1]).lower() if words else "the connection broke"

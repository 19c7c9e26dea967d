"""A web server for tests: files that are cut off, refused, redirected or slow, as the test says."""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@dataclass
class Served:
    """What a path gives. `cuts`: so many bytes and no more, an answer each; then all of it."""

    content: bytes = b""
    status: int = 200
    ranges: bool = True
    etag: str = ""
    location: str = ""
    cuts: list[int] = field(default_factory=list)
    chunked: bool = False
    pause_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


class Server:
    """Serves `files` by path, and keeps what it was asked."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        handler = type("Handler", (_Handler,), {"served_by": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
            scheme = "https"
        self.port = self._http.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more answers."""
        self._http.shutdown()
        self._http.server_close()

    def ranges(self, path: str) -> list[str]:
        """The `Range` of each GET of a path, in order; "" for none."""
        return [
            headers.get("range", "")
            for method, asked, headers in self.asked
            if (method, asked) == ("GET", path)
        ]


class _Handler(BaseHTTPRequestHandler):
    served_by: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Only the headers."""
        self._answer(head=True)

    def do_GET(self) -> None:
        """The file, or what the test wants to come of it."""
        self._answer(head=False)

    def _answer(self, *, head: bool) -> None:
        parts = urlsplit(self.path)  # a proxy is asked for whole addresses
        path = (f"//{parts.netloc}" if parts.netloc else "") + parts.path
        path += f"?{parts.query}" if parts.query else ""
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.served_by.asked.append((self.command, path, headers))
        served = self.served_by.files.get(path, Served(status=404))
        if served.location:
            self.send_response(302)
            self.send_header("Location", served.location)
            self._headers(served)
            self._end_empty()
        elif served.status != 200:
            self.send_response(served.status)
            self._end_empty()
        else:
            self._send(served, head=head)

    def _end_empty(self) -> None:
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _headers(self, served: Served) -> None:
        for name, value in served.headers.items():
            self.send_header(name, value)
        if served.etag:
            self.send_header("ETag", served.etag)

    def _send(self, served: Served, *, head: bool) -> None:
        start = self._start(served)
        if start >= len(served.content) > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(served.content)}")
            self._end_empty()
            return
        content = served.content[start:]
        if start:
            self.send_response(206)
            whole = len(served.content)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        else:
            self.send_response(200)
        self._headers(served)
        if served.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not head:
            self._body(served, content)

    def _start(self, served: Served) -> int:
        asked = self.headers.get("Range", "")
        fresh = self.headers.get("If-Range", served.etag) == served.etag
        if not (served.ranges and asked and fresh):
            return 0
        return int(asked.removeprefix("bytes=").partition("-")[0])

    def _body(self, served: Served, content: bytes) -> None:
        cut = served.cuts.pop(0) if served.cuts else len(content)
        step = 20_000 if served.pause_s else 1 << 20
        try:
            for at in range(0, min(cut, len(content)), step):
                piece = content[at : min(at + step, cut)]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if served.chunked else piece)
                time.sleep(served.pause_s)
            if cut < len(content):
                self.close_connection = True
                self.connection.shutdown(2)
            elif served.chunked:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True

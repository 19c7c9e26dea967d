"""A small daemon on a real socket, for answers that a healthy Docker never gives."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Answers = dict[tuple[str, str], tuple[int, Any]]
VERSION = {"ApiVersion": "1.41", "Version": "20.10.0", "MinAPIVersion": "1.12"}


class Daemon(socketserver.ThreadingUnixStreamServer):
    """Answers from `answers`: (method, end of the path) to (status, body). Hangs up elsewhere."""

    daemon_threads = True

    def __init__(self, path: str, answers: Answers) -> None:
        super().__init__(path, Handler)
        empty: Answers = {("GET", f"/{kind}/json"): (200, []) for kind in ("containers", "images")}
        self.answers = {("GET", "/version"): (200, VERSION), **empty, **answers}
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Daemon
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer as told, or close the connection without a word."""
        path = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        self._read_body()
        for (method, end), (status, body) in self.server.answers.items():
            if method == self.command and path.endswith(end):
                self._send(status, body)
                return
        self.close_connection = True

    do_GET = do_POST = do_DELETE = do_HEAD = answer

    def _read_body(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(self, status: int, body: Any) -> None:
        data = b"" if status == 204 else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        """A socket file has no address."""
        return "client"


@contextmanager
def serve(answers: dict[tuple[str, str], tuple[int, Any]]) -> Iterator[tuple[str, Daemon]]:
    """Serve the answers; gives the daemon's address and the daemon."""
    # Not pytest's own directory: the path of a socket has at most 108 bytes.
    with tempfile.TemporaryDirectory(prefix="rp-") as directory:
        path = str(Path(directory) / "engine.sock")
        with Daemon(path, answers) as daemon:
            thread = threading.Thread(target=daemon.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            try:
                yield f"unix://{path}", daemon
            finally:
                daemon.shutdown()
                thread.join()

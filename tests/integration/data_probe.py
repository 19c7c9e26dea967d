"""What tests of fetched data share: a server, asking, and what is left of it."""

from __future__ import annotations

import _socket
import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repropack.obtaining import Ask, Fetched, Means, fetch
from repropack.progress import Silent
from repropack.retrieval.addresses import Hosts
from tests.cli.driver import Done, repropack
from tests.integration.fileserver import Server

CONTENT = os.urandom(300_000)


def sha256(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on this machine, the only address that a test may connect to."""
    refuse = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_INET and address[0] == "127.0.0.1":
            return _socket.socket.connect(self, address)
        return refuse(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    yield server
    server.close()


class Notes(Silent):
    """What was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)


def get(
    tmp_path: Path,
    *urls: str,
    reporter: Silent | None = None,
    hosts: Hosts | None = None,
    **more: Any,
) -> Fetched:
    """One dataset `data/d`, without the pauses between tries."""
    means = Means(
        cache=tmp_path / "cache",
        reporter=reporter or Silent(),
        pause_s=0.0,
        hosts=hosts or Hosts(),
    )
    given = {"name": "d", "place": tmp_path / "data/d", "named": "d", **more}
    return fetch((Ask(urls=urls, **given),), means)[0]


def command_line(
    tmp_path: Path, *arguments: str | Path, env: dict[str, str | None] | None = None
) -> Done:
    """`data fetch` as a process of its own."""
    variables = {"REPROPACK_CACHE": str(tmp_path / "cache"), **(env or {})}
    return repropack("data", "fetch", *arguments, cwd=tmp_path, env=variables)

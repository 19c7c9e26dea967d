"""Pulling an image with Docker, giving up soon when no registry answers.

Owns: the pull and its timeouts. Does not own: which image is pulled (`base`).
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any

from repropack.engines.docker_client import Endpoint, connect, translated
from repropack.engines.model import Progress
from repropack.errors import TemporaryError

if TYPE_CHECKING:
    from docker import APIClient

_CONNECT_TIMEOUT_S = 10
_STALL_TIMEOUT_S = 120.0


def pull(endpoint: Endpoint, client: APIClient, reference: str, progress: Progress) -> None:
    """Pull `reference` (`NAME:TAG`); `TemporaryError` if the registry does not answer in 10 s."""
    progress(f"asking the registry for {reference}")
    _ask(endpoint, reference)
    events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_pump, args=(client, reference, events), daemon=True).start()
    while (message := _next(events, reference)) is not None:
        if "error" in message:
            raise TemporaryError(f"{reference} could not be pulled: {message['error']}")
        if message.get("status") in ("Pull complete", "Already exists"):
            progress(f"pulling {reference}: layer {message.get('id', '')} is there")


def _ask(endpoint: Endpoint, reference: str) -> None:
    """Look the image up through the daemon, which alone knows its proxies and mirrors.

    A pull itself retries a dead registry for a minute before it says so.
    """
    asking = connect(endpoint, timeout_s=_CONNECT_TIMEOUT_S)
    try:
        with translated(TemporaryError, f"no registry answers for {reference}"):
            asking.inspect_distribution(reference)  # type: ignore[no-untyped-call]
    finally:
        asking.close()


def _pump(client: APIClient, reference: str, events: queue.SimpleQueue[Any]) -> None:
    name, _, tag = reference.partition("@") if "@" in reference else reference.rpartition(":")
    try:
        for message in client.pull(name, tag=tag, stream=True, decode=True):
            events.put(message)
    except Exception as error:  # whatever the connection breaks with, it broke
        events.put({"error": str(error)})
    events.put(None)


def _next(events: queue.SimpleQueue[Any], reference: str) -> Any:
    try:
        return events.get(timeout=_STALL_TIMEOUT_S)
    except queue.Empty:
        raise TemporaryError(f"{reference} could not be pulled: the registry stalls") from None

"""The connection to a Docker daemon, and the translation of everything that can go wrong on it.

Owns: finding the daemon (DOCKER_HOST, the CLI's context, the rootless socket) and error classes.
Does not own: builds (`docker_build`) and runs (`docker_run`).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repropack.engines.diagnosis import explain
from repropack.errors import NoEngineError, RepropackError

if TYPE_CHECKING:
    from docker import APIClient

_ANSWER_TIMEOUT_S = 120
_PATIENCE_S = 24 * 3600
_SOCKET = Path("/var/run/docker.sock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a daemon is; `cli_env` makes the docker CLI talk to the same one."""

    url: str
    tls: Any = None
    cli_env: tuple[tuple[str, str], ...] = ()


def find_endpoint() -> Endpoint:
    """Return the daemon that the docker CLI would talk to; nothing is opened yet."""
    import docker.utils

    if os.environ.get("DOCKER_HOST"):
        found = docker.utils.kwargs_from_env()
        return Endpoint(url=str(found["base_url"]), tls=found.get("tls"))
    return _of_context() or _of_socket()


def _of_context() -> Endpoint | None:
    from docker.context import ContextAPI

    try:
        context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))
    except Exception:  # docker-py raises a bare Exception for a damaged context file
        return None
    if context is None or not context.Host or context.name == "default":
        return None
    return Endpoint(url=str(context.Host), tls=context.TLSConfig)


def _of_socket() -> Endpoint:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    rootless = Path(runtime, "docker.sock") if runtime else None
    if rootless is not None and rootless.exists() and not os.access(_SOCKET, os.W_OK):
        url = f"unix://{rootless}"
        return Endpoint(url=url, cli_env=(("DOCKER_HOST", url),))
    return Endpoint(url=f"unix://{_SOCKET}")


def connect(endpoint: Endpoint, *, timeout_s: int = _ANSWER_TIMEOUT_S) -> APIClient:
    """Return a client of the daemon at `endpoint`; `NoEngineError` if it does not answer."""
    from docker import APIClient

    with translated(NoEngineError, f"Docker at {endpoint.url}"):
        _knock(endpoint.url)
        return APIClient(
            base_url=endpoint.url,
            tls=endpoint.tls or False,
            version="auto",
            timeout=timeout_s,
        )


def _knock(url: str) -> None:
    """Open and close the daemon's socket: docker-py leaks its own when that fails."""
    if url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
            knock.settimeout(_ANSWER_TIMEOUT_S)
            knock.connect(url.removeprefix("unix://"))


@contextmanager
def translated(
    kind: type[RepropackError], doing: str, *, log: Path | None = None, hint: str = ""
) -> Iterator[None]:
    """Turn every error of the SDK and of its connection into `kind`, with what it means."""
    import docker.errors
    import requests
    import urllib3

    foreign = (
        docker.errors.DockerException,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        ConnectionError,
        FileNotFoundError,
        PermissionError,
        TimeoutError,
    )
    try:
        yield
    except foreign as error:
        known = explain(_text(error))
        raise kind(f"{doing}: {known.what}", hint=known.hint or hint or None, log=log) from error


def _text(error: Exception) -> str:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return "Cannot connect to the Docker daemon"
    if isinstance(error, PermissionError):
        return "permission denied while trying to connect"
    text = str(getattr(error, "explanation", None) or error)
    if "Failed to resolve" in text:
        return "Cannot connect to the Docker daemon"
    return text


def failures() -> tuple[type[Exception], ...]:
    """What can go wrong where something is tried that the builder can do as well."""
    import docker.errors
    import requests

    return (
        docker.errors.DockerException,
        requests.RequestException,
        OSError,
        RepropackError,
    )


@contextmanager
def patience(client: APIClient) -> Iterator[None]:
    """Time for an answer: gigabytes are packed before the daemon says anything."""
    before, client.timeout = client.timeout, _PATIENCE_S
    try:
        yield
    finally:
        client.timeout = before

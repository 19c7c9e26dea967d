"""Pulling an image with Podman, giving up soon when no registry answers.

Owns: the pull and its timeouts. Does not own: which image is pulled (`base`).
"""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from typing import IO

from repropack.engines.build_log import one_line
from repropack.engines.model import Progress
from repropack.engines.podman_cli import Podman
from repropack.errors import TemporaryError

_ANSWER_TIMEOUT_S = 10.0
_ASKS = "Trying to pull"
_TAIL_LINES = 5


def pull(podman: Podman, reference: str, progress: Progress) -> None:
    """Pull `reference` (`NAME:TAG`); `TemporaryError` if no registry answers in 10 s.

    Podman itself tries a dead registry four times, for minutes. It says when it asks a registry
    (one after the other, for a short name), and something else once that has answered.
    """
    progress(f"asking the registry for {reference}")
    with podman.started("pull", reference, said=subprocess.STDOUT) as process:
        assert process.stdout is not None  # it was asked for
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        said = _follow(lines, reference, progress)
        if process.wait():
            reason = said[-1].removeprefix("Error: ") if said else "no reason given"
            raise TemporaryError(f"{reference} could not be pulled: {one_line(reason)}")


def _read(output: IO[bytes], lines: queue.SimpleQueue[str | None]) -> None:
    try:
        for line in output:
            lines.put(line.decode("utf-8", "replace").strip())
    except (OSError, ValueError):
        pass  # it was closed: nobody waits any more
    lines.put(None)


def _follow(lines: queue.SimpleQueue[str | None], reference: str, progress: Progress) -> list[str]:
    """The last lines, once there are no more. Raises `TemporaryError`."""
    said: list[str] = []
    deadline: float | None = time.monotonic() + _ANSWER_TIMEOUT_S
    while True:
        try:
            wait_s = None if deadline is None else max(0.0, deadline - time.monotonic())
            line = lines.get(timeout=wait_s)
        except queue.Empty:
            raise TemporaryError(f"no registry answers for {reference}") from None
        if line is None:
            return said
        said = [*said, line][-_TAIL_LINES:]
        if line.startswith(_ASKS):
            deadline = time.monotonic() + _ANSWER_TIMEOUT_S
        elif line and "retrying" not in line and "level=" not in line:
            deadline = None
            progress(one_line(f"pulling {reference}: {line}"))

"""The log of a run while it is being written, and the progress line that is shown meanwhile.

Owns: the log file, what happens when the disk is full, throttling. Does not own: the process.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import BinaryIO, Callable, Optional

from repropack.judge import files, logfile

_RESERVE_BYTES = 1 << 20
_EVERY_S = 0.5
_TAIL_BYTES = 4096


class RunLog:
    """`log.txt`: every byte as it came. `problem` says why it is not complete, or is empty."""

    def __init__(self, path: str, progress: Callable[[bytes], None]) -> None:
        self.path = path
        self.problem = ""
        self.size_bytes = 0
        self._progress = progress
        self._stream: Optional[BinaryIO] = None
        try:
            self._stream = open(path, "wb", buffering=0)  # noqa: SIM115  closed in close()
        except OSError as error:
            self._fail(error)

    def write(self, data: bytes) -> None:
        """Append. A full disk ends the log, not the run: its output is still drained."""
        self._progress(data)
        while data and self._stream is not None:
            try:
                written = self._stream.write(data)
            except OSError as error:
                self._fail(error)
                return
            self.size_bytes += written or 0
            data = data[written or 0 :]

    def close(self) -> None:
        """Close the file; writing after that is ignored."""
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.close()
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.problem = "is not complete: %s" % (error.strerror or error)
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


class Reserve:
    """Disk space held back, so that the record can be written when the log has filled the disk."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            with open(path, "wb") as stream:
                stream.write(b"\0" * _RESERVE_BYTES)
        except OSError:
            pass  # the record will tell what it can

    def release(self) -> None:
        """Give the space back."""
        with contextlib.suppress(OSError):
            files.remove(self._path)


class Progress:
    """Shows the latest line of the output, at most about twice a second, on standard output."""

    def __init__(self, show: Optional[Callable[[str], None]] = None) -> None:
        self._show = show or _print_line
        self._tail = b""
        self._shown = ""
        self._next_s = 0.0

    def __call__(self, data: bytes) -> None:
        """Take output as it comes."""
        self._tail = (self._tail + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            self.flush()

    def flush(self) -> None:
        """Show the latest line if it is not the one shown last."""
        parts = self._tail.replace(b"\r", b"\n").split(b"\n")
        cleaned = [logfile.clean_line(part.decode("utf-8", "replace")) for part in parts[-40:]]
        latest = next((line for line in reversed(cleaned) if line), "")
        if latest and latest != self._shown:
            self._shown = latest
            self._show(latest)


def _print_line(line: str) -> None:
    """To standard output; that nobody listens any more is no reason to end the run."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        pass

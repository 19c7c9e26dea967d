"""Writing the result. Owns what happens when nobody reads it, or when it cannot be written."""

from __future__ import annotations

import os
import sys

from repropack.errors import UsageError


def write(text: str, *, end: str = "\n") -> None:
    """Write to stdout at once.

    A reader that has seen enough (`| head -1`) changes nothing of the command or its exit code.
    Raises `UsageError` when the result cannot be written, such as to a full disk.
    """
    stream = sys.stdout
    try:
        stream.write(text + end)
        stream.flush()
    except BrokenPipeError:
        silence()
    except OSError as error:
        silence()
        raise UsageError(f"the result could not be written: {error.strerror}") from error


def silence() -> None:
    """Python writes what is left in its buffer when it ends: into nothing, then."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)

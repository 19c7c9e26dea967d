"""A download that is not whole yet: its bytes, and what they are of. It never looks whole."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class Partial:
    """The bytes so far, in `PATH`, and beside them which version of the file they belong to.

    `validator` is what the server called the version (a strong ETag, else its date), and `mark`
    stands for the address: addresses may hold credentials, and are not stored.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._about = path.with_name(path.name + ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self.size_bytes = self._file.tell()
        self.mark, self.validator = self._read()

    def _read(self) -> tuple[str, str]:
        try:
            given = json.loads(self._about.read_bytes())
            return str(given["mark"]), str(given["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", ""

    def belongs_to(self, mark: str, validator: str) -> None:
        """Say of what the bytes are, before the first of them is written."""
        if (mark, validator) != (self.mark, self.validator):
            self.mark, self.validator = mark, validator
            self._about.write_text(json.dumps({"mark": mark, "validator": validator}))

    def write(self, piece: bytes) -> None:
        """More bytes."""
        self._file.write(piece)
        self.size_bytes += len(piece)

    def reset(self) -> None:
        """Begin again."""
        self._file.truncate(0)
        self.size_bytes = 0
        self.mark = self.validator = ""
        self._about.unlink(missing_ok=True)

    def keep(self) -> None:
        """See that the bytes are on the disk: what gets its name has to be whole there."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def flush(self) -> None:
        """Let others read the bytes."""
        self._file.flush()

    def remove(self) -> None:
        """It became a file, or is of no use."""
        self._about.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # a full disk: what did arrive is still there
            self._file.close()
        if self.path.exists() and self.path.stat().st_size == 0:
            self.remove()

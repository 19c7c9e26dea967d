"""The shared cache of downloads: by content, safe with several processes at once.

CACHE/data/sha256/ab/abcd…   whole files; each is hashed again before it is used
CACHE/data/known/md5-…       which of them has another hash
CACHE/data/partial/          what is not whole yet
CACHE/data/by-hand/          files that a user put there, by name
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repropack.footprint.following import size
from repropack.progress import Reporter
from repropack.retrieval.model import Hash, Wanted, digests
from repropack.retrieval.partial import Partial
from repropack.workspace import write_atomically

STALE_S = 14 * 24 * 3600
"""So old does a download get that nobody goes on with; then it makes room."""


class Store:
    """The cache in a directory, which is made when something is put there."""

    def __init__(self, cache: Path) -> None:
        self.root = cache / "data"
        self._used: set[str] = set()

    @property
    def by_hand(self) -> Path:
        """Where users put files that could not be fetched."""
        return self.root / "by-hand"

    def path_of(self, sha256: str) -> Path:
        """Where a whole file is."""
        return self.root / "sha256" / sha256[:2] / sha256

    def find(self, hash: Hash) -> tuple[Path, str] | None:
        """The file that has a hash, read again, with its SHA-256. A damaged one is removed."""
        sha256 = hash.digest
        known = self.root / "known" / f"{hash.algorithm}-{hash.digest}"
        if hash.algorithm != "sha256":
            try:
                sha256 = known.read_text("ascii").strip()
            except (OSError, ValueError):
                return None
        path = self.path_of(sha256)
        try:
            found = digests(path, hash.algorithm)
        except OSError:
            return None
        if found != (sha256, hash.digest):
            path.unlink(missing_ok=True)
            return None
        return path, sha256

    def admit(self, partial: Partial, sha256: str, hash: Hash | None) -> Path:
        """A download that is whole and was checked gets its name."""
        path = self.path_of(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.keep()
        partial.path.chmod(0o444)
        partial.path.replace(path)
        partial.remove()
        if hash is not None and hash.algorithm != "sha256":
            known = self.root / "known"
            known.mkdir(exist_ok=True)
            write_atomically(known / f"{hash.algorithm}-{hash.digest}", sha256 + "\n")
        return path

    def partial(self, key: str) -> Partial:
        """What an earlier call left of a download, or an empty one."""
        self._used.add(key)
        return Partial(self.root / "partial" / key)

    @contextmanager
    def lock(self, key: str, reporter: Reporter) -> Iterator[None]:
        """One process at a time. The lock ends with its process, however that ends."""
        directory = self.root / "locks"
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / key, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                reporter.detail("another process is at it: waiting")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def clean(self, reporter: Reporter, *, now_s: float | None = None) -> None:
        """Remove what earlier calls left of downloads that nobody has gone on with for two weeks.

        Those of this call stay, and those that another process is at.
        """
        oldest_s = (time.time() if now_s is None else now_s) - STALE_S
        n_bytes = n_files = 0
        for path in sorted((self.root / "partial").glob("*")):
            key = path.name.removesuffix(".json")
            with contextlib.suppress(OSError):
                found = path.stat()
                if key in self._used or found.st_mtime > oldest_s or not self._is_idle(key):
                    continue
                path.unlink()
                n_bytes, n_files = n_bytes + found.st_size, n_files + (path.name == key)
        if n_files:
            what = "1 download" if n_files == 1 else f"{n_files} downloads"
            reporter.note(
                f"removed {what} that ended two weeks ago or more, unfinished: {size(n_bytes)}"
            )

    def _is_idle(self, key: str) -> bool:
        """Whether no process is at a download."""
        try:
            descriptor = os.open(self.root / "locks" / key, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True


def key_of(wanted: Wanted) -> str:
    """What a download is known by: its hash, else its addresses."""
    if wanted.hash is not None:
        return f"{wanted.hash.algorithm}-{wanted.hash.digest}"
    return "url-" + hashlib.sha256("\n".join(wanted.urls).encode()).hexdigest()

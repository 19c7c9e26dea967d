"""What is told while a dataset is read: files, bytes, rate, and the time that is left."""

from __future__ import annotations

import os
import threading
import time

from repropack.footprint.pool import Pool
from repropack.footprint.walk import Tree
from repropack.progress import Reporter

_EVERY_S = 0.2
#: Who waits for longer than this wants to know for how long. Then it pays to count what there is.
_PATIENCE_S = 5.0
#: A file takes as long as these bytes of a large one.
_FILE_BYTES = 50_000


class Total:
    """How much there is to do. What nobody knows is counted beside the work, if that takes long."""

    def __init__(self, n_files: int = 0, n_bytes: int = 0, *, tree: Tree | None = None) -> None:
        self.n_files = n_files
        self.n_bytes = n_bytes
        self._tree = tree
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self) -> None:
        """Begin to count."""
        if self._tree is not None and self._thread is None:
            own = Tree(os.fsdecode(self._tree.root), os.fsdecode(self._tree.single))
            self._thread = threading.Thread(target=self._count, args=(own,), daemon=True)
            self._thread.start()

    def _count(self, tree: Tree) -> None:
        n_bytes = n_files = 0
        for found in tree.walk():
            n_files += 1
            n_bytes += found.size_bytes
            if self._stopped.is_set():
                return
        self.n_files, self.n_bytes = n_files, n_bytes

    def stop(self) -> None:
        """Count no further."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()


class Following:
    """Tells the reporter now and then how far a pool is; `tick` costs nothing in between."""

    def __init__(self, reporter: Reporter, pool: Pool, total: Total) -> None:
        self.total = total
        self.n_files = 0
        self.n_bytes = 0
        self._reporter = reporter
        self._pool = pool
        self._began_s = self._told_s = time.monotonic()

    def tick_at(self, n_files: int) -> None:
        """The same, so many files on."""
        self.n_files = n_files
        self.tick()

    def tick(self) -> None:
        """Tell it, if the last time was long enough ago."""
        now_s = time.monotonic()
        if now_s - self._told_s < _EVERY_S:
            return
        self._told_s = now_s
        passed_s = now_s - self._began_s
        if passed_s > _PATIENCE_S:
            self.total.count()
        self._reporter.detail(self.told(passed_s))

    def told(self, passed_s: float) -> str:
        """How far it is after so many seconds."""
        read = self._pool.read_bytes
        parts = [f"{self.n_files} files", f"{size(read)} read", f"{size(read / passed_s)}/s"]
        if self.total.n_files:
            done = self.n_files * _FILE_BYTES + max(self.n_bytes, read)
            left = self.total.n_files * _FILE_BYTES + self.total.n_bytes - done
            if done > 0 and left > 0:
                parts.append(f"{duration(passed_s * left / done)} left")
        return " · ".join(parts)


def size(size_bytes: float) -> str:
    """Bytes as people read them, in units of a thousand."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def duration(seconds: float) -> str:
    """Seconds as people read them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

"""What is told while a dataset is read: bytes, rate, and the time that is left."""

from __future__ import annotations

import time

from repropack.footprint.pool import Pool
from repropack.progress import Reporter

_EVERY_S = 0.2


class Following:
    """Tells the reporter now and then how far a pool is; `tick` costs nothing in between."""

    def __init__(self, reporter: Reporter, pool: Pool, *, total_bytes: int = 0) -> None:
        self.total_bytes = total_bytes
        self.n_files = 0
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
        done = self._pool.read_bytes
        rate = done / max(now_s - self._began_s, 1e-3)
        parts = [f"{self.n_files} files", f"{size(done)} read", f"{size(rate)}/s"]
        left = self.total_bytes - done
        if self.total_bytes and left > 0 and rate > 0:
            parts.append(f"{duration(left / rate)} left")
        self._reporter.detail(" · ".join(parts))


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

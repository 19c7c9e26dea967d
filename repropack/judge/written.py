"""How much a run wrote where it ran: files that are new or changed since it began.

What it removed again is not counted, nor what lies on another file system (data that is mounted).
"""

import os
from typing import Iterator

_MOST_FILES = 1_000_000
_BLOCK_BYTES = 512  # what st_blocks counts, whatever the file system's own blocks are


def written_bytes(place: str, since_s: float) -> int:
    """The bytes on the disk below a directory that were written since then."""
    try:
        device = os.stat(place).st_dev
    except OSError:
        return 0
    total = 0
    for number, status in enumerate(_files(place, device)):
        if number >= _MOST_FILES:
            break
        if status.st_ctime >= since_s:
            total += status.st_blocks * _BLOCK_BYTES
    return total


def _files(place: str, device: int) -> Iterator[os.stat_result]:
    """What is on that device; a file with several names once for each of them."""
    waiting = [place]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if status.st_dev != device:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        yield status
        except OSError:
            continue

"""conda-lock, the library: the only place that imports it.

Owns: loading it quietly (the conda inside warns of its own age), and the calls that are used.
Does not own: what its entries mean (`readers`), what is written (`writing`).
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that are meant for conda-lock's own authors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parse(text: str) -> Any:
    """A lock as conda-lock reads it. Raises whatever it raises for what it does not read."""
    with tempfile.TemporaryDirectory() as directory, quiet():
        from conda_lock.lockfile import parse_conda_lock_file

        file = Path(directory, "conda-lock.yml")
        file.write_text(text, encoding="utf-8")
        return parse_conda_lock_file(file)


def written(packages: Iterable[dict[str, Any]], channels: Iterable[str], platform: str) -> str:
    """A lock as conda-lock writes it; `packages` have the keys of its entries."""
    with tempfile.TemporaryDirectory() as directory, quiet():
        from conda_lock.lockfile import write_conda_lock_file
        from conda_lock.lockfile.v2prelim.models import LockedDependency, Lockfile, LockMeta
        from conda_lock.models.channel import Channel

        lock = Lockfile(
            package=[LockedDependency(**package) for package in packages],
            metadata=LockMeta(
                content_hash={platform: ""},
                channels=[Channel.from_string(url) for url in channels],
                platforms=[platform],
                sources=[],
            ),
        )
        path = Path(directory, "conda-lock.yml")
        write_conda_lock_file(lock, path, metadata_choices=None, include_help_text=False)
        return path.read_text(encoding="utf-8")


def default_channels() -> tuple[str, ...]:
    """What `defaults` stands for, as the conda inside knows it."""
    with quiet():
        from conda_lock._vendor.conda.base import constants

        return tuple(constants.DEFAULT_CHANNELS_UNIX)

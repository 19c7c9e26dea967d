"""Locks for tests, written as one text: `torch==2.4.1 nvidia-cuda-runtime-cu12==12.1.105`."""

from __future__ import annotations

from repropack.environment import Lock, Requirement
from repropack.findings import Where


def lock(text: str, *, indexes: tuple[str, ...] = (), index: str | None = None) -> Lock:
    """A lock of pins, one on each line of requirements.lock; `index` is each requirement's own."""
    pins = [word.partition("==") for word in text.split()]
    return Lock(
        requirements=tuple(
            Requirement(
                name=name,
                version=version,
                hashes=("sha256:" + "0" * 64,),
                where=Where(path="requirements.lock", line=number),
                index=index,
            )
            for number, (name, _, version) in enumerate(pins, start=1)
        ),
        origin="requirements.lock",
        because="test",
        indexes=indexes,
    )


def linked(name: str, version: str, url: str) -> Lock:
    """A lock of one package that is fetched from an address."""
    where = Where(path="pylock.toml", line=3)
    only = Requirement(name=name, version=version, hashes=(), where=where, url=url)
    return Lock(requirements=(only,), origin="pylock.toml", because="test")

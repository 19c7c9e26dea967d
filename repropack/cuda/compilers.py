"""The C++ compiler beside nvcc: each CUDA accepts GCC up to some version.

Owns: which of a Debian release's compilers fits. Does not own: whether one is needed (`base`).
"""

from __future__ import annotations

from repropack.cuda import tables
from repropack.cuda.version import key
from repropack.tables import GCC

COMPILER_PACKAGES = ("gcc", "libc6-dev", "python3-dev")


def newest_gcc(cuda: str) -> int | None:
    """The newest GCC that nvcc of a CUDA version accepts; None where the table does not say."""
    rows: dict[str, int] = tables.table("packages")["gcc"]
    known = [name for name in rows if key(name) <= key(cuda)]
    return rows[max(known, key=key)] if known else None


def host_gcc(cuda: str, suite: str | None) -> int | None:
    """The GCC of a Debian release to name, because nvcc refuses the release's own one.

    None: the release's own does, or nothing is known. The oldest, where none does.
    """
    newest, offered = newest_gcc(cuda), GCC.get(suite or "", ())
    if newest is None or not offered or offered[0] <= newest:
        return None
    return max((gcc for gcc in offered if gcc <= newest), default=min(offered))


def nvcc_packages(gcc: int | None) -> tuple[str, ...]:
    """What nvcc needs beside it, with the release's own GCC or one that is named."""
    suffix = "" if gcc is None else f"-{gcc}"
    return (f"g++{suffix}", f"gcc{suffix}", *COMPILER_PACKAGES[1:])

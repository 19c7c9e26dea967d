"""When a file of the source was last changed, and what changed after it.

Owns: these two questions to git. Does not own: what follows from the answers (`shipped`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from repropack.source.git import Git
from repropack.source.model import SourceKind
from repropack.source.names import decode
from repropack.source.source import Source

_CODE = ("*.py", "*.pyx", "*.ipynb", "*.sh", "*.c", "*.cc", "*.cpp", "*.cu", "*.h", "*.jl", "*.R")
_MOST_FILES = 40  # two processes for each


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """The commit that a file is of, and the code files that have changed since."""

    path: str
    commit: str
    newer_code: tuple[str, ...]


def ages(source: Source, paths: Iterable[str]) -> Iterator[Age]:
    """The age of each file, as far as git knows it: nothing of a shallow clone or a snapshot."""
    if source.commit is None or source.shallow or source.kind is SourceKind.SNAPSHOT:
        return
    git = Git(cwd=source.root)
    for path in list(paths)[:_MOST_FILES]:
        found = git.ask("log", "-1", "--format=%H", source.commit, "--", f":(literal){path}")
        commit = decode(found or b"").strip()
        if commit:
            changed = git.ask(
                *("diff", "--name-only", "--relative", "-z", "--no-renames"),
                *(commit, source.commit, "--", *_CODE),
            )
            names = decode(changed or b"").split("\0")[:-1]
            newer = tuple(name for name in names if name != path)
            yield Age(path=path, commit=commit, newer_code=newer)

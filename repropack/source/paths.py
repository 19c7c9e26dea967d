"""Finding entries by path, through links, without ever leaving the root.

Owns: what a path means inside the source. Does not own: content (`source`).
"""

from __future__ import annotations

from dataclasses import replace

from repropack.source.model import Entry
from repropack.source.names import display
from repropack.source.text import Unreadable

_MOST_LINKS = 40  # as many as Linux follows


class _Outside(Unreadable):
    """It leads out of the root, and not only nowhere."""


class Paths:
    """The entries of a source by their paths; never changes."""

    __slots__ = ("_by_path",)

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self._by_path = {entry.path: entry for entry in entries}

    def has(self, path: str) -> bool:
        """Whether an entry (also a dangling link) stands at `path`; nothing outside ever does."""
        try:
            return path in self._by_path or self.resolve(path) in self._by_path
        except Unreadable:
            return False

    def file(self, path: str) -> Entry:
        """The file that `path` leads to. Raises Unreadable, saying why, where there is none."""
        resolved = self.resolve(path)
        if entry := self._by_path.get(resolved):
            return entry
        below = f"{resolved}/" if resolved else ""
        if any(each.startswith(below) for each in self._by_path):
            raise Unreadable(f"{display(path)} is a directory")
        raise Unreadable(f"{display(path)} is not in the source")

    def resolve(self, path: str) -> str:
        """`path` with `.`, `..` and links resolved, whether or not something stands there.

        Raises Unreadable where it leaves the root, or where links lead in a circle.
        """
        done: list[str] = []
        todo = _parts(path, path)
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                if not done:
                    raise _outside(path)
                done.pop()
                continue
            done.append(part)
            entry = self._by_path.get("/".join(done))
            if entry is not None and entry.link_target is not None:
                links += 1
                if links > _MOST_LINKS:
                    raise Unreadable(f"{display(path)} is a circle of links")
                done.pop()
                todo += _parts(entry.link_target, path)
        return "/".join(done)

    def leads_outside(self, entry: Entry) -> bool:
        """Whether a link points at something outside of the source, or at nothing in sight."""
        try:
            self.resolve(entry.path)
        except Unreadable:
            return True
        return False


def link_out_of(entries: tuple[Entry, ...], folder: str) -> Entry | None:
    """The first link that leads out of a directory in which the entries stand below `folder`."""
    paths = Paths(tuple(replace(each, path=f"{folder}/{each.path}") for each in entries))
    for entry in (each for each in entries if each.is_link):
        try:
            paths.resolve(f"{folder}/{entry.path}")
        except _Outside:
            return entry
        except Unreadable:  # a circle, which leads nowhere
            continue
    return None


def _parts(path: str, asked: str) -> list[str]:
    if path.startswith("/"):
        raise _outside(asked)
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _outside(path: str) -> _Outside:
    return _Outside(f"{display(path)} leads outside of the project")

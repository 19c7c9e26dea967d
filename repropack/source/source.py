"""The Source: what every later stage reads the author's project through.

Owns: the value and its methods. Does not own: how it is made (`opening`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from repropack.findings import Finding
from repropack.source.content import Content
from repropack.source.export import export_tree
from repropack.source.model import Entry, SourceKind, Submodule
from repropack.source.names import display
from repropack.source.paths import Paths
from repropack.source.text import Unreadable, decode_text

_MOST_TEXT_BYTES = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The project at `root`: its content is that of git objects, never what happens to lie about.

    `tree` is the content's address (a git tree id); `commit` and `commit_time_s` (seconds since
    1970) are None for a snapshot, `branch` where the head is detached. `remote` and submodules'
    urls hold no credentials. `subdirectory` is where the project stands in its repository, ""
    for all of it. `dirty` and `untracked` name changed files as they can be printed, and `patch`
    turns the commit's files into these (`git apply`); b"" where nothing is changed.
    """

    root: Path
    kind: SourceKind
    commit: str | None
    tree: str
    branch: str | None
    remote: str | None
    tags: tuple[str, ...]
    commit_time_s: int | None
    subdirectory: str
    dirty: tuple[str, ...]
    untracked: tuple[str, ...]
    submodules: tuple[Submodule, ...]
    patch: bytes = field(repr=False)
    findings: tuple[Finding, ...]
    shallow: bool
    _entries: tuple[Entry, ...] = field(repr=False, compare=False)
    _paths: Paths = field(repr=False, compare=False)
    _content: Content = field(repr=False, compare=False)

    @property
    def id12(self) -> str:
        """A short name that is valid in an image's tag.

        `COMMIT12`, `COMMIT12-dirty-TREE8` or `snapshot-TREE12`.
        """
        if self.kind is SourceKind.SNAPSHOT or self.commit is None:
            return f"snapshot-{self.tree[:12]}"
        if self.kind is SourceKind.DIRTY:
            return f"{self.commit[:12]}-dirty-{self.tree[:8]}"
        return self.commit[:12]

    def files(self) -> tuple[Entry, ...]:
        """All files and links, sorted by the bytes of their paths; `.repropack` is never there."""
        return self._entries

    def has(self, path: str) -> bool:
        """Whether a file or link stands at `path`, also through links; nothing outside ever does.

        `path` is POSIX and relative to the root.
        """
        return self._paths.has(path)

    def read_bytes(self, path: str) -> bytes:
        """The content of the file that `path` leads to, through links.

        Raises Unreadable, saying why: it is outside, absent, a directory, or a circle of links.
        """
        return self._content.read(self._paths.file(path))

    def read_ahead(self, paths: Sequence[str]) -> None:
        """Say which small files will be read next: together they cost as much as one.

        Raises SourceError for content that is missing.
        """
        self._content.read_ahead([self._paths.file(path) for path in paths])

    def read_text(self, path: str) -> str:
        r"""The file as text with `\n` line ends, whatever its encoding and its line ends are.

        Raises Unreadable as `read_bytes` does, and for what is not text or over 200 MB.
        """
        entry = self._paths.file(path)
        if entry.size_bytes > _MOST_TEXT_BYTES:
            size_mb = entry.size_bytes / 1e6
            raise Unreadable(f"{display(path)} is too large to be text: {size_mb:.0f} MB")
        try:
            return decode_text(self._content.read(entry))
        except ValueError as error:
            raise Unreadable(f"{display(path)} cannot be read: {error}") from error

    def export(self, directory: Path, *, mtime_s: int) -> None:
        """Write every file to `directory` (absent or empty), byte for byte.

        Modes are 644 and 755, links stay links, and every time is `mtime_s` (seconds since 1970).
        Raises BuildError where it cannot be written, SourceError where content is missing.
        """
        export_tree(self._entries, self._content, directory, mtime_s=mtime_s)

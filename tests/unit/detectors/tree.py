"""A source in memory, with the methods and attributes of `source.Source` that inspection uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from repropack.errors import SourceError
from repropack.findings import Finding


@dataclass(frozen=True)
class File:
    """One file."""

    path: str
    size_bytes: int
    is_link: bool = False


class Tree:
    """A tree of texts; a path whose content is None cannot be read."""

    def __init__(
        self,
        files: Mapping[str, str | None],
        *,
        root: str = "/home/someone/checkout",
        remote: str | None = None,
        subdirectory: str = "",
        commit_time_s: int | None = None,
    ) -> None:
        self._texts = files
        self.root = Path(root)
        self.remote = remote
        self.subdirectory = subdirectory
        self.commit_time_s = commit_time_s
        self.findings: tuple[Finding, ...] = ()
        self.reads: list[str] = []

    def files(self) -> tuple[File, ...]:
        """All files."""
        return tuple(File(path, len(text or "")) for path, text in self._texts.items())

    def has(self, path: str) -> bool:
        """Whether a file is there."""
        return path in self._texts

    def read_text(self, path: str) -> str:
        """The text; SourceError for what is not text."""
        self.reads.append(path)
        text = self._texts.get(path)
        if text is None:
            raise SourceError(f"{path} cannot be read: it is not text")
        return text

    def read_ahead(self, paths: Sequence[str]) -> None:
        """Nothing is gained in memory."""

    def read_bytes(self, path: str) -> bytes:
        """The text in UTF-8; SourceError for what is not text."""
        text = self._texts.get(path)
        if text is None:
            raise SourceError(f"{path} cannot be read")
        return text.encode()

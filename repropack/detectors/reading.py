"""What detectors see of a source: files read at most once, Python parsed at most once.

Owns: which files are looked into, within limits that keep inspection fast on large repositories.
Does not own: what is made of them. Nothing here runs any code of the source.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import tomllib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, Protocol

from repropack.detectors.code import Code, parse_code
from repropack.detectors.notebooks import code_cells, within_limits
from repropack.errors import SourceError
from repropack.findings import Finding, Severity, Where

MAX_FILE_BYTES: Final = 1_000_000
MAX_PYTHON_FILES: Final = 2_000
MAX_PARSED_BYTES: Final = 400_000  # about a third of a second of parsing and walking
MAX_SCANNED_BYTES: Final = 1_000_000  # of what is not parsed: read for its imports alone
SCRIPT_NAMES: Final = ("train", "main", "run", "eval", "evaluate", "test", "experiment", "demo")
_NOT_OWN: Final = (
    "tests test docs doc node_modules site-packages venv env .venv .tox build dist third_party "
    "vendor __pycache__ .git .github .ipynb_checkpoints"
)
_MANIFEST_DIRECTORIES: Final = ("binder/", ".binder/", "requirements/", "wandb/")
_SKIPPED_DIRECTORIES: Final = frozenset(_NOT_OWN.split())
_NEVER_SCRIPTS: Final = frozenset(("setup.py", "conftest.py", "noxfile.py", "versioneer.py"))
_WORTH_PARSING = re.compile(
    r"__main__|argparse|click|cuda|cupy|tensorflow|jax|json\.dump|csv|datasets?\b|load_|fetch_"
    r"|print\(|^\s*(?:import|from)\s",
    re.M,
)


class FileEntry(Protocol):
    """One file of a source: a POSIX path relative to the root, and its size in bytes."""

    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def size_bytes(self) -> int: ...  # noqa: D102
    @property
    def is_link(self) -> bool: ...  # noqa: D102


class Readable(Protocol):
    """What detectors need of a source. `read_text` raises SourceError (`source.Unreadable`)."""

    def files(self) -> Sequence[FileEntry]: ...  # noqa: D102
    def has(self, path: str) -> bool: ...  # noqa: D102
    def read_text(self, path: str) -> str: ...  # noqa: D102
    def read_bytes(self, path: str) -> bytes: ...  # noqa: D102
    def read_ahead(self, paths: Sequence[str]) -> None: ...  # noqa: D102


class Reading:
    """One look at a source. What could not be read or parsed is in `findings()`."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._texts: dict[str, str | None] = {}
        self._tomls: dict[str, dict[str, Any]] = {}
        self._problems: dict[str, Finding] = {}
        self._unparsed: list[str] = []

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Size in bytes of each regular file, by path."""
        return {e.path: e.size_bytes for e in self._source.files() if not e.is_link}

    @cached_property
    def root_files(self) -> tuple[str, ...]:
        """Paths of the files in the root, sorted."""
        return tuple(sorted(path for path in self.sizes if "/" not in path))

    @cached_property
    def near(self) -> tuple[str, ...]:
        """Paths of the files in the root and below the directories where manifests may be."""
        beyond = [path for path in self.sizes if path.startswith(_MANIFEST_DIRECTORIES)]
        return (*self.root_files, *sorted(beyond))

    def has(self, path: str) -> bool:
        """Whether a file or link is at `path`."""
        return self._source.has(path)

    def text(self, path: str) -> str | None:
        """Return a file's text, or None when it is absent or, with a finding, unreadable."""
        if path not in self._texts:
            self._texts[path] = self._read(path) if self._source.has(path) else None
        return self._texts[path]

    def _read(self, path: str) -> str | None:
        if self.sizes.get(path, 0) > MAX_FILE_BYTES * 50:
            self._note(path, "file.unreadable", "larger than 50 MB")
            return None
        try:
            return self._source.read_text(path)
        except SourceError as error:
            self._note(path, "file.unreadable", error.what)
            return None

    def raw(self, path: str) -> bytes:
        """Return a file's bytes as they are; b"" where they cannot be read."""
        try:
            return self._source.read_bytes(path)
        except SourceError:
            return b""

    def toml(self, path: str) -> dict[str, Any]:
        """Return a TOML file's content; empty when absent or, with a finding, not TOML."""
        if path not in self._tomls:
            self._tomls[path] = self._parsed_toml(path, self.text(path) or "")
        return self._tomls[path]

    def _parsed_toml(self, path: str, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text.removeprefix("\ufeff"))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            self._note(path, "file.unreadable", f"not TOML: {error}")
            return {}

    @cached_property
    def python_paths(self) -> tuple[str, ...]:
        """Paths of the Python files that may be the project's own, likely scripts first."""
        found = [path for path in self.sizes if path.endswith(".py") and _is_own(path)]
        return tuple(sorted(found, key=script_rank))

    @cached_property
    def code(self) -> tuple[Code, ...]:
        """The parsed Python files, likely scripts first, as many as the limits allow."""
        parsed: list[Code] = []
        left_bytes = MAX_PARSED_BYTES
        self._read_ahead()
        for number, path in enumerate(self.python_paths):
            size_bytes = self.sizes[path]
            if number >= MAX_PYTHON_FILES or size_bytes > min(MAX_FILE_BYTES, left_bytes):
                self._unparsed.append(path)
                continue
            code = self._parsed(path)
            if code is not None:
                left_bytes -= size_bytes
                parsed.append(code)
        return tuple(code for code in parsed if not code.error)

    def _read_ahead(self) -> None:
        """The files that are looked into for certain, in one go."""
        total = itertools.accumulate(self.sizes[path] for path in self.python_paths)
        sure = [
            path
            for path, bytes_so_far in zip(self.python_paths, total, strict=True)
            if bytes_so_far <= MAX_PARSED_BYTES and path not in self._texts
        ]
        with contextlib.suppress(SourceError):  # it is told when the file itself is read
            self._source.read_ahead(sure[:MAX_PYTHON_FILES])

    def _parsed(self, path: str) -> Code | None:
        text = self.text(path)
        if text is None or not _WORTH_PARSING.search(text):
            return None
        code = parse_code(path, text)
        if code.error:
            self._note(path, "code.unreadable", code.error, code.error_line)
        return code

    @cached_property
    def unparsed(self) -> tuple[tuple[str, str], ...]:
        """Path and text of Python files beyond the limit of `code`, as many as may be read."""
        _ = self.code
        total = itertools.accumulate(self.sizes[path] for path in self._unparsed)
        read = [p for p, so_far in zip(self._unparsed, total, strict=True)
            if so_far <= MAX_SCANNED_BYTES]  # fmt: skip
        with contextlib.suppress(SourceError):
            self._source.read_ahead(read)
        return tuple((path, self.text(path) or "") for path in read)

    @cached_property
    def notebooks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Path and code cells of the notebooks that may be the project's own, within limits."""
        chosen = within_limits(self._notebook_paths, self.sizes)
        return tuple((path, code_cells(self.text(path) or "")) for path in chosen)

    @cached_property
    def _notebook_paths(self) -> tuple[str, ...]:
        return tuple(path for path in self.sizes if path.endswith(".ipynb") and _is_own(path))

    def findings(self) -> tuple[Finding, ...]:
        """Return what was not read so far: each unreadable file, and how many were too many."""
        unreadable = tuple(self._problems[key] for key in sorted(self._problems))
        looked = within_limits(self._notebook_paths, self.sizes)
        notebooks = sorted(set(self._notebook_paths) - set(looked))
        counted = ((len(self._unparsed), "Python file"), (len(notebooks), "notebook"))
        many = [f"{n} {what}{'s' if n > 1 else ''}" for n, what in counted if n]
        if not many:
            return unreadable
        verb = "was" if sum(number for number, _ in counted) == 1 else "were"
        passed_over = Finding(
            kind="code.limit",
            value=f"{' and '.join(many)} {verb} not looked into",
            because=f"of Python the likeliest {MAX_PARSED_BYTES // 1000} kB are read (of more, the "
            "imports), of notebooks those near the root; say in repropack.yaml what is missing",
            where=Where(path=[*self._unparsed, *notebooks][0]),
        )
        return (*unreadable, passed_over)

    def _note(self, path: str, kind: str, because: str, line: int | None = None) -> None:
        where = Where(path=path, line=line)
        self._problems[path] = Finding(
            kind=kind, value=path, because=because, where=where, severity=Severity.WARNING
        )


def _is_own(path: str) -> bool:
    *directories, name = path.split("/")
    return _SKIPPED_DIRECTORIES.isdisjoint(directories) and name not in _NEVER_SCRIPTS


def script_rank(path: str) -> tuple[int, int, str]:
    """Sort key: names such as train.py first, then what lies nearer to the root."""
    stem = path.rpartition("/")[2].removesuffix(".py").lower()
    words = re.split(r"[_\-.]", stem)
    near = [SCRIPT_NAMES.index(word) for word in words if word in SCRIPT_NAMES]
    exact = SCRIPT_NAMES.index(stem) if stem in SCRIPT_NAMES else len(SCRIPT_NAMES)
    rank = min([exact, *(len(SCRIPT_NAMES) + 1 + number for number in near)])
    named = bool(near) or exact < len(SCRIPT_NAMES)
    return (path.count("/"), rank if named else 99, path)

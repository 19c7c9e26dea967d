"""Reading git trees: which files a source has, those of its submodules included.

Owns: `git ls-tree`, finding submodules' object stores, refusing trees that cannot be written out.
Does not own: content (`git.Objects`) and lookups by path (`paths`).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from repropack.errors import SourceError
from repropack.source.git import Git, damaged
from repropack.source.model import EXECUTABLE_MODE, FILE_MODE, LINK_MODE, Entry, Submodule
from repropack.source.names import decode, display, encode, is_safe, is_working_file, on_disk
from repropack.source.remote import without_credentials
from repropack.source.worktree import object_directory

_MODES = {b"100755": EXECUTABLE_MODE, b"120000": LINK_MODE}
_SUBMODULE = b"160000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All entries sorted by the bytes of their paths, submodules, and where else objects are."""

    entries: tuple[Entry, ...]
    submodules: tuple[Submodule, ...]
    object_directories: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """One repository on the way down: the project's own or a submodule's.

    `at` is where its tree stands in the source, `top` what `.gitmodules` is read from, and
    `inside` where the tree stands below `top`; both paths are "" or end with a slash.
    """

    git: Git
    tree: str
    top: str
    inside: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeReader:
    """Reads trees of the project at `root`.

    `check_submodules` asks each one whether it has changes that no commit holds; where the
    project's own status was clean, that has been answered already.
    """

    root: Path
    check_submodules: bool

    def read(self, git: Git, *, top: str, tree: str, subdirectory: str) -> Contents:
        """Everything in `tree`, which stands at `subdirectory` of the tree or commit `top`.

        Raises SourceError for a submodule that is not there and for names that cannot be written.
        """
        entries: list[Entry] = []
        modules: list[Submodule] = []
        stores: list[Path] = []
        inside = f"{subdirectory}/" if subdirectory else ""
        levels = [_Level(git=git, tree=tree, top=top, inside=inside, at="")]
        while levels:
            level = levels.pop()
            found = _list(level, entries)
            urls = _submodule_urls(level) if found else {}
            for path, commit in found:
                below = self._enter(level.at + path, commit)
                levels.append(below)
                stores.append(object_directory(below.git))
                url = without_credentials(urls.get(level.inside + path, "")) or ""
                modules.append(Submodule(path=level.at + path, commit=commit, url=url))
        entries.sort(key=lambda entry: encode(entry.path))
        _refuse_unsafe(entries)
        return Contents(
            entries=tuple(entries),
            submodules=tuple(sorted(modules, key=lambda module: encode(module.path))),
            object_directories=tuple(stores),
        )

    def _enter(self, path: str, commit: str) -> _Level:
        directory = on_disk(self.root, path)
        git = Git(cwd=directory)
        there = is_safe(path) and (directory / ".git").exists()
        if not there or git.ask("cat-file", "-e", f"{commit}^{{commit}}") is None:
            raise SourceError(
                f"the submodule {display(path)} is not there at its recorded commit {commit[:12]}",
                hint=f"git -C {shlex.quote(str(self.root))} submodule update --init --recursive",
            )
        if self.check_submodules and git.run("status", "--porcelain", "--ignore-submodules=none"):
            raise uncommitted_in_submodule(self.root, path)
        return _Level(git=git, tree=commit, top=commit, inside="", at=f"{path}/")


def uncommitted_in_submodule(root: Path, path: str) -> SourceError:
    """The refusal of a submodule whose changes no commit holds: a patch cannot carry them."""
    where = shlex.quote(str(on_disk(root, path)))
    return SourceError(
        f"the submodule {display(path)} has changes that are not committed inside it",
        hint=f'git -C {where} add -A && git -C {where} commit -m "…"',
    )


def _list(level: _Level, entries: list[Entry]) -> list[tuple[str, str]]:
    """Add a tree's files to `entries`; return its submodules as (path, commit)."""
    submodules = []
    output = level.git.run("ls-tree", "-r", "-l", "-z", "--full-tree", level.tree)
    for record in output.split(b"\0")[:-1]:
        facts, _, name = record.partition(b"\t")
        mode, _, object_id, size = facts.split()
        path = decode(name)
        if is_working_file(path):
            continue
        if mode == _SUBMODULE:
            submodules.append((path, object_id.decode()))
            continue
        if not size.isdigit():  # git says "BAD" for an object that is not there
            raise damaged(level.git.cwd, object_id.decode())
        entries.append(
            Entry(
                path=level.at + path,
                mode=_MODES.get(mode, FILE_MODE),
                size_bytes=int(size),
                object_id=object_id.decode(),
            )
        )
    return submodules


def _submodule_urls(level: _Level) -> dict[str, str]:
    """Path to url, as `.gitmodules` says; submodules that it does not name are left out."""
    asked = r"^submodule\..*\.(path|url)$"
    blob = f"--blob={level.top}:.gitmodules"
    output = level.git.ask("config", blob, "-z", "--get-regexp", asked) or b""
    settings = dict(record.partition("\n")[::2] for record in decode(output).split("\0"))
    return {
        path: settings.get(f"{key.removesuffix('.path')}.url", "")
        for key, path in settings.items()
        if key.endswith(".path")
    }


def _refuse_unsafe(entries: list[Entry]) -> None:
    """Refuse names that would leave the directory that they are written to.

    Git itself never makes them, but a crafted tree can: `..`, `.git`, or a file below a link.
    """
    leaves = {entry.path for entry in entries}
    parents = {path.rpartition("/")[0] for path in leaves}
    while above := {path.rpartition("/")[0] for path in parents} - parents:
        parents |= above
    bad = [path for path in leaves if not is_safe(path)] + sorted(leaves & parents)
    if bad or len(leaves) != len(entries):
        name = display(min(bad)) if bad else "one name"
        raise SourceError(
            f"the repository's tree is not valid: {name} cannot be written out safely",
            hint="git fsck",
        )

"""Questions to the author's repository, each answered without writing to it.

Owns: where the repository is, what git's status says, the commit's branch, remote, tags and time.
Does not own: trees and content (`tree`, `git`), and what follows from the answers (`opening`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from repropack.errors import SourceError
from repropack.source.git import Git
from repropack.source.names import decode, encode, is_working_file
from repropack.source.remote import without_credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The repository that the project lies in; `subdirectory` is "" where it is the whole of it."""

    git: Git
    subdirectory: str
    shallow: bool

    @property
    def top(self) -> Path:
        """The repository's own root directory."""
        depth = len(self.subdirectory.split("/")) if self.subdirectory else 0
        return self.git.cwd.parents[depth - 1] if depth else self.git.cwd


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What git's status says of the project's directory; paths are relative to it.

    `commit` is None before the first one, `branch` where the head is detached.
    `dirty` are changed tracked files, `untracked` those neither tracked nor ignored, `unmerged`
    those in conflict, `dirty_submodules` those with changes of their own inside.
    """

    commit: str | None
    branch: str | None
    dirty: tuple[str, ...]
    untracked: tuple[str, ...]
    unmerged: tuple[str, ...]
    dirty_submodules: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether the directory is what the commit says."""
        return not (self.dirty or self.untracked)


def find_repository(root: Path) -> Repository | None:
    """The repository that `root` lies in, or None. Raises SourceError for a bare or broken one."""
    git = Git(cwd=root)
    answer = git.run_in_repository(
        "rev-parse", "--is-inside-work-tree", "--is-shallow-repository", "--show-prefix"
    )
    if answer is None:
        return None
    inside, shallow, prefix = (*answer.split(b"\n", 2), b"", b"")[:3]
    if inside != b"true":
        raise SourceError(
            f"{root} is a bare repository, or git's own directory: there are no files to pack",
            hint=f"clone it first: git clone {root} …",
        )
    subdirectory = decode(prefix.removesuffix(b"\n").rstrip(b"/"))
    return Repository(git=git, subdirectory=subdirectory, shallow=shallow == b"true")


def read_status(repository: Repository) -> Status:
    """Git's status of the project's directory, in one call."""
    output = repository.git.run(
        *("status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind", "--no-renames"),
        *("--untracked-files=all", "--ignore-submodules=none", "--", "."),
    )
    headers: dict[bytes, str] = {}
    found: dict[str, list[str]] = {"dirty": [], "untracked": [], "unmerged": [], "modules": []}
    skipped = len(encode(repository.subdirectory)) + 1 if repository.subdirectory else 0
    for record in output.split(b"\0"):
        if record.startswith(b"# "):
            name, _, value = record[2:].partition(b" ")
            headers[name] = decode(value)
        elif record:
            _sort_in(record, skipped, found)
    commit, branch = headers.get(b"branch.oid", ""), headers.get(b"branch.head", "")
    return Status(
        commit=None if commit == "(initial)" else commit,
        branch=None if branch == "(detached)" else branch,
        dirty=tuple(found["dirty"]),
        untracked=tuple(found["untracked"]),
        unmerged=tuple(found["unmerged"]),
        dirty_submodules=tuple(found["modules"]),
    )


# How many fields stand before the path, by the letter that a record of status begins with.
_FIELDS = {b"1": 8, b"u": 10, b"?": 1}


def _sort_in(record: bytes, skipped: int, found: dict[str, list[str]]) -> None:
    letter = record[:1]
    fields = record.split(b" ", _FIELDS[letter])
    path = decode(fields[-1][skipped:])
    if is_working_file(path):
        return
    if letter == b"?":
        found["untracked"].append(path)
        return
    found["dirty"].append(path)
    if letter == b"u":
        found["unmerged"].append(path)
    # The third field is "S" and three letters for a submodule: commit, content, untracked.
    if re.fullmatch(rb"S.(M.|.U)", fields[2]):
        found["modules"].append(path)


def read_remote(git: Git, branch: str | None) -> str | None:
    """The address that the branch follows, else `origin`'s, else the only one's; cleaned."""
    asked = r"^(remote\..*\.url|branch\..*\.remote)$"
    settings: dict[str, str] = {}
    for record in decode(git.ask("config", "-z", "--get-regexp", asked) or b"").split("\0"):
        key, _, value = record.partition("\n")
        settings.setdefault(key, value)
    urls = {key: url for key, url in settings.items() if key.startswith("remote.")}
    followed = settings.get(f"branch.{branch}.remote", "origin")
    url = urls.get(f"remote.{followed}.url") or urls.get("remote.origin.url")
    if url is None and len(urls) == 1:
        url = next(iter(urls.values()))
    return without_credentials(url) if url else None


def read_tags(git: Git, commit: str) -> tuple[str, ...]:
    """The names of all tags that point at `commit`, sorted."""
    names = git.run("for-each-ref", f"--points-at={commit}", "--format=%(refname)", "refs/tags")
    return tuple(sorted(each.removeprefix("refs/tags/") for each in decode(names).splitlines()))


def commit_time_s(commit_object: bytes) -> int:
    """When a commit was made, in seconds since 1970, from the commit object itself."""
    header = commit_object.partition(b"\n\n")[0]
    found = re.search(rb"^committer .*> (-?\d+) [-+]\d+$", header, re.MULTILINE)
    return int(found[1]) if found else 0

"""Repositories that packages come from: a copy in the cache, and the commit that a name means.

Owns: cloning with the machine's own git settings (proxies, certificates, passwords), branches as
of a date, and checking out a commit with its submodules.
Does not own: reading addresses (`origins`), building (`building`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from repropack.environment.model import Kind, Lock, Origin
from repropack.environment.store import exclusively, explained, key_of, workspace
from repropack.errors import InvalidError, RepropackError, SourceError, TemporaryError
from repropack.findings import Finding, Severity, Where
from repropack.source import Source, open_source
from repropack.source.git import Git
from repropack.workspace import write_atomically

SHORT = re.compile(r"[0-9a-f]{7,40}|[0-9a-f]{64}")
GIT_FAILED = re.compile(r"^`git [^`]*` failed in [^:]*: ")
NETWORK = re.compile(
    r"Could not resolve|unable to access|[Cc]onnection|timed out|SSL|proxy|unreachable|RPC failed"
    r"|early EOF|hung up"
)
REFUSED = re.compile(
    r"Authentication failed|could not read Username|Permission denied|not found|does not exist"
    r"|does not appear to be a git repository|error: 40[134]"
)
VERSION_TAG = re.compile(r"^v?(?P<version>\d+(?:\.\d+)*)-(?P<distance>\d+)-g(?P<commit>[0-9a-f]+)$")
Progress = Callable[[str], None]


def settle(lock: Lock, as_of: datetime | None, cache: Path, progress: Progress) -> Lock:
    """The lock with a commit for every repository; a branch is taken as of the date.

    Raises `InvalidError` for a name that the repository lacks, `TemporaryError` for the network.
    """
    requirements, findings = [], list(lock.findings)
    for item in lock.requirements:
        origin = item.origin
        if origin is None or origin.kind is not Kind.GIT or origin.commit:
            requirements.append(item)
            continue
        settled, finding = commit_of(origin, item.where, as_of, cache, progress)
        requirements.append(replace(item, origin=settled))
        findings.append(finding)
    return replace(lock, requirements=tuple(requirements), findings=tuple(findings))


def commit_of(
    origin: Origin, where: Where, as_of: datetime | None, cache: Path, progress: Progress
) -> tuple[Origin, Finding]:
    """The origin with the commit that its branch or tag meant on the date, and what to tell."""
    date = as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if as_of else ""
    answer = cache / "resolutions" / f"{key_of(['git', origin.url, origin.ref, date])}.txt"
    try:
        commit, kind = answer.read_text("utf-8").split()
    except (OSError, ValueError):
        mirror = mirror_of(origin, cache, progress, where)
        commit, kind = asked(Git(cwd=mirror), origin, where, date)
        with explained(cache):
            answer.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(answer, f"{commit} {kind}\n")
    return replace(origin, commit=commit), told(origin, commit, kind, date, where)


def told(origin: Origin, commit: str, kind: str, date: str, where: Where) -> Finding:
    """What a name that may move was taken for."""
    name = origin.ref or "its default branch"
    day = f"as of {date[:10]}, the commit's date" if date else "as of today: there is no commit"
    because = f"{where} names {name} of {origin.url}, and no commit: {commit[:12]} was it {day}"
    if kind == "tag":
        because = f"{where} names the tag {name} of {origin.url}: it is {commit[:12]}"
    if kind == "commit":
        because = f"{where} names {name} of {origin.url}: it is {commit[:12]}"
    return Finding(
        kind="environment.git-unpinned" if kind == "branch" else "environment.git",
        value=f"{origin.url}@{commit}",
        because=because,
        where=where,
        severity=Severity.WARNING if kind == "branch" else Severity.INFO,
    )


def asked(git: Git, origin: Origin, where: Where, date: str) -> tuple[str, str]:
    """The commit of a name in a mirror, and whether it is a tag's, a branch's or its own."""
    if origin.ref:
        tag = verified(git, f"refs/tags/{origin.ref}^{{commit}}")
        if tag:
            return tag, "tag"
    branch = f"refs/heads/{origin.ref}" if origin.ref else "HEAD"
    if verified(git, branch):
        before = [f"--before={date}"] if date else []
        found = git.run("rev-list", "-1", "--first-parent", *before, branch).decode().strip()
        if found:
            return found, "branch"
        raise InvalidError(
            f"{where}: {origin.ref or 'the default branch'} of {origin.url} has no commit as old "
            f"as {date[:10]}",
            hint="write the commit that was meant: …@COMMIT",
        )
    if SHORT.fullmatch(origin.ref) and (commit := verified(git, f"{origin.ref}^{{commit}}")):
        return commit, "commit"
    raise InvalidError(
        f"{where}: {origin.url} has no branch, tag or commit {origin.ref or 'HEAD'}",
        hint="write the commit that was meant: …@COMMIT",
    )


def verified(git: Git, name: str) -> str:
    """The id that a name stands for, or ""."""
    return (git.ask("rev-parse", "--verify", "--quiet", name) or b"").decode().strip()


def mirror_of(origin: Origin, cache: Path, progress: Progress, where: Where) -> Path:
    """A bare copy of the repository, up to date unless it has the commit already."""
    mirror = cache / "git" / f"{key_of(origin.url)[:32]}.git"
    with explained(cache):
        mirror.parent.mkdir(parents=True, exist_ok=True)
    with exclusively(mirror.with_suffix(".lock")), reached(origin, where):
        if not mirror.is_dir():
            progress(f"cloning {origin.url}")
            with workspace(cache) as directory:
                Git(cwd=directory).run("clone", "--quiet", "--bare", "--", origin.url, "new.git")
                (directory / "new.git").rename(mirror)
        git = Git(cwd=mirror)
        if not origin.commit or not has(git, origin.commit):
            progress(f"fetching {origin.url}")
            git.run("fetch", "--quiet", "--force", "--tags", "origin", "+refs/heads/*:refs/heads/*")
        if origin.commit and not has(git, origin.commit):
            git.run("fetch", "--quiet", "origin", origin.commit)  # of no branch any more
    return mirror


def has(git: Git, commit: str) -> bool:
    """Whether a mirror has a commit."""
    return git.ask("cat-file", "-e", f"{commit}^{{commit}}") is not None


class reached:
    """Turns git's failures into what they mean for a package."""

    def __init__(self, origin: Origin, where: Where) -> None:
        self.origin, self.where = origin, where

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Another error with the place, for git's."""
        if isinstance(error, SourceError):
            raise self.explained(error) from error

    def explained(self, error: SourceError) -> RepropackError:
        """The network, the address or the commit."""
        said = GIT_FAILED.sub("", error.what.splitlines()[-1].strip())
        if REFUSED.search(error.what):
            return InvalidError(
                f"{self.where}: {self.origin.url} is not there, or not for you: {said}",
                hint=f"see what `git ls-remote {self.origin.url}` says",
            )
        if NETWORK.search(error.what):
            return TemporaryError(
                f"{self.where}: {self.origin.url} cannot be reached: {said}",
                hint=f"see what `git ls-remote {self.origin.url}` says, then run it again",
            )
        return InvalidError(f"{self.where}: {self.origin}: {said}", hint=error.hint)


def checked_out(
    origin: Origin, where: Where, cache: Path, directory: Path, progress: Progress
) -> tuple[Source, str]:
    """The commit with its submodules as a source, in `directory`, and the version that tags say."""
    mirror = mirror_of(origin, cache, progress, where)
    tree = directory / "checkout"
    with reached(origin, where):
        words = ("clone", "--quiet", "--shared", "--no-checkout")
        Git(cwd=directory).run(*words, str(mirror), str(tree))
        git = Git(cwd=tree)
        git.run("remote", "set-url", "origin", origin.url)  # of submodules with relative addresses
        git.run("-c", "advice.detachedHead=false", "checkout", "--quiet", origin.commit)
        if (tree / ".gitmodules").exists():
            git.run("submodule", "--quiet", "update", "--init", "--recursive")
        said = git.ask("describe", "--tags", "--long", "--match", "*[0-9]*") or b""
    return open_source(tree), tagged_version(os.fsdecode(said).strip())


def tagged_version(said: str) -> str:
    """The version that `git describe --long` tells, as setuptools-scm counts it, or ""."""
    match = VERSION_TAG.match(said)
    if match is None:
        return ""
    if match["distance"] == "0":
        return match["version"]
    *head, last = match["version"].split(".")
    following = ".".join([*head, str(int(last) + 1)])
    return f"{following}.dev{match['distance']}+g{match['commit']}"

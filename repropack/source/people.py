"""Whom git knows of a source: the names and addresses of its history and configuration.

Owns: these questions to git. They are only asked to look for the answers in what is given away
(`anonymous`); nothing else may have them.
"""

from __future__ import annotations

from repropack.source.git import Git
from repropack.source.names import decode
from repropack.source.source import Source

_MOST_COMMITS = "20000"


def people(source: Source) -> tuple[str, ...]:
    """Names and e-mail addresses, sorted; none for a directory that is no repository."""
    git = Git(cwd=source.root)
    if git.ask("rev-parse", "--git-dir") is None:
        return ()
    told = git.ask("log", "--all", "-n", _MOST_COMMITS, "--format=%an%n%ae%n%cn%n%ce") or b""
    for key in ("user.name", "user.email", "github.user"):
        told += b"\n" + (git.ask("config", "--get", key) or b"")
    return tuple(sorted({line.strip() for line in decode(told).split("\n") if line.strip()}))


def remotes(source: Source) -> tuple[str, ...]:
    """The addresses of every remote, sorted."""
    told = Git(cwd=source.root).ask("config", "--get-regexp", r"^remote\..*\.url$") or b""
    lines = decode(told).split("\n")
    return tuple(sorted({line.partition(" ")[2].strip() for line in lines} - {""}))

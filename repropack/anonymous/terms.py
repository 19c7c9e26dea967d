"""The words to look for: of this project's authors, this machine and its accounts.

Owns: where they come from. They stay in memory: an anonymous bundle's list of what it hides would
be the first thing that tells.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from repropack.about import About, about
from repropack.config import Config
from repropack.source import Source
from repropack.source.people import people, remotes

_NOBODY = frozenset(
    {
        *("root", "user", "admin", "ubuntu", "debian", "runner", "docker", "reviewer", "jovyan"),
        *("localhost", "nobody", "anonymous", "github", "gitlab", "bitbucket", "noreply", "http"),
        *("users.noreply.github.com", "https", "author", "authors", "test", "name", "mail", "info"),
        *("contact", "example", "origin", "none"),
    }
)
_SHORTEST = 4


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Term:
    """A word or words, and what they are: `name or address in git's history`."""

    text: str
    what: str


def pattern_of(word: Term) -> re.Pattern[str]:
    """Whole words, whatever their case, and whatever stands between two."""
    text = re.escape(word.text).replace(r"\ ", r"[\s_.-]*")
    return re.compile(rf"(?<![^\W_]){text}(?![^\W_])", re.IGNORECASE)


def terms(source: Source, config: Config, asked: Iterable[str] = ()) -> tuple[Term, ...]:
    """Every word to look for; `asked` are the author's own (`--hide`)."""
    found: dict[str, str] = {}
    for what, texts in (
        ("what --hide names", [text for text in asked if text.strip()]),
        ("name or address in git's history", list(of_people(people(source)))),
        ("remote of git", list(of_remotes(remotes(source)))),
        ("author whom the repository names", list(of_about(about(source)))),
        ("account or machine that builds", list(of_machine())),
        ("the paper", [text for text in (config.paper.doi, config.paper.url) if text]),
    ):
        for text in texts:
            if what.startswith("what --hide") or is_telling(text):
                found.setdefault(text.strip(), what)
    return tuple(sorted(Term(text=text, what=what) for text, what in found.items()))


def is_telling(text: str) -> bool:
    """Whether a word is long and rare enough to tell anything."""
    return len(text.strip()) >= _SHORTEST and text.strip().lower() not in _NOBODY


def of_people(told: Iterable[str]) -> Iterable[str]:
    """Whole names, family names, addresses, and what stands before their @."""
    for each in told:
        yield each
        name, at, host = each.partition("@")
        if at:
            yield from (name, *([host] if not host.endswith(("gmail.com", "github.com")) else []))
        elif " " in each:
            yield each.rpartition(" ")[2]


def of_remotes(addresses: Iterable[str]) -> Iterable[str]:
    """`owner/name` and `owner` of hosts; of any other address, all of it."""
    for address in addresses:
        path = re.sub(r"^\w+://[^/]*/|^[^/:]*@?[^/:]*:", "", address).removesuffix(".git")
        parts = [part for part in path.split("/") if part]
        yield from (address, "/".join(parts[-2:]), *parts[:-1][:1])


def of_about(said: About) -> Iterable[str]:
    """Names and affiliations of CITATION.cff and pyproject.toml."""
    for person in said.authors:
        yield from (person.name, person.family, person.affiliation, person.orcid)


def of_machine() -> Iterable[str]:
    """User, home directory and host of this machine, and the accounts that it is logged in to."""
    with suppress(KeyError, OSError):
        yield getpass.getuser()
    home = Path.home()
    if home != Path("/") and home.name not in _NOBODY:
        yield str(home)
    host = socket.gethostname()
    yield from (host, host.partition(".")[0])
    yield from (
        os.environ.get(name, "")
        for name in ("WANDB_ENTITY", "WANDB_USERNAME", "HF_USER", "SUDO_USER")
    )

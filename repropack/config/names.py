"""Names that become directory names, image names and table cells, and suggestions for bad ones."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

MAX_NAME_CHARS = 80
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
# https://github.com/distribution/reference: one path component of a repository name
_DOCKER_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")


def is_name(text: str) -> bool:
    """Whether `text` may name an experiment, a metric, a parameter, a dataset or a claim."""
    return len(text) <= MAX_NAME_CHARS and _NAME.fullmatch(text) is not None


def is_project_name(text: str) -> bool:
    """Whether `text` is a name whose lower-case form can also stand in an image's name."""
    return is_name(text) and _DOCKER_COMPONENT.fullmatch(text.lower()) is not None


def suggest_name(text: str, *, default: str = "experiment") -> str:
    """Return the nearest project name to any text: `Übung 3!` becomes `ubung-3`.

    `default` is returned where nothing of the text can stay.
    """
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    words = re.findall(r"[a-z0-9]+(?:[._][a-z0-9]+)*", ascii_text.lower())
    return "-".join(words)[:MAX_NAME_CHARS].strip("-._") or default


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return `; did you mean 'experiments'?`, or nothing when no known word is near."""
    lowered = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower()[:200], lowered, n=1, cutoff=cutoff)
    return f"; did you mean {lowered[near[0]]!r}?" if near else ""


def or_these(word: str, known: Iterable[str], *, most: int = 6) -> str:
    """Return the near name as `did_you_mean` does, else all that there are: `; it has 'acc'`."""
    names = list(known)
    if near := did_you_mean(word, names):
        return near
    more = ", …" if len(names) > most else ""
    return f"; there is {', '.join(map(shown, names[:most]))}{more}" if names else ""


def shown(text: str, *, limit: int = 60) -> str:
    """Quote any text for a message: escaped, so that it cannot move the cursor, and not long."""
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return f"'{text}'" if text.isprintable() and "'" not in text else repr(text)

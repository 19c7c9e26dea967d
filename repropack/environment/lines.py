"""Requirements files, as text: logical lines with the physical line that each starts on.

Owns: byte order marks, line ends, continuations, comments, and what stands before the options.
Does not own: what a line means (`requirements`). Every function is linear in the text.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from repropack.errors import InvalidError
from repropack.findings import Where


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, continuations joined, with the 1-based number of their first line."""
    parts: list[str] = []
    first = 1
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not parts:
            first = number
        line = raw.rstrip()
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            parts.append(line[:-1] + " ")
            continue
        parts.append(without_comment(line))
        yield from _joined(first, parts)
        parts = []
    yield from _joined(first, parts)


def _joined(number: int, parts: list[str]) -> Iterator[tuple[int, str]]:
    text = "".join(parts).strip()
    if text:
        yield number, text


def without_comment(line: str) -> str:
    """The line up to a `#` at its start or after white space (URLs have it elsewhere)."""
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return line if at < 0 else line[:at].rstrip()


def split_options(line: str, where: Where) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What stands before the first option, and the options as (flag, value).

    A flag without a value has "". Raises `InvalidError` for quotes that do not close.
    """
    head, tail = _before_options(line)
    if not tail:
        return head, ()
    try:
        quoted = any(character in tail for character in "'\"\\")
        words = shlex.split(tail) if quoted else tail.split()
    except ValueError as error:
        raise InvalidError(
            f"{where}: {shown(tail)} cannot be read: {str(error).lower()}",
            hint="close the quotes, or remove the line",
        ) from error
    return head, tuple(_pairs(words))


def _before_options(line: str) -> tuple[str, str]:
    if line.startswith("-"):
        return "", line
    at = line.find("-")
    while at > 0:
        if line[at - 1].isspace():
            return line[:at].rstrip(), line[at:]
        at = line.find("-", at + 1)
    return line, ""


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(words):
        flag, equals, value = _split_flag(words[position])
        position += 1
        if not equals and not value and position < len(words) and words[position][:1] != "-":
            value = words[position]
            position += 1
        yield flag, value


def _split_flag(word: str) -> tuple[str, str, str]:
    """`--hash=x` and `-rx` carry their value in the same word."""
    if word.startswith("--"):
        return word.partition("=")
    return word[:2], "", word[2:].lstrip("=")


def shown(text: str, most: int = 80) -> str:
    """Text of a foreign file as a message may show it: one line, short, no control characters."""
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return f"`{clean}`" if len(clean) <= most else f"`{clean[: most - 1]}…`"

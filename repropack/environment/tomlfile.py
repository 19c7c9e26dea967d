"""Files in TOML: parsed without surprises, with the places of what they hold, for messages.

Owns: parsing, and forgiving access to what a foreign file may have in the wrong type.
Does not own: what the tables mean (the readers of each format).
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from repropack.errors import InvalidError
from repropack.findings import Where

NAME_LINE = re.compile(r"""\s*name\s*=\s*["']([^"']+)["']""")


def parse_toml(text: str, path: str) -> Mapping[str, Any]:
    """TOML as a mapping; a byte order mark is no error."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidError(f"{path} is not TOML: {error}", hint="mend the file by hand") from error


def read_pyproject(path: str, read: Callable[[str], str] | None) -> Mapping[str, Any]:
    """The pyproject.toml beside the lock; empty where there is none."""
    beside = posixpath.join(posixpath.dirname(path), "pyproject.toml")
    try:
        return parse_toml(read(beside), beside) if read else {}
    except InvalidError:
        return {}


def table(data: object, *keys: str) -> Mapping[str, Any]:
    """The table below these keys; an empty one where the file has none or something else."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def tables(value: object) -> tuple[Mapping[str, Any], ...]:
    """The tables of an array, whatever else may stand between them."""
    entries = value if isinstance(value, list) else []
    return tuple(entry for entry in entries if isinstance(entry, Mapping))


def strings(value: object) -> tuple[str, ...]:
    """The strings of an array."""
    entries = value if isinstance(value, list) else []
    return tuple(entry for entry in entries if isinstance(entry, str))


def text_of(data: Mapping[str, Any], key: str) -> str:
    """A string; "" where there is none or something else."""
    value = data.get(key)
    return value if isinstance(value, str) else ""


def name_places(text: str, path: str, header: str) -> tuple[tuple[str, Where], ...]:
    """The names after each `[[header]]` line, in order, with their places."""
    found: list[tuple[str, Where]] = []
    expecting = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() == f"[[{header}]]":
            expecting = True
            continue
        match = NAME_LINE.match(line) if expecting else None
        if match:
            found.append((match.group(1), Where(path=path, line=number)))
            expecting = False
    return tuple(found)


def line_of(needle: str, text: str) -> int | None:
    """The first line that has the text."""
    at = text.find(needle)
    return None if at < 0 or not needle else text.count("\n", 0, at) + 1

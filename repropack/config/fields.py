"""Single values: each reader takes a cursor and returns the value, or None with a problem noted.

Owns: the form of paths, names, numbers, durations, URLs and package names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import urlsplit

from repropack.config.cursor import Cursor
from repropack.config.names import did_you_mean, is_name, shown, suggest_name

T = TypeVar("T")

_APT_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")  # Debian policy 5.6.1
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PART_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")  # PEP 685, PEP 735
_PYTHON_MINOR = re.compile(r"3\.[0-9]{1,2}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_DOI = re.compile(r"10\.[0-9]{4,9}/\S+")
_INTEGER = re.compile(r"0|[1-9][0-9]{0,18}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_AMOUNT = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)"
_DURATION = re.compile(rf"(?:{_AMOUNT}d)?(?:{_AMOUNT}h)?(?:{_AMOUNT}m)?(?:{_AMOUNT}s)?")
_UNIT_SECONDS = (86400.0, 3600.0, 60.0, 1.0)
_MAX_TIMEOUT_S = 365 * 86400.0
_MAX_COUNT = 10**9
_MAX_AMOUNT = 1e150
_MAX_SEED = 2**63 - 1
_GLOB_PATH_CHARS = 1000


def value_of(fields: dict[str, Cursor], key: str, read: Callable[[Cursor], T | None]) -> T | None:
    """Return what `read` makes of a key's value, or None when the key is not there."""
    return read(fields[key]) if key in fields else None


def list_of(
    fields: dict[str, Cursor], key: str, read: Callable[[Cursor], T | None]
) -> tuple[T, ...]:
    """Return what `read` makes of each item of a key's list; repeated items are a problem."""
    values: list[T] = []
    for item in fields[key].items() if key in fields else ():
        value = read(item)
        if value is None:
            continue
        if value in values:
            item.problem(f"given twice: {shown(str(value))}")
        else:
            values.append(value)
    return tuple(values)


def text(cursor: Cursor) -> str | None:
    """Return one line of text."""
    return cursor.text()


def choice(cursor: Cursor, allowed: tuple[str, ...]) -> str | None:
    """Return one of a few words."""
    word = cursor.text()
    if word is None or word in allowed:
        return word
    near = did_you_mean(word, allowed)
    cursor.problem(f"must be one of {', '.join(allowed)}, not {shown(word)}{near}")
    return None


def boolean(cursor: Cursor) -> bool | None:
    """Return true or false; `yes`, `on` and the like are refused, they mean too many things."""
    word = choice(cursor, ("true", "false"))
    return None if word is None else word == "true"


def check_name(key: str, cursor: Cursor) -> bool:
    """Whether a key can be a name; a problem with a suggestion is noted if not."""
    if is_name(key):
        return True
    cursor.problem(
        "a name is made of letters, digits and . _ + - (at most 80), and starts with a letter or "
        f"a digit; {shown(suggest_name(key))} would do"
    )
    return False


def relative_path(cursor: Cursor) -> str | None:
    """Return a POSIX path inside the repository, without `./`; globs are left as they are."""
    raw = cursor.text()
    if raw is None:
        return None
    problem = _path_problem(raw)
    if problem is not None:
        cursor.problem(f"{shown(raw)} {problem}")
        return None
    return str(PurePosixPath(raw))


def _path_problem(raw: str) -> str | None:
    parts = PurePosixPath(raw).parts
    if raw.startswith("/"):
        return "is an absolute path; give it relative to the repository"
    if ".." in parts:
        return "leaves the repository: '..' is not allowed"
    if not parts:
        return "is the repository itself; name a file or directory in it"
    if any(part.startswith("-") for part in parts[:1]):
        return "starts with '-', which programs take for an option"
    if "\\" in raw:
        return "holds a backslash; write '/' between directories"
    return f"is longer than {_GLOB_PATH_CHARS}" if len(raw) > _GLOB_PATH_CHARS else None


def url(cursor: Cursor) -> str | None:
    """Return an http(s) URL without credentials: it travels with the bundle."""
    raw = cursor.text()
    if raw is None:
        return None
    try:
        parts = urlsplit(raw)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in raw
    except ValueError:
        good = False
    if not good:
        cursor.problem(f"must be an http:// or https:// address, not {shown(raw)}")
        return None
    if "@" in parts.netloc:
        cursor.problem("holds a user name or password; it would be given to every reviewer")
        return None
    return raw


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[Cursor], str | None]:
    def read(cursor: Cursor) -> str | None:
        raw = cursor.text()
        if raw is None or pattern.fullmatch(raw):
            return raw
        cursor.problem(f"must be {what}, not {shown(raw)}")
        return None

    return read


apt_name = _matching(_APT_NAME, "the name of a Debian package, such as libgl1")
part_name = _matching(_PART_NAME, "the name of a group or an extra")
python_minor = _matching(_PYTHON_MINOR, 'a minor version of Python, such as "3.11"')
decimal = _matching(_DECIMAL, 'a number as the paper prints it, such as "97.0"')
doi = _matching(_DOI, "a DOI, such as 10.1000/182")
_hex256 = _matching(_SHA256, "64 hexadecimal digits")


def sha256(cursor: Cursor) -> str | None:
    """Return a SHA-256 in lower case."""
    raw = _hex256(cursor)
    return None if raw is None else raw.lower()


def env_name(key: str, cursor: Cursor) -> bool:
    """Whether a key can name an environment variable; a problem is noted if not."""
    if _ENV_NAME.fullmatch(key):
        return True
    cursor.problem("an environment variable's name is made of letters, digits and _")
    return False


def env_value(cursor: Cursor) -> str | None:
    """Return an environment variable's value; it may be empty, `""`."""
    return "" if cursor.is_quoted_empty() else cursor.text()


def seed(cursor: Cursor) -> int | None:
    """Return a seed: a whole number from 0 to 2^63 - 1."""
    raw = cursor.text()
    if raw is None:
        return None
    if not _INTEGER.fullmatch(raw) or int(raw) > _MAX_SEED:
        cursor.problem(f"a seed is a whole number, 0 or more, not {shown(raw)}")
        return None
    return int(raw)


def count(cursor: Cursor) -> int | None:
    """Return a whole number of at least 1."""
    raw = cursor.text()
    if raw is None:
        return None
    if not _INTEGER.fullmatch(raw) or not 1 <= int(raw) <= _MAX_COUNT:
        cursor.problem(f"must be a whole number, 1 or more, not {shown(raw)}")
        return None
    return int(raw)


def non_negative(cursor: Cursor) -> float | None:
    """Return a number of at least 0 that can be computed with."""
    raw = decimal(cursor)
    if raw is None:
        return None
    number = float(raw)
    if not 0 <= number <= _MAX_AMOUNT:
        cursor.problem(f"must be 0 or more, not {shown(raw)}")
        return None
    return number


def duration(cursor: Cursor) -> float | None:
    """Return seconds, from `2h`, `1h30m`, `90s`, `2d` or a plain number of seconds."""
    raw = cursor.text()
    if raw is None:
        return None
    seconds = _seconds(raw.replace(" ", ""))
    if seconds is None:
        cursor.problem(f"must be a time such as 2h, 1h30m, 90s, or seconds, not {shown(raw)}")
        return None
    if not 0 < seconds <= _MAX_TIMEOUT_S:
        cursor.problem(f"must be more than 0 and at most 365d, not {shown(raw)}")
        return None
    return seconds


def _seconds(raw: str) -> float | None:
    if _SECONDS.fullmatch(raw):
        return float(raw)
    match = _DURATION.fullmatch(raw)
    if match is None or not raw:
        return None
    amounts = zip(match.groups(), _UNIT_SECONDS, strict=True)
    return sum(float(amount) * unit for amount, unit in amounts if amount)

"""Strict reading of plain JSON objects, with the path of what is wrong.

Owns: `ManifestError` and the checks of types and text. Does not own: what any object means.
Unknown keys are left alone, so that a manifest of a newer minor version can still be read.
"""

from __future__ import annotations

import math
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple

_REQUIRED: Any = object()


class ManifestError(ValueError):
    """A manifest or a record does not say what it must; `path` is where, `what` is the problem."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__("%s: %s" % (path, what) if path else what)
        self.path = path
        self.what = what


def checked_text(value: Any, path: str) -> str:
    """`value` if it is text that a process can be given (no NUL, no lone surrogates)."""
    if not isinstance(value, str):
        raise ManifestError(path, "expected text, found %s" % _kind(value))
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ManifestError(path, "is not valid Unicode text") from None
    if "\0" in value:
        raise ManifestError(path, "holds a NUL character")
    return value


class Fields:
    """One JSON object with the path that leads to it, e.g. `experiments[0].metrics[1]`."""

    def __init__(self, data: Any, path: str) -> None:
        if not isinstance(data, dict):
            raise ManifestError(path, "expected an object, found %s" % _kind(data))
        self._data: Dict[str, Any] = data
        self.path = path

    def at(self, key: str) -> str:
        """The path of `key`."""
        return "%s.%s" % (self.path, key) if self.path else key

    def get(self, key: str, default: Any = _REQUIRED) -> Any:
        """The raw value; null counts as absent. ManifestError if absent without a default."""
        value = self._data.get(key)
        if value is not None:
            return value
        if default is _REQUIRED:
            raise ManifestError(self.at(key), "is missing")
        return default

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """A string."""
        return checked_text(self.get(key, default), self.at(key))

    def choice(self, key: str, allowed: Sequence[str], default: Any = _REQUIRED) -> str:
        """One of the words of `allowed`."""
        value = self.text(key, default)
        if value not in allowed:
            words = ", ".join(allowed)
            raise ManifestError(self.at(key), "is %r; expected one of: %s" % (value, words))
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise ManifestError(self.at(key), "expected true or false, found %s" % _kind(value))
        return value

    def number(self, key: str, default: Any = _REQUIRED) -> Optional[float]:
        """A finite number as a float, or None where that is the default."""
        value = self.get(key, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ManifestError(self.at(key), "expected a number, found %s" % _kind(value))
        return self._finite(value, key)

    def _finite(self, value: float, key: str) -> float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ManifestError(self.at(key), "is not a finite number")
        return number

    def integer(self, key: str, default: Any = _REQUIRED) -> Optional[int]:
        """A whole number, or None where that is the default."""
        value = self.get(key, default)
        return None if value is None else whole(value, self.at(key))

    def items(self, key: str) -> List[Tuple[str, Any]]:
        """The elements of a list (absent: none), each with its path."""
        value = self.get(key, [])
        if not isinstance(value, (list, tuple)):
            raise ManifestError(self.at(key), "expected a list, found %s" % _kind(value))
        return [("%s[%d]" % (self.at(key), i), item) for i, item in enumerate(value)]

    def texts(self, key: str) -> Tuple[str, ...]:
        """A list of strings (absent: empty)."""
        return tuple(checked_text(item, path) for path, item in self.items(key))

    def pairs(self, key: str) -> Tuple[Tuple[str, str], ...]:
        """An object of strings (absent: empty) as pairs, sorted by name."""
        value = self.get(key, {})
        if not isinstance(value, dict):
            raise ManifestError(self.at(key), "expected an object, found %s" % _kind(value))
        found = []
        for name in sorted(value):
            path = "%s.%s" % (self.at(key), name)
            found.append((checked_text(name, path), checked_text(value[name], path)))
        return tuple(found)

    def variables(self, key: str) -> Tuple[Tuple[str, str], ...]:
        """As `pairs`, with names that an environment variable can have."""
        found = self.pairs(key)
        for name, _ in found:
            if not name or "=" in name:
                raise ManifestError(self.at(key), "%r cannot name a variable" % name)
        return found

    def pattern(self, key: str) -> str:
        """A regular expression."""
        text = self.text(key)
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            what = "%r is no regular expression: %s" % (text, error)
            raise ManifestError(self.at(key), what) from None
        return text


def whole(value: Any, path: str) -> int:
    """`value` if it is a whole number (a bool is none)."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ManifestError(path, "expected a whole number, found %s" % _kind(value))
    return value


def _kind(value: Any) -> str:
    names = {bool: "a truth value", int: "a number", float: "a number", str: "text"}
    names.update({list: "a list", tuple: "a list", dict: "an object", type(None): "nothing"})
    return names.get(type(value), type(value).__name__)

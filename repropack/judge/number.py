"""A number and its exact text, out of what stood in a file.

Owns: what passes for a number. Does not own: where it stood (`readers`), which one counts
(`series`).
"""

from __future__ import annotations

import math
import re
import struct
from typing import Any, Tuple

from repropack.judge import files
from repropack.judge.files import FileProblem

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,6})?")
_NOT_FINITE = re.compile(r"[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
_SINGLE = struct.Struct("<f")


class Single(float):
    """A number that was kept in 32 bits: its text has the digits that these can tell."""


def number(token: Any) -> Tuple[str, float]:
    """The exact text and the value of a finite number; FileProblem for anything else.

    Text such as "0.97" is accepted; true, false, "97%" and "1_000" are not.
    """
    if isinstance(token, float):
        return _of_binary(token)
    if not isinstance(token, str):
        raise FileProblem("holds %s where a number was expected" % shown(token))
    text = token.strip()
    if not _NUMBER.fullmatch(text):
        if _NOT_FINITE.fullmatch(text):
            raise FileProblem("holds %s, which is not a finite number" % text)
        raise FileProblem("holds %s where a number was expected" % shown(text))
    if len(text) > 400:
        raise FileProblem("holds a number of %d characters" % len(text))
    value = float(text)
    if not math.isfinite(value):
        raise FileProblem("holds a number that is too large: %s" % files.printable(text, 40))
    return text, value


def guess(token: Any) -> float:
    """The token's value, or NaN; quick, and less strict than `number`."""
    try:
        return float(token)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def same(value: Any, wanted: str) -> bool:
    """Equal as text, or as numbers: `3` is the same as 3.0. Truth values are `true` and `false`."""
    if isinstance(value, bool):
        return wanted.strip().lower() == str(value).lower()
    if not isinstance(value, str):
        return False
    return value.strip() == wanted.strip() or guess(value) == guess(wanted)


def _of_binary(token: float) -> Tuple[str, float]:
    if not math.isfinite(token):
        raise FileProblem("holds %s, which is not a finite number" % float(token))
    text = _shortest(token) if isinstance(token, Single) else float.__repr__(token)
    return text, float(text)


def _shortest(token: float) -> str:
    """The fewest digits that give the same 32 bits: 0.97, not 0.9700000286102295."""
    bits = _SINGLE.pack(token)
    for digits in range(1, 9):
        text = "%.*g" % (digits, token)
        try:
            if _SINGLE.pack(float(text)) == bits:
                return text
        except OverflowError:  # rounded up beyond the largest
            continue
    return "%.9g" % token


def shown(token: Any) -> str:
    """A token that is no number, as a message tells it."""
    if isinstance(token, str):
        return repr(files.printable(token, 40)) if token else "an empty text"
    if isinstance(token, (dict, list)):
        return "an object" if isinstance(token, dict) else "a list"
    if isinstance(token, bool) or token is None:
        return {True: "true", False: "false", None: "null"}[token]
    return "%s, and not the text of a number" % files.printable(repr(token), 40)

"""Which of several matches counts: `select`, and what the others were.

Owns: first, last, min, max, `mean of last K`; one pass, without keeping the matches.
Does not own: finding them (`readers`).
"""

from __future__ import annotations

import collections
import math
import re
from dataclasses import dataclass
from typing import Any, Deque, Dict, Iterable, List, Optional, Tuple, Union

from repropack.judge.files import FileProblem
from repropack.judge.history import At, History, Recorder
from repropack.judge.number import guess, number

SELECTS = ("first", "last", "min", "max", "mean of last K")
_MEAN = re.compile(r"mean of last ([1-9][0-9]{0,5})")

# A text, or a template and what to fill in (only one is shown); or that with its place on an axis.
Where = Union[str, Tuple[Any, ...], At]
Match = Tuple[Any, Where]
Among = Tuple[Tuple[str, Any], ...]  # pairs of a name and a text; `count` is a number


class NothingFound(FileProblem):
    """There is no match at all."""


@dataclass(frozen=True)
class Chosen:
    """The number that counts. `among` and `history` tell of its series, if there were several."""

    text: str
    value: float
    where: str
    among: Among
    history: Optional[History] = None


def is_select(text: str) -> bool:
    """Whether it is one of `SELECTS`, with a number for K."""
    return text in SELECTS[:-1] or _MEAN.fullmatch(text) is not None


def choose(matches: Iterable[Match], select: str) -> Chosen:
    """One of the matches, or the mean of the last ones; FileProblem if that is no number.

    `min`, `max` and `mean of last K` want all that they look at to be numbers.
    """
    mean = _MEAN.fullmatch(select)
    series = _Series(int(mean.group(1)) if mean else 0)
    if select in ("min", "max"):
        matches = _checked(matches)
    for token, where in matches:
        series.add(token, where)
    if series.count == 0:
        raise NothingFound("holds no number for this metric")
    if mean:
        text, value, where = series.mean()
    else:
        token, where = series.kept[select]
        text, value = number(token)
    return Chosen(text, value, _text(where), series.summary(), series.recorder.history())


def _checked(matches: Iterable[Match]) -> Iterable[Match]:
    for token, where in matches:
        number(token)
        yield token, where


class _Series:
    """The first, last, least and largest match; a match that is no number is neither of these."""

    def __init__(self, recent: int) -> None:
        self.count = 0
        self.recorder = Recorder()
        self.kept: Dict[str, Match] = {}
        self._recent: Deque[Match] = collections.deque(maxlen=recent)
        self._min = math.inf
        self._max = -math.inf

    def add(self, token: Any, where: Where) -> None:
        value = guess(token)
        match = (token, where)
        self.recorder.add(value, where)
        if value < self._min and value != -math.inf:
            self._min, self.kept["min"] = value, match
        if value > self._max and value != math.inf:
            self._max, self.kept["max"] = value, match
        if not self.count:
            self.kept["first"] = match
        self.kept["last"] = match
        self.count += 1
        self._recent.append(match)

    def mean(self) -> Tuple[str, float, Where]:
        """Of the last matches; FileProblem if there are not so many."""
        wanted = self._recent.maxlen or 0
        if len(self._recent) < wanted:
            raise FileProblem("holds %d numbers, not the %d to average" % (self.count, wanted))
        values = [number(token)[1] for token, _ in self._recent]
        mean = math.fsum(values) / wanted
        last = _text(self._recent[-1][1])
        return repr(mean), mean, "mean of last %d, up to %s" % (wanted, last)

    def summary(self) -> Among:
        """How many there were, and the texts of those that are numbers; empty for a single one."""
        if self.count < 2:
            return ()
        texts = {name: _number_text(self.kept.get(name)) for name in SELECTS[:-1]}
        return (("count", self.count), *((name, text) for name, text in texts.items() if text))


def _number_text(match: Optional[Match]) -> str:
    try:
        return number(match[0])[0] if match else ""
    except FileProblem:
        return ""


def _text(where: Where) -> str:
    if isinstance(where, At):
        return _text(where.where)
    return where if isinstance(where, str) else where[0] % tuple(where[1:])


def alternatives(among: Any) -> List[Tuple[str, str]]:
    """What `Chosen.among` says in a record that anyone may have written: (select, text)."""
    if not isinstance(among, dict):
        return []
    found = []
    for name in SELECTS[:-1]:
        try:
            found.append((name, number(among[name])[0]))
        except (KeyError, FileProblem):
            continue
    return found

"""What every tracker keeps: runs, each with numbers by key; and which of the runs is meant.

Owns: choosing among runs, and what to say if the choice is not clear.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from repropack.judge import files, series
from repropack.judge.files import FileProblem
from repropack.judge.naming import close_names
from repropack.judge.series import Chosen, Match, NothingFound

_MOST_NAMES = 500


class Tracked(NamedTuple):
    """One tracked run: its name, other names that it goes by, and the matches of the key.

    `start_ms` is when it began, where a file is shared with other runs (None elsewhere).
    """

    name: str
    aliases: Tuple[str, ...]
    matches: Iterator[Match]
    start_ms: Optional[int] = None


class Names:
    """Keys that were seen, for a hint when the wanted one was not."""

    def __init__(self) -> None:
        self._seen: Dict[str, None] = {}

    def add(self, name: str) -> None:
        """Remember a key; a few hundred are enough."""
        if len(self._seen) < _MOST_NAMES:
            self._seen[name] = None

    def near(self, name: str) -> str:
        """What to say of the keys that are like this one."""
        return close_names(name, list(self._seen))


Reader = Callable[[str, Sequence[str], str, Names], Iterator[Tracked]]


def choose(
    reader: Reader,
    root: str,
    paths: Sequence[str],
    key: str,
    run: str,
    select: str,
    since_ms: int = 0,
) -> Chosen:
    """The number of the only run that has the key, or of the run called `run`; else FileProblem.

    `root` is where the tracker's directory is, `paths` are the files of it that may be read. A run
    that is known to have begun before `since_ms` is passed over.
    """
    names = Names()
    seen: List[str] = []
    found: List[Tuple[str, Chosen]] = []
    for tracked in reader(root, paths, key, names):
        if tracked.start_ms is not None and tracked.start_ms < since_ms:
            continue
        seen.append(tracked.name)
        if run and run not in (tracked.name, *tracked.aliases):
            continue
        try:
            found.append((tracked.name, series.choose(tracked.matches, select)))
        except NothingFound:
            continue
    if len(found) == 1:
        return _placed(*found[0])
    raise FileProblem(_problem(found, seen, key, run, names))


def _placed(name: str, chosen: Chosen) -> Chosen:
    return replace(chosen, where="%s of run %s" % (chosen.where, name))


def _problem(
    found: Sequence[Tuple[str, Chosen]], seen: Sequence[str], key: str, run: str, names: Names
) -> str:
    shown = files.printable(key)
    if found:
        several = _listed([name for name, _ in found])
        return "has %s in several runs (%s): say which with `run:`" % (shown, several)
    if not seen:
        return "holds no run that this one wrote"
    if run and not any(name == run for name in seen):
        return "has no run %s with %s (it has %s)" % (files.printable(run), shown, _listed(seen))
    return "has no %s%s" % (shown, names.near(key))


def _listed(names: Sequence[str]) -> str:
    more = ", … %d more" % (len(names) - 8) if len(names) > 8 else ""
    return ", ".join(files.printable(name, 80) for name in names[:8]) + more

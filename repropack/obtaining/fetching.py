"""Several datasets, one after the other, and one error for all that could not be had."""

from __future__ import annotations

from repropack.errors import IntegrityError, RepropackError, TemporaryError
from repropack.obtaining.model import Ask, Fetched, Means, Unobtained
from repropack.obtaining.one import One
from repropack.retrieval.store import Store
from repropack.retrieval.web import Web


def fetch(asks: tuple[Ask, ...], means: Means) -> tuple[Fetched, ...]:
    """Every dataset in its place.

    Raises `IntegrityError` where one is other data, else `TemporaryError` where one could not be
    had. Either tells of all of them, and what to do by hand; the others are in their places then.
    """
    web = Web(hugging_face=means.hosts.hugging_face, pause_s=means.pause_s)
    store = Store(means.cache)
    done: list[Fetched] = []
    problems: list[Unobtained | IntegrityError] = []
    try:
        for ask in asks:
            try:
                done.append(One(ask, means, store, web).fetched())
            except (Unobtained, IntegrityError) as error:
                problems.append(error)
    finally:
        web.close()
        store.clean(means.reporter)
    if problems:
        raise _told(problems, len(asks), store)
    return tuple(done)


def _told(problems: list[Unobtained | IntegrityError], n_asks: int, store: Store) -> RepropackError:
    """One error for all of them: a difference comes before what may work later."""
    if len(problems) == 1 and isinstance(problems[0], IntegrityError):
        return problems[0]
    lines: list[str] = []
    hints: list[str] = []
    for problem in problems:
        if isinstance(problem, IntegrityError):
            lines += problem.what.splitlines()
            hints += [problem.hint] if problem.hint else []
        else:
            lines += _lines(problem)
            hints.append(_by_hand(problem, store))
    count = "a dataset" if n_asks == 1 else f"{len(problems)} of {n_asks} datasets"
    text = f"{count} could not be fetched:\n" + "\n".join(f"  {line}" for line in lines)
    hint = "; ".join(dict.fromkeys(hints))
    if any(isinstance(problem, IntegrityError) for problem in problems):
        return IntegrityError(text, hint=hint)
    return TemporaryError(text, hint=hint)


def _lines(problem: Unobtained) -> list[str]:
    lines = [f"{problem.ask.name}: {reason}" for reason in problem.reasons]
    if problem.wanted is not None:
        lines.append(f"{problem.ask.name}: needed is {problem.wanted.described()}")
    return lines


def _by_hand(problem: Unobtained, store: Store) -> str:
    """Where to put what could not be had, so that the same command takes it from there."""
    if problem.wanted is None:
        return f"put the data of {problem.ask.name} at {problem.ask.place}"
    return f"put {problem.wanted.file_name} into {store.by_hand} and type the command again"

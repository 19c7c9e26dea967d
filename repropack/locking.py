"""From the manifest that inspection chose to a lock: read if it is one, else resolved.

Does not own: which manifest counts (`inspection`), reading (`environment.reading`), resolving
(`environment.resolving`).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from repropack.environment import (
    EMPTY_LOCK,
    AsOf,
    Kind,
    Lock,
    Target,
    format_of,
    normalise,
    read_lock,
)
from repropack.environment.groups import refuse_selection
from repropack.environment.parts import UNASKED, Selection
from repropack.environment.requirements import Line
from repropack.errors import PlanError, UnknownNameError
from repropack.findings import Choice, Finding, Severity, Where
from repropack.formats import Format
from repropack.inspection import EnvironmentFile
from repropack.rooting import with_root
from repropack.source import Source

if TYPE_CHECKING:
    from repropack.environment.learned import Learned

BUILT = "environment.built"
NO_WHEEL = "no index has a wheel of it"
NOT_INFERRED = "environment.not-inferred"
PLACE = re.compile(r" in (\S.*?)(?::([0-9]+))?$")


def provide_lock(
    source: Source,
    file: EnvironmentFile,
    target: Target,
    cache: Path,
    *,
    infer: tuple[Choice, ...] = (),
    undeclared: bool = False,
    as_of: AsOf | None = None,
    selection: Selection = UNASKED,
    learned: Learned | None = None,
    check_hashes: bool = False,
) -> Lock:
    """The lock of a project for a target.

    An unpinned manifest is resolved as of `as_of`, else as of the commit's date; a snapshot has
    none, so it is resolved as of now. `infer` are distributions that the code imports and no
    manifest names (`Inspection.undeclared`): they are resolved too, but never added to a lock, and
    left out with a finding where no index has the name: it was a guess. `undeclared` says that
    there are some.
    `selection` are the groups and extras that the config asks for; `learned` is what a build of the
    project said that it needs, where its files compute that. Raises `ComputedError` without it.
    `check_hashes` asks the index whether hashes alone are of files for the target.
    Raises `InvalidError` (exit code 3) or `TemporaryError` (75).
    """
    if file.path is None:
        refuse_selection("the repository", selection)
    if file.path is None and not infer:
        lock = EMPTY_LOCK if not undeclared else replace(EMPTY_LOCK, because=file.because)
        lock = with_root(lock, source, file, target)
        return replace(lock, findings=(*lock.findings, *built(lock)))
    if file.path is not None and file.format.is_conda:
        return provide_conda(
            source, file, target, cache, infer=infer, as_of=as_of, selection=selection
        )
    moment = as_of or as_of_commit(source)
    if file.path is not None:
        text = source.read_text(file.path)
        format = format_of(file.path, text)
        if format is not None and format.is_lock:
            lock = read_lock(
                *(text, file.path, format),
                target=target,
                read=source.read_text,
                selection=selection,
            )
            lock = complete(lock, source, file, target, cache, moment, check_hashes=check_hashes)
            left_out = (*not_added(infer, file.path), *not_resolved(as_of, file.path))
            return replace(lock, findings=(*lock.findings, *left_out, *built(lock)))
    from repropack.environment.resolving import resolve

    ask = partial(resolve, source, file.path, target=target, as_of=moment, cache=cache)
    ask = partial(ask, selection=selection, learned=learned)
    lock, said = with_known(infer, lambda known: ask(inferred=tuple(map(line_of, known))))
    lock = with_root(lock, source, file, target)
    return replace(lock, findings=(*lock.findings, *said, *built(lock)))


def with_known(
    infer: tuple[Choice, ...], resolved: Callable[[tuple[Choice, ...]], Lock]
) -> tuple[Lock, tuple[Finding, ...]]:
    """The lock with those of the inferred distributions that an index has, and what is to be said.

    Raises `UnknownNameError` for a name that a manifest has.
    """
    known, unknown = infer, list[Finding]()
    while True:
        try:
            return resolved(known), (*map(inferred, known), *unknown)
        except UnknownNameError as error:
            guesses = [c for c in known if normalise(named(c)) == normalise(error.name)]
            if not guesses:
                raise
            known = tuple(choice for choice in known if choice not in guesses)
            unknown += map(unknown_guess, guesses)


def complete(
    lock: Lock,
    source: Source,
    file: EnvironmentFile,
    target: Target,
    cache: Path,
    moment: AsOf,
    *,
    check_hashes: bool,
) -> Lock:
    """A lock as it was read, with commits for branches and with the project itself.

    Raises `OtherPythonError` for hashes that are of no file for the target.
    """
    if check_hashes and file.format in (Format.HASHED, Format.PIPFILE_LOCK):
        from repropack.environment.admitting import refuse_unadmitted

        refuse_unadmitted(lock, target, cache)
    if lock.unbuilt:
        from repropack.environment.gitcommits import settle

        lock = settle(lock, moment.time, cache, lambda line: None)
    return with_root(lock, source, file, target)


def built(lock: Lock) -> Iterator[Finding]:
    """The packages that no index has as a wheel: what is done instead."""
    for item in lock.unbuilt:
        local = item.origin is not None and item.origin.kind is Kind.DIRECTORY
        where = "in the root" if str(item.origin) == "." else f"in {item.origin}"
        how = f"is installed where it stands, {where}" if local else f"is built from {item.origin}"
        yield Finding(
            kind=BUILT,
            value=str(item),
            because=f"{item} {how}: " + ("it is the source's own" if local else NO_WHEEL),
            where=item.where,
        )


def provide_conda(
    source: Source,
    file: EnvironmentFile,
    target: Target,
    cache: Path,
    *,
    infer: tuple[Choice, ...],
    as_of: AsOf | None,
    selection: Selection,
) -> Lock:
    """The lock of one of conda's files, with pip's part on top. Raises as `provide_lock`."""
    path, is_lock = file.path or "", file.format.is_lock
    from repropack.conda import provide

    lock = provide(
        *(source, path, target),
        as_of=as_of or as_of_commit(source),
        cache=cache,
        inferred=() if is_lock else tuple(map(line_of, infer)),
        selection=selection,
    )
    said: tuple[Finding, ...] = tuple(map(inferred, infer))
    if is_lock:
        said = (*not_added(infer, path), *not_resolved(as_of, path))
    return replace(lock, findings=(*accepted(lock.findings, file), *said))


def accepted(findings: tuple[Finding, ...], file: EnvironmentFile) -> Iterator[Finding]:
    """The findings, where none stands in the way: a stale lock does, unless it was named.

    Raises `PlanError`.
    """
    for finding in findings:
        if finding.severity is Severity.PROBLEM and not file.declared:
            raise PlanError(
                f"{finding.value} cannot be built from: {finding.because}",
                hint="`conda-lock` makes it anew",
            )
        problem = finding.severity is Severity.PROBLEM
        yield replace(finding, severity=Severity.WARNING) if problem else finding


def as_of_commit(source: Source) -> AsOf:
    """The commit's date: what its author could have installed."""
    if source.commit_time_s is None:
        because = "as there is no commit whose date could count; --as-of DATE names one"
        return AsOf(time=None, because=because)
    time = datetime.datetime.fromtimestamp(source.commit_time_s, datetime.UTC)
    return AsOf(time=time, because="the commit's date")


def named(choice: Choice) -> str:
    """The name of an inferred distribution, without its version."""
    return re.split(r"[\[=~!<>]", choice.value)[0]


def unknown_guess(choice: Choice) -> Finding:
    """An import whose distribution is not known."""
    return Finding(
        kind=NOT_INFERRED,
        value=named(choice),
        because=f"{choice.because} needs it, and no index has a package of this name: add the file "
        f"that it is, or its address to the requirements, {named(choice)} @ git+https://…",
        where=line_of(choice).where,
        severity=Severity.WARNING,
    )


def line_of(choice: Choice) -> Line:
    """An inferred distribution as a requirement, with the import that needs it."""
    match = PLACE.search(choice.because)
    if match is None:
        return Line(text=choice.value, hashes=(), where=Where(path=choice.because))
    where = Where(path=match[1], line=int(match[2]) if match[2] else None)
    return Line(text=choice.value, hashes=(), where=where)


def inferred(choice: Choice) -> Finding:
    """A dependency that no file of the project names."""
    return Finding(
        kind="environment.inferred",
        value=choice.value,
        because=f"{choice.because} needs it, and no manifest names it",
        where=line_of(choice).where,
        severity=Severity.WARNING,
    )


def not_resolved(as_of: AsOf | None, path: str) -> tuple[Finding, ...]:
    """A lock has no use for a date."""
    if as_of is None:
        return ()
    because = f"{path} is a lock: nothing is resolved, and --as-of {as_of.date} has no effect"
    kind, where = "environment.as-of-ignored", Where(path=path)
    return (
        Finding(
            kind=kind, value=as_of.date, because=because, where=where, severity=Severity.WARNING
        ),
    )


def not_added(infer: tuple[Choice, ...], path: str) -> tuple[Finding, ...]:
    """A lock is whole by its author's word: nothing is added to it."""
    if not infer:
        return ()
    names = ", ".join(choice.value for choice in infer)
    added = "is not added: lock again with it"
    added = added if len(infer) == 1 else "are not added: lock again with them"
    return (
        Finding(
            kind=NOT_INFERRED,
            value=names,
            because=f"{path} is a lock, so {names} {added}",
            where=Where(path=path),
            severity=Severity.WARNING,
        ),
    )

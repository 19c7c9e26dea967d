"""The Python that the packages fit: of those that the project leaves, the best with every wheel.

Does not own: which Pythons come into question (`pythons`), the lock of one of them (`locking`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from repropack.environment import AsOf, Lock
from repropack.environment.parts import Selection
from repropack.errors import ComputedError, InvalidError, OtherPythonError, RepropackError
from repropack.findings import Choice
from repropack.locking import provide_lock
from repropack.plan import Base, base_of, choose_bases
from repropack.project import Looked
from repropack.tables import python_releases

if TYPE_CHECKING:
    from repropack.environment.learned import Learned

HERE = "this machine has it, and no container is asked for"
#: Builds a project to learn what it needs; refuses where that cannot be done.
Learn = Callable[[Looked, Base, ComputedError], "Learned"]


def environment_of(
    looked: Looked,
    learn: Learn,
    *,
    infer: bool,
    as_of: AsOf | None,
    cache: Path,
    engine: str | None,
) -> tuple[Base, Lock]:
    """The Python, its base and the lock: resolved if the project has none.

    Of several Pythons that the project leaves, the best for which every package has a wheel.
    `infer` adds what the code imports and no manifest declares; `as_of` overrides the commit's
    date; `learn` is asked what the project needs where its files compute that. With the venv
    `engine` the Pythons of this machine come first. Raises `PlanError`, and as `provide_lock`.
    """
    found = looked.inspection
    inferred = found.undeclared if infer else ()
    said = looked.config.environment
    selection = Selection(groups=said.groups, extras=said.extras, without=said.groups_exclude)

    def lock_for(base: Base, *, from_sources: bool = False) -> Lock:
        target = replace(base.need.target, from_sources=from_sources)

        def lock(learned: Learned | None = None) -> Lock:
            return provide_lock(
                *(looked.source, found.environment, target, cache),
                infer=inferred,
                undeclared=bool(found.undeclared),
                as_of=as_of,
                selection=selection,
                learned=learned,
                check_hashes=len(bases) > 1 and not from_sources,
            )

        try:
            return lock()
        except ComputedError as computed:
            return lock(learn(looked, base, computed))

    bases = choose_bases(found, looked.config)
    if engine == "venv" and len(bases) > 1:
        from repropack.engines.venv_pythons import pythons_here

        bases = preferred(bases, pythons_here())
    try:
        return first_that_fits(bases, lock_for)
    except OtherPythonError as error:
        return first_from_sources(bases, partial(lock_for, from_sources=True), error)


def preferred(bases: tuple[Base, ...], here: tuple[str, ...]) -> tuple[Base, ...]:
    """Those whose Python this machine has, first: the venv engine makes no other."""
    first = tuple(
        replace(base, python=replace(base.python, because=f"{base.python.because}; {HERE}"))
        for base in bases
        if base.python.value in here
    )
    return (*first, *(base for base in bases if base.python.value not in here))


def first_that_fits(bases: tuple[Base, ...], lock_for: Callable[[Base], Lock]) -> tuple[Base, Lock]:
    """The best base that the packages fit. Raises `OtherPythonError`, with those that would fit."""
    refused: list[OtherPythonError] = []
    for base in bases:
        try:
            lock = lock_for(base)
        except OtherPythonError as error:
            refused.append(error)
        else:
            return (passed_over(base, bases[0], refused[0]) if refused else base), lock
    others = others_that_fit(bases, lock_for)
    if others:
        hint = f"Python {' or '.join(others)} would do: set environment.python in repropack.yaml"
        why = f" ({bases[0].python.because})" if len(bases) == 1 else ""
        raise OtherPythonError(refused[0].what + why, hint=hint) from refused[0]
    raise refused[0]


def first_from_sources(
    bases: tuple[Base, ...], lock_for: Callable[[Base], Lock], refused: OtherPythonError
) -> tuple[Base, Lock]:
    """The best base where packages may be built that have wheels for other Pythons alone.

    Raises what requirements say against each other as soon as it is met, and not what has no
    wheel: no other Python helps against that.
    """
    for base in bases:
        try:
            return base, lock_for(base)
        except (OtherPythonError, ComputedError):
            continue
        except InvalidError:
            raise
        except RepropackError:
            break
    raise refused


def passed_over(base: Base, first: Base, error: OtherPythonError) -> Base:
    """A base with the reason for not taking the first one."""
    because = f"{base.python.because}; not {first.python.value}: {error.what}"
    return replace(base, python=replace(base.python, because=because))


def others_that_fit(bases: tuple[Base, ...], lock_for: Callable[[Base], Lock]) -> list[str]:
    """The Pythons that nobody asked for and that the packages fit."""
    tried = {base.python.value for base in bases}
    found = []
    for minor in (minor for minor in python_releases() if minor not in tried):
        with suppress(RepropackError):
            lock_for(base_of(Choice(value=minor, because="it is tried"), bases[0].apt))
            found.append(minor)
    return found

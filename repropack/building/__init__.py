"""Building: what no index has as a wheel becomes one, in a container without a network.

Owns: getting the sources and the requirements of a build, building, and the cache of what was
built. Does not own: which package comes from where (`environment`), containers (`engines`), where
the results go (`bundle`).

    made, placed = make_wheels(lock, plan=…, source=…, workshop=…)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from repropack.environment.made import NOTHING_MADE, Made

if TYPE_CHECKING:
    from repropack.bundle import Placed
    from repropack.environment import Lock
    from repropack.environment.learned import Learned
    from repropack.errors import ComputedError
    from repropack.plan import Base, Plan
    from repropack.progress import Reporter
    from repropack.project import Looked
    from repropack.settings import Settings
    from repropack.source import Source
    from repropack.workshop import Workshop

__all__ = ["learner", "make_wheels"]


def make_wheels(
    lock: Lock, *, plan: Plan, source: Source, workshop: Workshop
) -> tuple[Made, tuple[Placed, ...]]:
    """A wheel of every package that no index has as one; from the cache where it was built before.

    With the files of editable installs. What has CUDA code is compiled with what the plan has for
    it. Raises `PlanError` before anything is built, `BuildError` with what to do, and what fetching
    raises. Most locks have wheels alone: they do not wait for any of this.
    """
    if not lock.unbuilt:
        return NOTHING_MADE, ()
    from repropack.building.making import make_all

    return make_all(lock, plan=plan, source=source, workshop=workshop, target=plan.target)


def learner(
    settings: Settings, reporter: Reporter
) -> Callable[[Looked, Base, ComputedError], Learned]:
    """A function that builds a project to learn what it needs, where its files compute that.

    It raises `ComputedError` where no engine has a container for it. Few projects need it.
    """

    def learn(looked: Looked, base: Base, computed: ComputedError) -> Learned:
        from repropack.building.learning import learned, open_for

        return learned(looked, open_for(computed, base, settings, reporter), computed)

    return learn

"""Everything that an image is made of, fetched: packages, and the tools that install them.

Owns: which Python each is for. Does not own: one kind of package (`environment`, `conda`), where
they go (`bundle`, `images`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from repropack.bundle import BaseRecord, Bundle, Ingredients, Placed
from repropack.detectors.imports import MISSING
from repropack.environment import (
    Lock,
    Made,
    Requirement,
    Target,
    Wheel,
    adopt,
    fetch,
    fetch_lock,
    tools,
)
from repropack.environment.condamodel import CondaFile, CondaPackage
from repropack.environment.model import normalise
from repropack.environment.tools import PIP_ONLY, WITH_CONDA
from repropack.findings import Where
from repropack.plan import Plan
from repropack.progress import Reporter
from repropack.tables import distribution_of

#: Builds what no index has as a wheel, and gives the files of editable installs.
Make = Callable[[Lock], tuple[Made, tuple[Placed, ...]]]


_NOTEBOOK = "jupyter nbconvert"
#: How many packages that nothing installs are named.
SHOWN = 5


def tell_absent(plan: Plan, reporter: Reporter) -> None:
    """Say what the code needs and nothing brings, while a build has not cost anything yet."""
    conda = plan.lock.conda.packages if plan.lock.conda else ()
    names = (*(each.name for each in plan.lock.requirements), *(each.name for each in conda))
    there = {normalise(name) for name in names}
    imported = [found.value for found in plan.findings if found.kind == MISSING]
    absent = [name for name in imported if normalise(distribution_of(name)) not in there]
    if any(_NOTEBOOK in each.run for each in plan.experiments):
        absent += [name for name in ("nbconvert", "ipykernel") if name not in there]
    if absent:
        more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
        reporter.note(
            f"note: nothing installs {', '.join(absent[:SHOWN])}{more}, which the code needs: a "
            "run that needs them will fail (list them where your packages are listed, or add "
            "--infer; `repropack inspect` names the places)"
        )


def gather(
    plan: Plan, base: BaseRecord, make: Make, *, cache: Path, reporter: Reporter
) -> Ingredients:
    """The packages of a plan and what installs them. Raises what fetching and building raise."""
    tell_absent(plan, reporter)
    wanted = plan.lock.conda.packages if plan.lock.conda else ()
    reporter.step(f"fetching {len(plan.lock.requirements) + len(wanted)} packages")
    conda = fetched(wanted, cache=cache, reporter=reporter)
    lock, wheels = fetch_lock(plan.lock, plan.target, cache=cache, progress=reporter.detail)
    made, placed = make(lock)
    wheels = (*wheels, *(item.wheel for item in made.wheels))
    own: tuple[Wheel, ...] = ()
    if wheels or conda:
        names = WITH_CONDA if conda else PIP_ONLY
        own = tools(cache, plan.base.need.target, reporter.detail, names=names)
    return Ingredients(
        target=plan.target,
        wheels=wheels,
        conda=conda,
        tools=own,
        base=base,
        made=made,
        placed=placed,
    )


def wheels_of(
    bundle: Bundle, base: Target, *, cache: Path, reporter: Reporter
) -> tuple[Wheel, ...]:
    """The wheels that a bundle's image is made of, fetched by hash if the cache lacks them."""
    own = tuple(tool for tool in bundle.tools if tool.name != "pip")
    if not bundle.wheels and not own:
        return ()
    reporter.step(f"fetching {len(bundle.wheels) + len(own)} packages")
    for wheel in (*bundle.wheels, *own):
        inside = bundle.directory / "wheels" / wheel.filename
        if wheel.filename in bundle.built or inside.is_file():
            adopt(inside, wheel, cache)
    return tuple(
        wheel
        for wheels, target in ((bundle.wheels, bundle.target), (own, base))
        for wheel in fetch(lock_for(wheels), target, cache=cache, progress=reporter.detail)
    )


def lock_for(wheels: tuple[Wheel, ...]) -> Lock:
    """Exactly these wheels."""
    return Lock(
        requirements=tuple(requirement_for(wheel) for wheel in wheels),
        origin="repropack.json",
        because="the bundle names every wheel by its hash",
    )


def requirement_for(wheel: Wheel) -> Requirement:
    """Exactly this wheel."""
    return Requirement(
        name=wheel.name,
        version=wheel.version,
        hashes=(f"sha256:{wheel.sha256}",),
        where=Where(path="repropack.json"),
    )


def conda_of(bundle: Bundle, *, cache: Path, reporter: Reporter) -> tuple[CondaFile, ...]:
    """The conda packages of a bundle; those that travel in it are taken from there."""
    packages = tuple(package_for(bundle, file) for file in bundle.conda)
    return fetched(packages, cache=cache, reporter=reporter)


def fetched(
    packages: tuple[CondaPackage, ...], *, cache: Path, reporter: Reporter
) -> tuple[CondaFile, ...]:
    """Conda packages in the cache; where there are none, nothing of conda is imported."""
    if not packages:
        return ()
    from repropack.conda import fetch_conda

    return fetch_conda(packages, cache=cache, progress=reporter.detail)


def package_for(bundle: Bundle, file: CondaFile) -> CondaPackage:
    """Exactly this file, wherever it is."""
    inside = bundle.directory.absolute() / "conda" / file.filename
    return CondaPackage(
        name=file.name,
        version=file.version,
        build=file.build,
        url=inside.as_uri() if file.carried or inside.is_file() else file.url,
        hashes=(f"sha256:{file.sha256}",),
        where=Where(path="repropack.json"),
    )

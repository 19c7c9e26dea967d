"""The datasets of a project: their footprints for the bundle, and what is there held against them.

Data is never copied unless `include: true` says so. It is mounted read-only at its path in the
source when experiments run, after it was found to be the author's. The footprints in a bundle are
of SHA-256, which the reviewer's `reproduce.sh` can check with what every system has, and hold no
times, so that two builds give the same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from repropack.bundle import FOOTPRINTS, INCLUDED, Bundle, Data, Ingredients
from repropack.bundle.data import LONGEST_LINE, MOST_LINES
from repropack.config import Dataset
from repropack.engines import Mount
from repropack.errors import DataError, IntegrityError, UsageError
from repropack.obtaining import Means, declared, fetch, too_large
from repropack.progress import Reporter
from repropack.project import Looked
from repropack.settings import Question, Settings
from repropack.workspace import write_atomically

if TYPE_CHECKING:
    from repropack.footprint import Made

WORK = "/work"


def record(
    looked: Looked, ingredients: Ingredients, settings: Settings, reporter: Reporter
) -> Ingredients:
    """The ingredients with the footprint of each declared dataset, which is fetched if asked for.

    Raises `DataError` for data that is not there or cannot be read, and `IntegrityError` where it
    is not what the project itself says it is.
    """
    found: list[Data] = []
    for dataset in looked.config.datasets:
        if is_committed(looked, dataset):
            reporter.note(f"{dataset.name} is part of the source, and needs no footprint")
        else:
            found.append(_recorded(dataset, looked.directory, settings, reporter))
    return dataclasses.replace(ingredients, data=tuple(found))


def is_committed(looked: Looked, dataset: Dataset) -> bool:
    """Whether each file of a dataset is one of the source, which the bundle holds already."""
    prefix = dataset.path + "/"
    committed = {
        os.fsencode(entry.path.removeprefix(prefix))
        for entry in looked.source.files()
        if entry.path.startswith(prefix) or entry.path == dataset.path
    }
    if not committed:
        return False
    place = looked.directory / dataset.path
    if not place.is_dir():
        return True
    from repropack.footprint.walk import Tree

    return all(found.path in committed for found in Tree(place).walk())


def _recorded(dataset: Dataset, directory: Path, settings: Settings, reporter: Reporter) -> Data:
    place = directory / dataset.path
    cache = settings.cache
    ask = declared.of_dataset(directory, dataset)
    if ask.footprint if place.exists() else settings.fetch:
        if dataset.include:
            ask = dataclasses.replace(ask, include_bytes=dataset.include_bytes)
        fetch((ask,), Means(cache=cache, reporter=reporter))
    if not place.exists():
        command = f"`repropack data fetch {directory} {dataset.name}` or --fetch gets it"
        raise DataError(
            f"the dataset {dataset.name} is not at {place}",
            hint=command if dataset.urls else "put it there, or link to it",
        )
    from repropack.footprint import Algorithm, footprint

    if dataset.include:
        announce(dataset, place, reporter)
    reporter.step(f"footprint of {dataset.name}")
    key = hashlib.sha256(os.fsencode(place.resolve())).hexdigest()[:32]
    kept = cache / "footprints"
    kept.mkdir(parents=True, exist_ok=True)
    made = footprint(
        place,
        kept / f"{key}.json",
        algorithm=Algorithm.SHA256,
        cache=cache,
        times=False,
        named=Path(dataset.path).name,
        reporter=reporter,
    )
    for note in made.notes:
        reporter.note(f"{dataset.name}: {note}")
    refuse_pointers(dataset, place, made.path)
    return Data(
        name=dataset.name,
        path=dataset.path,
        urls=dataset.urls,
        sha256=dataset.sha256,
        root_hash=f"{made.summary.algorithm.value}:{made.summary.root_hash}",
        n_files=made.summary.n_files,
        n_bytes=made.summary.n_bytes,
        include=dataset.include,
        footprint=made.path,
        place=place,
        described=described(place, made, reporter) if dataset.describe else (),
    )


def described(place: Path, made: Made, reporter: Reporter) -> tuple[str, ...]:
    """What a paper's data section says of it, a fact a line; what was told once is kept.

    It is of the footprint and of what there is to look with (Pillow, h5py).
    """
    from repropack.describing.describe import describe
    from repropack.describing.telling import lines
    from repropack.footprint.pool import cores

    looking = "".join(str(int(find_spec(name) is not None)) for name in ("PIL", "h5py"))
    kept = made.path.with_suffix(f".{made.summary.root_hash[:32]}.{looking}.txt")
    try:
        return tuple(kept.read_text("utf-8").splitlines())
    except (OSError, ValueError):
        found = describe(place, made.path, jobs=cores(), reporter=reporter)
    told = tuple(line[:LONGEST_LINE] for line in islice(lines(found), MOST_LINES))
    write_atomically(kept, "".join(f"{line}\n" for line in told))
    return told


def announce(dataset: Dataset, place: Path, reporter: Reporter) -> None:
    """Say how large the bundle gets by it, before anything is read. Raises `DataError`."""
    from repropack.footprint.following import size
    from repropack.footprint.walk import Tree

    files = [each.size_bytes for each in Tree(place).walk() if not each.path.endswith(b"/")]
    n_bytes = sum(files)
    if n_bytes > dataset.include_bytes:
        raise too_large(dataset.name, n_bytes, dataset.include_bytes)
    reporter.note(
        f"{dataset.name}: {size(n_bytes)} in {len(files)} files go into the bundle (include: true)"
    )


def refuse_pointers(dataset: Dataset, place: Path, footprint: Path) -> None:
    """Raises `DataError` where Git LFS has put pointers, and not the data."""
    from repropack.footprint.ours import Reader
    from repropack.footprint.walk import Tree
    from repropack.source.lfs import pointers_among

    found = pointers_among(Tree(place), Reader(footprint).entries())
    if found:
        raise DataError(
            f"the dataset {dataset.name} holds pointers of Git LFS where data should be",
            problems=found[:20],
            hint="`git lfs pull` where it was cloned from brings the data",
        )


def given_places(words: tuple[str, ...]) -> dict[str, Path]:
    """`NAME=PATH`, from the command line, by name. Raises `UsageError`."""
    found: dict[str, Path] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not (name and equals and path):
            raise UsageError(f"not a dataset's name and path: {word}", hint="--data NAME=PATH")
        if name in found:
            raise UsageError(f"two places for the dataset {name}: {found[name]} and {path}")
        found[name] = Path(path)
    return found


def provide(
    bundle: Bundle, question: Question, *, cache: Path, reporter: Reporter
) -> tuple[Mount, ...]:
    """Where runs see the data, each dataset checked, and fetched before if it is to be.

    Raises `UsageError` where data is missing and `IntegrityError` where it is other data.
    """
    places = given_places(question.data)
    unknown = places.keys() - {data.name for data in bundle.datasets}
    if unknown:
        known = ", ".join(data.name for data in bundle.datasets) or "none"
        raise UsageError(f"there is no dataset {min(unknown)}", hint=f"the datasets are: {known}")
    mounts = []
    for data in bundle.datasets:
        place = places.get(data.name) or default_place(bundle, data, question.home)
        if place is None and question.fetch and data.urls:
            ask = declared.of_bundle(bundle, data)
            fetch((ask,), Means(cache=cache, reporter=reporter))
            place = ask.place
        if place is None:
            raise missing(bundle, data)
        hold(bundle, data, place, cache=cache, reporter=reporter)
        mounts.append(Mount(source=place, target=f"{WORK}/{data.path}"))
    return tuple(mounts)


def default_place(bundle: Bundle, data: Data, home: Path | None) -> Path | None:
    """Where a dataset is if nobody says: in the bundle, else in the project."""
    inside = bundle.directory / INCLUDED / data.name / data.file_name
    candidates = (inside, home / data.path) if home else (inside,)
    return next((each for each in candidates if each.exists()), None)


def missing(bundle: Bundle, data: Data) -> UsageError:
    """A dataset is nowhere: how large it is, and how it can be had."""
    from repropack.footprint.following import size

    where = f" (the authors got it from {' or '.join(data.urls)})" if data.urls else ""
    gets = f"`repropack data fetch {bundle.directory} {data.name}` or --fetch gets it; "
    return UsageError(
        f"the dataset {data.name} is needed, {size(data.n_bytes)} in {data.n_files} files{where}",
        hint=(gets if data.urls else "") + f"--data {data.name}=PATH says where it is",
    )


def hold(bundle: Bundle, data: Data, place: Path, *, cache: Path, reporter: Reporter) -> None:
    """Raises `IntegrityError` with what was added, removed and changed, if anything was."""
    from repropack.footprint import How, check, read

    reporter.step(f"checking {data.name} at {place}")
    recorded = bundle.directory / FOOTPRINTS / f"{data.name}.json"
    checked = check(
        place,
        read(recorded, dataset=place),
        how=How.DEEP,
        cache=cache,
        named=data.file_name,
        reporter=reporter,
    )
    if not checked.same:
        raise IntegrityError(
            f"{place} is not the dataset {data.name} that was recorded:\n"
            + "\n".join(f"  {line}" for line in checked.told()),
            hint=f"get it as the authors had it, or name it with --data {data.name}=PATH",
        )

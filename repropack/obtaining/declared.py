"""What a project or a bundle declares, as what is to be fetched, and to where."""

from __future__ import annotations

import difflib
from pathlib import Path

from repropack.bundle import FOOTPRINTS, INCLUDED, Bundle, Data, is_bundle, read_bundle
from repropack.config import CONFIG_NAME, Dataset, parse_config
from repropack.errors import ConfigError, UsageError
from repropack.obtaining.model import Ask
from repropack.retrieval.addresses import file_name


def of_directory(directory: Path, names: tuple[str, ...]) -> tuple[Ask, ...]:
    """The datasets of a project or a bundle; with `names`, these. Raises `UsageError`."""
    if is_bundle(directory):
        bundle = read_bundle(directory)
        asks = tuple(of_bundle(bundle, data) for data in bundle.datasets)
    else:
        asks = of_project(directory)
    known = [ask.name for ask in asks]
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            there = ", ".join(known) or "none"
            hint = f"did you mean {close[0]}?" if close else f"the datasets are: {there}"
            raise UsageError(f"there is no dataset {name}", hint=hint)
    return tuple(ask for ask in asks if not names or ask.name in names)


def of_project(directory: Path) -> tuple[Ask, ...]:
    """The datasets of a repository, at the paths where its experiments read them."""
    path = directory / CONFIG_NAME
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{directory} has no {CONFIG_NAME} that can be read",
            hint="name a project, a bundle, or addresses: repropack data fetch --help",
        ) from error
    return tuple(of_dataset(directory, each) for each in parse_config(text).datasets)


def of_dataset(directory: Path, dataset: Dataset) -> Ask:
    """A dataset of a project; its footprint is the one it names, or DVC's beside its path."""
    place = directory / dataset.path
    dvc = directory / f"{dataset.path}.dvc"
    footprint = directory / dataset.footprint if dataset.footprint else None
    return Ask(
        name=dataset.name,
        place=place,
        urls=dataset.urls,
        sha256=dataset.sha256,
        footprint=footprint or (dvc if dvc.is_file() else None),
        named=place.name,
    )


def of_bundle(bundle: Bundle, data: Data) -> Ask:
    """A dataset of a bundle; it is put where `verify` and `reproduce.sh` look for it."""
    return Ask(
        name=data.name,
        place=bundle.directory / INCLUDED / data.name / data.file_name,
        urls=data.urls,
        sha256=data.sha256,
        footprint=bundle.directory / FOOTPRINTS / f"{data.name}.json",
        named=data.file_name,
    )


def of_addresses(
    urls: tuple[str, ...],
    out: Path,
    *,
    sha256: str | None,
    footprint: Path | None,
    unpack: bool,
) -> Ask:
    """Mirrors of one file, which goes into the directory `out`."""
    return Ask(
        name=file_name(urls[0]),
        place=out,
        urls=urls,
        sha256=sha256,
        footprint=footprint,
        below=True,
        unpack=unpack,
    )

"""conda-lock, the library: the only place that imports it.

Owns: loading it quietly (the conda inside warns of its own age), and the calls that are used.
Does not own: what its entries mean (`readers`), what is written (`writing`).
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VIRTUAL = "virtual-packages.yml"


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that are meant for conda-lock's own authors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parse(text: str) -> Any:
    """A lock as conda-lock reads it. Raises whatever it raises for what it does not read."""
    with tempfile.TemporaryDirectory() as directory, quiet():
        from conda_lock.lockfile import parse_conda_lock_file

        file = Path(directory, "conda-lock.yml")
        file.write_text(text, encoding="utf-8")
        return parse_conda_lock_file(file)


def written(packages: Iterable[dict[str, Any]], channels: Iterable[str], platform: str) -> str:
    """A lock as conda-lock writes it; `packages` have the keys of its entries."""
    with tempfile.TemporaryDirectory() as directory, quiet():
        from conda_lock.lockfile import write_conda_lock_file
        from conda_lock.lockfile.v2prelim.models import LockedDependency, Lockfile, LockMeta
        from conda_lock.models.channel import Channel

        lock = Lockfile(
            package=[LockedDependency(**package) for package in packages],
            metadata=LockMeta(
                content_hash={platform: ""},
                channels=[Channel.from_string(url) for url in channels],
                platforms=[platform],
                sources=[],
            ),
        )
        path = Path(directory, "conda-lock.yml")
        write_conda_lock_file(lock, path, metadata_choices=None, include_help_text=False)
        return path.read_text(encoding="utf-8")


def default_channels() -> tuple[str, ...]:
    """What `defaults` stands for, as the conda inside knows it."""
    with quiet():
        from conda_lock._vendor.conda.base import constants

        return tuple(constants.DEFAULT_CHANNELS_UNIX)


def asked(files: Mapping[str, str], platform: str) -> tuple[frozenset[str], tuple[Any, ...]]:
    """What the files that a lock was made from ask for now: content hashes, and dependencies.

    The hashes are those of conda-lock's versions, and of locking with its default virtual packages,
    without CUDA, and with a `virtual-packages.yml` among the files. Raises whatever conda-lock
    raises for files that it does not read.
    """
    with tempfile.TemporaryDirectory() as directory, quiet():
        from conda_lock.content_hash import backwards_compatible_content_hashes
        from conda_lock.src_parser import make_lock_spec
        from conda_lock.virtual_package import (
            default_virtual_package_repodata,
            virtual_package_repo_from_specification,
        )

        here = Path(directory)
        paths = [here / f"{number}.yml" for number in range(len(files))]
        for path, text in zip(paths, files.values(), strict=True):
            path.write_text(text, encoding="utf-8")
        (here / "names.json").write_text("{}")  # pip's names are conda's, where nobody says more
        sources = [p for p, name in zip(paths, files, strict=True) if name != VIRTUAL]
        spec = make_lock_spec(
            src_files=sources,
            platform_overrides=[platform],
            mapping_url=(here / "names.json").as_uri(),
        )
        machines = [default_virtual_package_repodata(cuda) for cuda in ("default", "")]
        if VIRTUAL in files:
            own = paths[list(files).index(VIRTUAL)]
            machines.append(virtual_package_repo_from_specification(own))
        hashes = {
            value
            for machine in machines
            for value in backwards_compatible_content_hashes(spec, machine, platform)
        }
        return frozenset(hashes), tuple(spec.dependencies[platform])


def satisfies(version: str, specifier: str) -> bool:
    """Whether a version is what conda's notation asks for."""
    with quiet():
        from conda_lock._vendor.conda.models.version import VersionSpec

        wanted: Any = VersionSpec(specifier or "*")  # type: ignore[no-untyped-call]
        return bool(wanted.match(version))

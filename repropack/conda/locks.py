"""From any of conda's files to a lock: exact conda packages, and pip's part with hashes.

Owns: which of a lock's packages are installed (platform, groups), and adding pip's part.
Does not own: each file's syntax (`condafile`, `readers`), solving (`solving`), pip (`environment`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from repropack.conda.channels import channels_of, require_extra
from repropack.conda.readers import read_conda_lock, read_explicit_lock, read_pixi
from repropack.conda.solving import solve
from repropack.conda.stale import stale
from repropack.condafile import CondaFile, Item, read_environment, read_list
from repropack.environment import AsOf, Lock, Target, format_of, normalise, resolve
from repropack.environment.condamodel import CondaEnvironment, CondaPackage
from repropack.environment.groups import refuse_selection
from repropack.environment.metadata import Tree
from repropack.environment.parts import UNASKED, Selection
from repropack.environment.requirements import Line, parse_line
from repropack.errors import InvalidError
from repropack.findings import Finding, Where
from repropack.formats import Format
from repropack.tables import distribution_in_conda

OLDEST_PYTHON = (3, 7)  # what the runner inside the image needs
READERS = {
    Format.CONDA_LOCK: read_conda_lock,
    Format.PIXI_LOCK: read_pixi,
    Format.CONDA_EXPLICIT: read_explicit_lock,
}


def provide(
    source: Tree,
    path: str,
    target: Target,
    *,
    as_of: AsOf,
    cache: Path,
    inferred: tuple[Line, ...] = (),
    selection: Selection = UNASKED,
) -> Lock:
    """The lock of a conda file. `target` is the base: its C library counts, its Python does not.

    Raises `InvalidError` (exit code 3), `PlanError` without the extra, `TemporaryError` (75).
    """
    require_extra()
    text = source.read_text(path)
    format = format_of(path, text)
    if format in READERS:
        read = READERS[format](text, path, selection)
        environment = environment_of(read.packages, path)
        old = stale(source, path) if format is Format.CONDA_LOCK else None
        return Lock(
            requirements=read.requirements(environment, target),
            origin=path,
            because=f"{path} pins {len(read.packages)} conda packages"
            + (f" and {len(read.pip)} of pip" if read.pip else ""),
            findings=(*read.findings, *([old] if old else [])),
            conda=environment,
            parts=read.parts,
        )
    refuse_selection(path, selection)
    file = parsed(text, path, format)
    return solved(file, source, path, target, as_of=as_of, cache=cache, inferred=inferred)


def parsed(text: str, path: str, format: Format | None) -> CondaFile:
    """The file as values. Raises `InvalidError` with the line."""
    try:
        return read_list(text) if format is Format.CONDA_LIST else read_environment(text)
    except ValueError as error:
        raise InvalidError(f"{path}: {error}", hint="correct the file") from error


def solved(
    file: CondaFile,
    source: Tree,
    path: str,
    target: Target,
    *,
    as_of: AsOf,
    cache: Path,
    inferred: tuple[Line, ...],
) -> Lock:
    """Solve conda's part, then resolve pip's on top of it, both as of the date."""
    file, added = with_python(file, path)
    channels = channels_of(file.channels, path)
    solution = solve(file, path, channels, target=target, as_of=as_of, cache=cache)
    environment = environment_of(solution.packages, path, file.variables)
    pip = resolve(
        *(source, path),
        target=replace(target, python=environment.python),
        as_of=as_of,
        cache=cache,
        inferred=inferred,
        constraints=constraints(environment, file, path),
    )
    day = f"as of {as_of.date}, {as_of.because}"
    count = len(environment.packages)
    finding = Finding(
        kind="conda.solved",
        value=f"{count} packages",
        because=f"{path} does not pin everything: {count} conda packages were solved {day}",
        where=Where(path=path),
    )
    own = provided(environment)
    return replace(
        pip,
        requirements=tuple(i for i in pip.requirements if own.get(i.name) != i.version),
        origin=path,
        because=f"solved from {path} {day}",
        findings=(*channels.findings, *added, *solution.findings, finding, *pip.findings),
        conda=environment,
        as_of=as_of.choice,
    )


def with_python(file: CondaFile, path: str) -> tuple[CondaFile, tuple[Finding, ...]]:
    """An environment that names no Python gets one: experiments are started with it."""
    if any(item.name == "python" for item in file.specs):
        return file, ()
    finding = Finding(
        kind="conda.python-added",
        value="python",
        because=f"{path} does not name Python: the newest that fits everything else is added",
        where=Where(path=path),
    )
    return replace(file, specs=(*file.specs, Item(text="python", line=1))), (finding,)


def environment_of(
    packages: tuple[CondaPackage, ...], path: str, variables: tuple[tuple[str, str], ...] = ()
) -> CondaEnvironment:
    """The packages with the Python among them. Raises `InvalidError` if none can be used."""
    python = next((package for package in packages if package.name == "python"), None)
    if python is None:
        raise InvalidError(
            f"{path} locks no Python, and experiments are started with it",
            hint="add python to the environment, and lock again",
        )
    version = tuple(int(part) for part in python.version.split(".")[:2] if part.isdigit())
    if version < OLDEST_PYTHON or "pypy" in python.build:
        raise InvalidError(
            f"{python.where or path}: {python} cannot start an experiment: it takes CPython "
            f"{'.'.join(map(str, OLDEST_PYTHON))} or newer",
            hint="set environment.lock in repropack.yaml to an environment with a newer Python",
        )
    return CondaEnvironment(packages=packages, python=python.version, variables=variables)


def provided(environment: CondaEnvironment) -> dict[str, str]:
    """Distributions that conda's packages bring, with their versions."""
    return {
        normalise(distribution_in_conda(package.name)): package.version
        for package in environment.packages
        if any(depends.split(" ")[0] == "python" for depends in package.depends)
    }


def constraints(environment: CondaEnvironment, file: CondaFile, path: str) -> tuple[Line, ...]:
    """pip keeps what conda has installed, but for what its own part asks for by name."""
    from packaging.version import InvalidVersion, Version

    asked = {normalise(parse_line(item.text)[0]) for item in file.pip}
    lines = []
    for name, version in sorted(provided(environment).items()):
        try:
            Version(version)
        except InvalidVersion:
            continue
        if name not in asked:
            lines.append(Line(text=f"{name}=={version}", hashes=(), where=Where(path=path)))
    return tuple(lines)

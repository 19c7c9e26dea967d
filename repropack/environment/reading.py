"""Reading locks: hashed requirements and `pylock.toml` become one `Lock`. Pure.

Owns: which format a file is, and pinning rules of hashed requirements.
Does not own: `pylock.toml` (`pylock`), lines and options (`requirements`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import unquote

from repropack.environment.attributing import attributed
from repropack.environment.direct import Direct, provisional_name
from repropack.environment.groups import refuse_selection
from repropack.environment.lines import shown
from repropack.environment.model import Lock, Requirement, Target, normalise
from repropack.environment.origins import unbuilt
from repropack.environment.parts import UNASKED, Selection
from repropack.environment.requirements import Line, ReadText, parse_requirements
from repropack.errors import InvalidError
from repropack.findings import Finding
from repropack.formats import Format


def read_lock(
    text: str,
    path: str,
    format: Format,
    *,
    target: Target,
    read: ReadText | None = None,
    selection: Selection = UNASKED,
) -> Lock:
    """The lock in a file's text, as far as it is for the target (markers are evaluated).

    `path` is that of the file in the source; `read` reads the files that it includes, by their
    paths; `selection` are the groups and extras that are asked for. Raises `InvalidError` with the
    file and, where there is one, the line.
    """
    lock = read_selected(text, path, format, target, read, selection)

    def packages(chosen: Selection) -> frozenset[str]:
        try:
            part = read_selected(text, path, format, target, read, chosen)
        except InvalidError:  # what excludes each other: nothing is said of it
            return frozenset(item.name for item in lock.requirements)
        return frozenset(item.name for item in part.requirements)

    return attributed(lock, packages)


def read_selected(
    text: str,
    path: str,
    format: Format,
    target: Target,
    read: ReadText | None,
    selection: Selection,
) -> Lock:
    """The same, without saying what is installed for which group."""
    if format is Format.PYLOCK:
        from repropack.environment.pylock import read_pylock

        return read_pylock(text, path, target, selection)
    if format is Format.HASHED:
        refuse_selection(path, selection)
        return read_hashed(text, path, target, read)
    if format is Format.UV:
        from repropack.environment.uvlock import read_uv

        return read_uv(text, path, target, read, selection)
    if format is Format.POETRY:
        from repropack.environment.poetrylock import read_poetry

        return read_poetry(text, path, target, read, selection)
    if format is Format.PDM:
        from repropack.environment.pdmlock import read_pdm

        return read_pdm(text, path, target, read, selection)
    if format is Format.PIPFILE_LOCK:
        from repropack.environment.pipfile import read_pipfile_lock

        return read_pipfile_lock(text, path, target, selection)
    raise InvalidError(f"{path} is not a lock: it has no hashes", hint="it has to be resolved")


def read_hashed(text: str, path: str, target: Target, read: ReadText | None = None) -> Lock:
    """A requirements file in which every line has a version and hashes, as pip demands."""
    parsed = parse_requirements(text, path, read)
    refuse_unhashed(parsed.lines, path)
    requirements = for_target(map(pinned, parsed.lines), target)
    findings = (*parsed.findings, *constraint_findings(parsed.constraints))
    return Lock(
        requirements=requirements,
        origin=path,
        because=f"{path} pins {len(requirements)} packages for {target} with their hashes",
        findings=findings,
        indexes=parsed.indexes,
        find_links=parsed.find_links,
    )


def for_target(requirements: Iterable[Requirement], target: Target) -> tuple[Requirement, ...]:
    """Those whose marker holds, each name once. Raises `InvalidError` for two versions of one."""
    chosen: dict[str, Requirement] = {}
    for requirement in requirements:
        if requirement.marker is not None and not holds(requirement, target):
            continue
        other = chosen.setdefault(requirement.name, requirement)
        if other.version != requirement.version:
            raise InvalidError(
                f"{requirement.where}: {requirement} contradicts {other} in {other.where}",
                hint="lock again, so that the file has one version for each package",
            )
        if other is not requirement:
            both = tuple(dict.fromkeys((*other.hashes, *requirement.hashes)))
            chosen[requirement.name] = replace(other, hashes=both)
    return tuple(chosen.values())


def holds(requirement: Requirement, target: Target) -> bool:
    """Whether the requirement's marker is true on the target."""
    from repropack.environment.target import marker_holds

    try:
        return marker_holds(requirement.marker or "", target)
    except ValueError as error:
        raise InvalidError(
            f"{requirement.where}: the marker cannot be evaluated: {error}"
        ) from error


def refuse_unhashed(lines: Iterable[Line], path: str) -> None:
    """A lock that is hashed in part protects nothing: pip refuses it too."""
    bare = [line for line in lines if not line.hashes and not from_source(line)]
    if bare:
        more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
        raise InvalidError(
            f"{bare[0].where}: {shown(bare[0].text)}{more} has no --hash, others in {path} do",
            hint=f"lock again: uv pip compile --generate-hashes -o {path} …",
        )


def from_source(line: Line) -> bool:
    """Whether a line needs no hash: a repository has commits, a local path is of the source."""
    return line.direct is not None and line.direct.origin is not None


def placed(line: Line, direct: Direct) -> Requirement:
    """A package by its place as an exact requirement."""
    marker = direct.marker or None
    if direct.origin is not None:
        name = direct.name or provisional_name(direct.origin)
        return unbuilt(name, "", direct.origin, line.where, hashes=line.hashes, marker=marker)
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    filename = unquote(direct.url.rpartition("/")[2])
    try:
        version = str(parse_wheel_filename(filename)[1])
    except InvalidWheelFilename as error:
        raise InvalidError(f"{line.where}: {shown(filename)} is not the name of a wheel") from error
    return Requirement(
        name=normalise(direct.name),
        version=version,
        hashes=line.hashes,
        where=line.where,
        marker=marker,
        url=direct.url,
    )


def pinned(line: Line) -> Requirement:
    """One line as an exact requirement. Raises `InvalidError` if it names no single version."""
    if line.direct is not None:
        return placed(line, line.direct)
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Parsed

    try:
        parsed = Parsed(line.text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise InvalidError(
            f"{line.where}: {shown(line.text)} is not a requirement: {reason}"
        ) from error
    return Requirement(
        name=normalise(parsed.name),
        version=exact_version(str(parsed.specifier), line),
        hashes=line.hashes,
        where=line.where,
        marker=None if parsed.marker is None else str(parsed.marker),
    )


def exact_version(specifier: str, line: Line) -> str:
    """The version of `==V`; anything else is not exact."""
    match = re.fullmatch(r"={2,3}\s*([A-Za-z0-9_.!+-]+)", specifier)
    if match is None:
        raise InvalidError(
            f"{line.where}: {shown(line.text)} does not pin one version with ==",
            hint="lock again: uv pip compile --generate-hashes",
        )
    return match.group(1)


def constraint_findings(constraints: tuple[Line, ...]) -> tuple[Finding, ...]:
    """Constraints change nothing where every version is exact."""
    return tuple(
        Finding(
            kind="environment.option-ignored",
            value=line.text,
            because=f"the constraint in {line.where} has no effect: every version is pinned",
            where=line.where,
        )
        for line in constraints[:1]
    )

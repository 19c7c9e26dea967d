"""`pylock.toml` (PEP 751): the author's is read into a lock, the bundle's is written from wheels.

Owns: both directions. Does not own: the standard's rules (`packaging.pylock` checks them).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from repropack.environment.artifacts import NO_FILE, is_for_linux, safe_url
from repropack.environment.groups import Offer, choose
from repropack.environment.model import (
    EMPTY_LOCK,
    Kind,
    Lock,
    Origin,
    Requirement,
    Target,
    Wheel,
    normalise,
)
from repropack.environment.origins import (
    address_origin,
    git_origin,
    local_origin,
    other_system,
    unbuilt,
)
from repropack.environment.parts import UNASKED, Parts, Selection
from repropack.environment.tomlfile import name_places, parse_toml
from repropack.errors import InvalidError, OtherPythonError
from repropack.findings import Where

if TYPE_CHECKING:
    from packaging.pylock import Package, PackageWheel, Pylock

LOCK_AGAIN = "lock again, for example with `uv export --format pylock.toml`"
MARKER = (
    "python_version == '{minor}' and sys_platform == 'linux' and platform_machine == '{machine}'"
)


def read_pylock(text: str, path: str, target: Target, selection: Selection = UNASKED) -> Lock:
    """The packages of an author's `pylock.toml` that the target installs, each with one wheel.

    Raises `InvalidError` when the file breaks the standard, is for another platform, or has a
    package without a wheel for the target.
    """
    pylock = parse_pylock(text, path)
    parts = choose(offer_of(pylock, path), selection)
    lines = package_lines(text)
    requirements = tuple(
        requirement_of(package, artifact, Where(path=path, line=lines.get(package.name)), target)
        for package, artifact in selected(pylock, path, lines, target, parts)
    )
    return Lock(
        requirements=requirements,
        origin=path,
        because=f"{path} pins {len(requirements)} packages for {target} with their hashes",
        findings=parts.findings,
        parts=parts,
    )


def offer_of(pylock: Pylock, path: str) -> Offer:
    """The groups and extras that the file was made with; it says which groups are the default."""
    unasked = tuple(pylock.default_groups or ())
    return Offer(
        path=path,
        groups=tuple(dict.fromkeys((*(pylock.dependency_groups or ()), *unasked))),
        extras=tuple(pylock.extras or ()),
        unasked=unasked,
        tool="default-groups: every installer",
    )


def parse_pylock(text: str, path: str) -> Pylock:
    """A valid `Pylock`, or an `InvalidError` that says which key is wrong."""
    from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

    data = parse_toml(text, path)
    try:
        return Pylock.from_dict(data)
    except PylockUnsupportedVersionError as error:
        raise InvalidError(f"{path}: {error}", hint=LOCK_AGAIN) from error
    except (PylockValidationError, ValueError, TypeError) as error:
        raise InvalidError(
            f"{path} is not a valid pylock.toml: {error}", hint=LOCK_AGAIN
        ) from error


def package_lines(text: str) -> dict[str, int]:
    """The line of each package's name, for messages: the first of several."""
    places = name_places(text, "", "packages")
    return {name: where.line or 0 for name, where in reversed(places)}


def selected(
    pylock: Pylock, path: str, lines: Mapping[str, int], target: Target, parts: Parts
) -> list[tuple[Package, Any]]:
    """What the standard's own algorithm chooses for the target."""
    from packaging.pylock import PylockSelectError

    from repropack.environment.target import marker_environment, tags_of

    try:
        return list(
            pylock.select(
                environment=marker_environment(target),
                tags=list(tags_of(target)),
                extras=list(map(normalise, parts.extra_names)),
                dependency_groups=list(parts.group_names),
            )
        )
    except PylockSelectError as error:
        reason = str(error)
        named = re.search(r"package '([^']+)'", reason)
        where = Where(path=path, line=lines.get(named.group(1)) if named else None)
        raise OtherPythonError(
            f"{where}: nothing to install on {target}: {reason}",
            hint="set environment.python in repropack.yaml, or lock for Linux",
        ) from error
    except ValueError as error:  # a marker that compares what cannot be compared
        raise InvalidError(
            f"{path} is not a valid pylock.toml: {error}", hint=LOCK_AGAIN
        ) from error


def requirement_of(package: Package, artifact: Any, where: Where, target: Target) -> Requirement:
    """One chosen wheel, or what one is built from, as a requirement. Raises `InvalidError`."""
    from packaging.pylock import PackageWheel

    if not isinstance(artifact, PackageWheel):
        if any(is_for_linux(wheel.filename) for wheel in package.wheels or ()):
            refuse_sources(package, where, target)
        return unbuilt_of(package, artifact, where)
    return Requirement(
        name=package.name,
        version=str(package.version or version_of(artifact)),
        hashes=hashes_of(artifact, package, where),
        where=where,
        marker=None if package.marker is None else str(package.marker),
        index=package.index,
        url=safe_url(artifact.url),
    )


def refuse_sources(package: Package, where: Where, target: Target) -> None:
    """Another Python has wheels: that one is taken, unless there is no choice."""
    if not target.from_sources:
        raise OtherPythonError(
            f"{where}: no wheel for {package.name} {package.version or ''} on {target} "
            "(there are wheels for others only)",
            hint=NO_FILE,
        )


def unbuilt_of(package: Package, artifact: Any, where: Where) -> Requirement:
    """A source distribution, an archive, a repository or a directory as a requirement."""
    from packaging.pylock import PackageDirectory, PackageSdist, PackageVcs

    hashes: tuple[str, ...] = ()
    inside = getattr(artifact, "subdirectory", None) or ""
    if isinstance(artifact, PackageVcs):
        if artifact.type != "git":
            raise other_system(package.name, artifact.type, where)
        url, commit = artifact.url or artifact.path or "", artifact.commit_id
        origin = git_origin(url, where, commit=commit, path=inside)
    elif isinstance(artifact, PackageDirectory):
        origin = local_origin(f"{artifact.path}/{inside}", where)
    else:
        hashes = hashes_of(artifact, package, where)
        if artifact.path and not artifact.url:
            origin = local_origin(artifact.path, where)
        elif isinstance(artifact, PackageSdist):
            origin = Origin(kind=Kind.SDIST, url=safe_url(artifact.url) or "")
        else:
            origin = address_origin(artifact.url or "", where) or Origin(kind=Kind.SDIST)
    version = str(package.version or "")
    made = unbuilt(package.name, version, origin, where, hashes=hashes)
    return replace(made, index=package.index)


def version_of(wheel: PackageWheel) -> str:
    """The version in a wheel's file name; the key `packages.version` is optional."""
    return wheel.filename.split("-")[1]


def hashes_of(wheel: Any, package: Package, where: Where) -> tuple[str, ...]:
    """The file's hashes that are strong enough; there must be one."""
    strong = tuple(
        f"{name}:{value.lower()}"
        for name, value in sorted(wheel.hashes.items())
        if name in ("sha256", "sha384", "sha512")
    )
    if not strong:
        raise InvalidError(f"{where}: {package.name} has no sha256 hash", hint=LOCK_AGAIN)
    return strong


def to_pylock(
    wheels: tuple[Wheel, ...], target: Target, *, lock: Lock = EMPTY_LOCK, directory: str = "wheels"
) -> str:
    """The bundle's `pylock.toml`: exactly these wheels, as files in `directory`, with hashes.

    `lock` says which groups and extras they are installed for. Every installer takes all of them
    unasked: groups are the standard's default groups; it has no default extras, so that these
    stand as facts beside their packages, and not as conditions. Deterministic, sorted by name,
    without any address. Raises `InvalidError` when a value cannot stand in a valid lock.
    """
    marker = MARKER.format(minor=target.minor, machine=target.machine)
    needed = {item.name: item for item in lock.requirements if item.groups or item.extras}
    taken = {group for item in needed.values() for group in item.groups}
    groups = array([name for name in lock.parts.group_names if name in taken])
    extras = array(sorted(map(normalise, lock.parts.extra_names)))
    head = [
        'lock-version = "1.0"',
        f"environments = [{quoted(marker)}]",
        f"requires-python = {quoted(f'=={target.minor}.*')}",
        *([f"extras = {extras}"] if lock.parts.extras else []),
        *([f"dependency-groups = {groups}", f"default-groups = {groups}"] if taken else []),
        'created-by = "repropack"',
    ]
    ordered = sorted(wheels, key=lambda wheel: (wheel.name, wheel.filename))
    body = [
        line for wheel in ordered for line in package_text(wheel, directory, needed.get(wheel.name))
    ]
    text = "\n".join([*head, *(body or ["packages = []"])]) + "\n"
    parse_pylock(text, "pylock.toml")
    return text


def package_text(wheel: Wheel, directory: str, needed: Requirement | None) -> list[str]:
    """One package with its one wheel. `needed` says for which groups and extras, if for some."""
    file = quoted(wheel.filename)
    path = quoted(f"{directory}/{wheel.filename}")
    marker = "" if needed is None or needed.extras else condition(needed.groups)
    return [
        "",
        "[[packages]]",
        f"name = {quoted(wheel.name)}",
        f"version = {quoted(wheel.version)}",
        *([f"marker = {quoted(marker)}"] if marker else []),
        f"wheels = [{{ name = {file}, path = {path}, size = {wheel.size_bytes}, "
        f"hashes = {{ sha256 = {quoted(wheel.sha256)} }} }}]",
        *facts(needed),
    ]


def condition(groups: tuple[str, ...]) -> str:
    """The marker of what is installed with one of these groups."""
    return " or ".join(f"'{name}' in dependency_groups" for name in groups)


def facts(needed: Requirement | None) -> list[str]:
    """For which extras a package is installed."""
    if needed is None or not needed.extras:
        return []
    parts = {"extras": needed.extras, "groups": needed.groups}
    rows = [f"{key} = {array(list(names))}" for key, names in parts.items() if names]
    return ["[packages.tool.repropack]", *rows]


def array(names: list[str]) -> str:
    """A TOML array of strings."""
    return f"[{', '.join(map(quoted, names))}]"


def quoted(text: str) -> str:
    """A TOML basic string; JSON escapes all that TOML does, but for DEL."""
    return json.dumps(text).replace("\x7f", "\\u007f")

"""What `packaging` needs to know about a target: its tags and its marker environment.

Owns: the translation. Does not own: `packaging`'s own rules.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import cast

from packaging.markers import Environment, InvalidMarker, Marker, UndefinedEnvironmentName
from packaging.tags import Tag, compatible_tags, cpython_tags

from repropack.environment.model import Target, normalise
from repropack.tables import patch_of

EXTRA = re.compile(
    r"""\bextra\s*(?P<left>==|!=)\s*(?:"(?P<a>[^"]*)"|'(?P<b>[^']*)')"""
    r"""|(?:"(?P<c>[^"]*)"|'(?P<d>[^']*)')\s*(?P<right>==|!=)\s*extra\b"""
)


def tags_of(target: Target) -> tuple[Tag, ...]:
    """The wheel tags that the target can install, best first."""
    major, minor = (int(part) for part in target.minor.split("."))
    interpreter = f"cp{major}{minor}"
    platforms = target.platforms
    return (
        *cpython_tags((major, minor), [target.abi], platforms),
        *compatible_tags((major, minor), interpreter, platforms),
    )


def marker_environment(target: Target) -> Environment:
    """The values of markers on the target; the kernel's release is not known and stays empty."""
    full = full_version(target)
    return Environment(
        implementation_name="cpython",
        implementation_version=full,
        os_name="posix",
        platform_machine=target.machine,
        platform_release="",
        platform_system="Linux",
        platform_version="",
        python_full_version=full,
        platform_python_implementation="CPython",
        python_version=target.minor,
        sys_platform="linux",
    )


def full_version(target: Target) -> str:
    """The target's Python with a patch version: where it is not known, that of its base."""
    return target.python if target.python.count(".") == 2 else patch_of(target.minor)


def marker_holds(
    marker: str, target: Target, extra: str = "", *, taken: Collection[str] | None = None
) -> bool:
    """Whether a requirement with this marker is installed on the target. Raises `ValueError`.

    `taken` are all extras that are installed together; without it, `extra` is the only one.
    """
    if taken is not None:
        marker = EXTRA.sub(lambda match: settled(match, taken), marker)
    try:
        environment = cast("dict[str, str]", marker_environment(target))
        return Marker(marker).evaluate({**environment, "extra": extra})
    except (InvalidMarker, UndefinedEnvironmentName) as error:
        raise ValueError(str(error)) from error


def settled(match: re.Match[str], taken: Collection[str]) -> str:
    """A comparison with an extra as one that is always true, or never: a marker has one extra."""
    name = normalise(match["a"] or match["b"] or match["c"] or match["d"] or "")
    holds = (name in taken) is ((match["left"] or match["right"]) == "==")
    return f"python_version {'>=' if holds else '<'} '3'"

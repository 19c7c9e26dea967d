"""What the readers of all locks do in the same way.

Owns: packages with their places, markers, and the lock that the chosen packages are.
Does not own: which packages are chosen (the reader of each format), groups (`groups`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from repropack.environment.artifacts import Package, requirement
from repropack.environment.model import Lock, Target
from repropack.environment.parts import Parts
from repropack.environment.reading import for_target
from repropack.environment.target import marker_holds
from repropack.environment.tomlfile import name_places, tables
from repropack.errors import InvalidError
from repropack.findings import Finding, Where


def placed(
    data: Mapping[str, Any], text: str, path: str
) -> Iterator[tuple[Mapping[str, Any], Where]]:
    """Every `[[package]]` with its place."""
    places = name_places(text, path, "package")
    for entry, (_, where) in zip(tables(data.get("package")), places, strict=False):
        yield entry, where


def holds(
    marker: str,
    target: Target,
    where: Where | None,
    again: str,
    *,
    taken: Collection[str] | None = None,
) -> bool:
    """Whether a package counts on the target; there may be no marker. `taken` are the extras.

    Raises `InvalidError` with `again`, which says how to lock again.
    """
    try:
        return not marker or marker_holds(marker, target, taken=taken)
    except ValueError as error:
        raise InvalidError(
            f"{where}: the marker `{marker}` cannot be evaluated: {error}", hint=again
        ) from error


def lock_of(
    packages: Iterable[Package],
    target: Target,
    path: str,
    parts: Parts,
    *,
    findings: tuple[Finding, ...] = (),
    indexes: Iterable[str | None] = (),
    find_links: tuple[str, ...] = (),
) -> Lock:
    """The chosen packages, each with the file for the target. Raises `InvalidError`."""
    requirements = for_target((requirement(item, target) for item in packages), target)
    return Lock(
        requirements=tuple(sorted(requirements, key=lambda item: item.name)),
        origin=path,
        because=f"{path} pins {len(requirements)} packages for {target} with their hashes",
        findings=(*parts.findings, *findings),
        indexes=tuple(dict.fromkeys(url for url in indexes if url)),
        find_links=find_links,
        parts=parts,
    )

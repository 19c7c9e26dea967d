"""Links that lead out of a bundle: no reader of a stranger's archive may follow them.

Owns: finding them, in a source before anything is built and in a bundle before it is packed.
Does not own: what an archive of somebody else holds (`retrieval.unpacking`).
"""

from __future__ import annotations

import os
from pathlib import Path

from repropack.archives.tar import Item
from repropack.errors import BuildError, SourceError
from repropack.source import Source, display, link_out_of

_HINT = "remove the link from the repository, or hand in the directory"


def refuse_links_of(source: Source, archive: Path | None) -> None:
    """Raises `SourceError` (exit code 3) for a link of a source that is to have an archive."""
    if archive is not None and (link := link_out_of(source.files(), "source")):
        raise SourceError(
            f"--archive: the link {display(link.path)} leads out of the repository, to "
            f"{display(link.link_target or '')}: `verify` refuses an archive with such a link",
            hint=_HINT,
        )


def refuse_outward(directory: Path, items: list[Item]) -> None:
    """Raises `BuildError` for a link that leads out of a bundle."""
    real = os.path.realpath(directory)
    for path in (directory / os.fsdecode(item.name) for item in items if item.is_link):
        goal = os.readlink(path)  # noqa: PTH115 (Path.readlink makes `a/b` of `./a//b`)
        if goal.startswith("/") or not Path(os.path.realpath(path)).is_relative_to(real):
            raise BuildError(
                f"{path.relative_to(directory)} leads out of the bundle, to {goal}: "
                "`verify` refuses an archive with such a link",
                hint=_HINT,
            )

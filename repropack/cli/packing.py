"""Options about what goes into a bundle besides its recipe, and the form in which it travels.

Heavy imports stand inside the functions: this module is part of what `repropack --help` imports.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from repropack.cli.options import DIRECTORY, Command

if TYPE_CHECKING:
    from pathlib import Path

_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}


class Size(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A number of bytes: 500MB, or 50GB."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """What the user typed as bytes."""
        if value is None or isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]{1,6})(?:[.]([0-9]{1,3}))? ?(MB|GB|TB)", str(value))
        size = 0
        if found:
            unit = _UNITS[found[3]]
            size = int(found[1]) * unit + int((found[2] or "0").ljust(3, "0")) * unit // 1000
        return size or self.fail(f"{value!r} is not a size such as 500MB or 50GB.", param, ctx)


def packing_options(command: Command) -> Command:
    """What makes a bundle last, what reviewers then need not have, and how it travels."""
    for option in (
        click.option(
            "--check-reproducible",
            is_flag=True,
            help="Build the image twice, of nothing that was built before; say how far the two "
            "are the same, which files differ, and why.",
        ),
        click.option(
            "--part-size",
            "part_bytes",
            metavar="SIZE",
            type=Size(),
            help="Split a larger archive into parts of that size. Default: 50GB.",
        ),
        click.option(
            "--archive",
            metavar="FILE",
            type=DIRECTORY,
            help="Also write the bundle as one file, .tar.zst or .tar.gz: `verify` takes it.",
        ),
        click.option(
            "--with-image",
            is_flag=True,
            help="Put the image into the bundle: reviewers load it, and build nothing.",
        ),
        click.option(
            "--offline",
            is_flag=True,
            help="Put the base, every package and what the base is made of into the bundle: "
            "reviewers need no network.",
        ),
    ):
        command = option(command)
    return command


def packing(options: dict[str, Any]) -> dict[str, Any]:
    """The options as settings take them. Raises `UsageError` before anything is built."""
    from repropack.archives import refuse_archive
    from repropack.errors import UsageError

    part_bytes = options.pop("part_bytes")
    if options["archive"] is not None:
        refuse_archive(options["archive"], force=options["force"])
    elif part_bytes is not None:
        raise UsageError("--part-size is about --archive", hint="name a file with --archive")
    return options if part_bytes is None else {**options, "part_bytes": part_bytes}


def opened(path: Path) -> tuple[Path | None, Path, Path]:
    """The archive that was named, if it is one; where its files go; and the directory to read.

    What was unpacked is gone when the command ends.
    """
    from pathlib import Path as Here

    from repropack.archives import at_hand, is_archive
    from repropack.cli.progress import reporter
    from repropack.workspace import cache_directory

    if not is_archive(path):
        return None, path, path
    shown = reporter()
    try:
        unpacking = at_hand(path, cache=cache_directory(), reporter=shown)
        directory = click.get_current_context().with_resource(unpacking)
    finally:
        shown.close()
    return path, Here.cwd(), directory

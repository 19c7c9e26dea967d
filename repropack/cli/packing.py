"""Options about what goes into a bundle besides its recipe, and in which form it travels."""

from __future__ import annotations

import click

from repropack.cli.options import Command


def packing_options(command: Command) -> Command:
    """What makes a bundle last, and what reviewers then need not have."""
    command = click.option(
        "--with-image",
        is_flag=True,
        help="Put the image into the bundle: reviewers load it, and build nothing.",
    )(command)
    return click.option(
        "--offline",
        is_flag=True,
        help="Put the base and every package into the bundle: reviewers need no network.",
    )(command)

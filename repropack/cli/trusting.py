"""Options about whom to believe, and what to let them do: `--trust` and `--allow`, `--anonymous`.

Heavy imports stand inside the functions: this module is part of what `repropack --help` imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from repropack.cli.options import DIRECTORY, Command

if TYPE_CHECKING:
    from pathlib import Path


def trust_options(command: Command) -> Command:
    """What is asked of somebody else's bundle, and given to it."""
    command = click.option(
        "--allow",
        type=click.Choice(["network", "gpu", "debs"]),
        multiple=True,
        help="Let the experiments of a BUNDLE have it; it is not asked of a repository. `debs`: "
        "with --rebuild, make the base again from the BUNDLE's Debian packages, whose scripts then "
        "run on this machine, outside of a container.",
    )(command)
    return click.option(
        "--trust",
        metavar="FILE",
        type=DIRECTORY,
        help="Go on only if the BUNDLE is signed by a key of FILE: a public key, or "
        "allowed_signers.",
    )(command)


def refuse_trust(directory: Path, trust: Path | None) -> None:
    """A repository has no signature to check. Raises `UsageError`."""
    from repropack.bundle import is_bundle
    from repropack.errors import UsageError

    if trust is not None and not is_bundle(directory):
        raise UsageError(
            f"--trust is for a bundle, and {directory} is none",
            hint="name what somebody's `repropack build --sign` wrote",
        )


def refuse_names(**options: Any) -> None:
    """What names an anonymous bundle's author all the same. Raises `UsageError`."""
    from repropack.errors import UsageError

    for name, why in (("sign", "the key is its owner's"), ("results", "they name the commit")):
        if options.get(name) is not None:
            option = {"results": "--with-results"}.get(name, f"--{name}")
            raise UsageError(
                f"--anonymous and {option} do not go together: {why}", hint=f"leave out {option}"
            )

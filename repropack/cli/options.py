"""Options that several commands share, and what their values mean.

Heavy imports stand inside the functions: this module is part of what `repropack --help` imports.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    from repropack.cli.progress import Plain, Terminal
    from repropack.environment import AsOf
    from repropack.judge.model import Tolerance
    from repropack.settings import Settings

Command = Callable[..., Any]


class Directory(click.Path):
    """A path as `pathlib` has it, which is imported when a command gets one: not for `--help`."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """What the user typed as a path."""
        from pathlib import Path

        return Path(os.fsdecode(super().convert(value, param, ctx)))


DIRECTORY = Directory()


#: As container engines take it: [HOST[:PORT]/]NAME[/NAME]…[:TAG]
IMAGE_NAME = (
    r"(?:(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+(?::[0-9]+)?/|[A-Za-z0-9-]+:[0-9]+/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
)


def json_option(command: Command) -> Command:
    """`--json`, which every command has."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(
        command
    )


def infer_option(command: Command) -> Command:
    """`--infer`, for projects whose manifests do not name all that the code imports."""
    return click.option(
        "--infer",
        is_flag=True,
        help="Add what the code imports or a README installs and no manifest declares.",
    )(command)


def as_of_option(command: Command) -> Command:
    """`--as-of`, for projects without a lock."""
    return click.option(
        "--as-of",
        metavar="DATE|now",
        help="Resolve a project without a lock with the packages of that day, such as 2024-05-01. "
        "Default: the commit's date.",
    )(command)


def engine_options(command: Command) -> Command:
    """Which engine builds and runs."""
    command = click.option(
        "--engine",
        type=click.Choice(["docker", "podman", "apptainer", "charliecloud", "venv"]),
        help="What builds and runs. Default: the first of docker, podman that answers. "
        "apptainer and charliecloud only run images that bundles bring.",
    )(command)
    return click.option(
        "--builder",
        type=click.Choice(["auto", "buildkit", "legacy", "podman", "buildah"]),
        default="auto",
        show_default=True,
        help="Docker's (buildkit, legacy) or Podman's (podman, buildah).",
    )(command)


def build_options(command: Command) -> Command:
    """What `build` and `verify` share."""
    command = click.option(
        "--sign",
        metavar="KEY",
        type=DIRECTORY,
        help="Sign what is written with this SSH key: the bundle, and the attestation of a "
        "verification.",
    )(as_of_option(infer_option(command)))
    command = click.option(
        "--fetch", is_flag=True, help="Fetch the datasets that are not there, from their `url`."
    )(command)
    command = click.option(
        "--allow-dirty",
        is_flag=True,
        help="Pack uncommitted changes too; every verdict says so.",
    )(command)
    return click.option(
        "--base",
        type=click.Choice(["auto", "bootstrap"]),
        default="auto",
        show_default=True,
        help="Ask a registry for the base first, or make it from Debian's packages.",
    )(command)


def parsed_tolerance(text: str | None) -> Tolerance | None:
    """The value of `--tolerance`; `UsageError` says what it may be."""
    from repropack.errors import UsageError
    from repropack.judge.model import parse_tolerance

    if text is None:
        return None
    try:
        return parse_tolerance(text)
    except ValueError as error:
        raise UsageError(f"--tolerance {text}: {error}", hint="write 0.5, or 1%") from error


def parsed_as_of(text: str | None) -> AsOf | None:
    """The value of `--as-of`: a whole day counts to its end. `UsageError` says what it may be."""
    from datetime import UTC, datetime, time

    from repropack.environment import AsOf
    from repropack.errors import UsageError

    if text is None:
        return None
    if text.lower() == "now":
        return AsOf(time=None, because="as --as-of says", fresh=True)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--as-of {text}: this is no date", hint="write 2024-05-01, or now"
        ) from error
    if len(text) <= len("2024-05-01"):
        moment = datetime.combine(moment, time(23, 59, 59))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment.date() > datetime.now(UTC).date():
        raise UsageError(f"--as-of {text} lies in the future", hint="write now for the newest")
    return AsOf(time=moment, because="as --as-of says")


def refuse_bad_tags(tags: tuple[str, ...]) -> None:
    """Raises `UsageError` before anything is built under a name that no engine takes."""
    import re

    from repropack.errors import UsageError

    for tag in tags:
        if len(tag) > 255 or not re.fullmatch(IMAGE_NAME, tag):
            raise UsageError(
                f"--tag {tag!r} is not the name of an image",
                hint="small letters, digits, and a version: --tag digits:camera-ready",
            )


def settings(**options: Any) -> Settings:
    """The options of a command as one value."""
    from repropack.settings import Settings
    from repropack.workspace import cache_directory

    refuse_bad_tags(options.get("tags", ()))
    if options.get("anonymous"):
        from repropack.cli.trusting import refuse_names

        refuse_names(**options)
    if options.get("sign") is not None:  # before anything is built
        from repropack.signing import signature

        signature(b"", options["sign"])
    as_of = parsed_as_of(options.pop("as_of", None))
    return Settings(cache=cache_directory(), as_of=as_of, **options)


def note_stray(directory: Path, out: Path | None, shown: Plain | Terminal) -> None:
    """An output among the project's files is, for git, a change that nobody committed."""
    from repropack.project import is_stray

    if out is not None and is_stray(directory, out):
        shown.note(
            f"note: {out} lies in the project: add it to .gitignore, or git sees it as a change"
        )

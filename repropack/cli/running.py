"""Options that say which runs are done, and how.

Heavy imports stand inside the functions: this module is part of what `repropack --help` imports.
"""

from __future__ import annotations

from typing import Any

import click

from repropack.cli.options import Command


class Jobs(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A number from 1, or `auto`, which is None."""

    name = "jobs"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """What the user typed as a number."""
        if value == "auto":
            return None
        if str(value).isascii() and str(value).isdigit() and int(value) > 0:
            return int(value)
        return self.fail(f"{value!r} is not a number from 1, or auto.", param, ctx)


def not_nan(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """`nan` is in every range, for click."""
    if value is not None and value != value:
        raise click.BadParameter("nan is not a number.", ctx, param)
    return value


RUN_OPTIONS = (
    *("claims", "only", "runs", "quick", "cpu", "jobs", "determinism", "grid_factor", "data"),
    "resume",
)
"""What `run_options` adds, by the names that a `Question` has for it."""


def run_options(command: Command) -> Command:
    """Which runs are done, and how."""
    return _adding(_choices(), _adding(_ways(), command))


def _adding(options: tuple[Command, ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def _choices() -> tuple[Command, ...]:
    return (
        click.option(
            *("--claim", "claims"), metavar="ID", multiple=True, help="Judge only this claim."
        ),
        click.option(
            "--only",
            metavar="CELL",
            multiple=True,
            help="Do only these runs, and judge what they decide: svm, or svm{attention=eca}.",
        ),
        click.option(
            "--runs",
            metavar="N",
            type=click.IntRange(1, 10000),
            help="So many runs of each cell: the declared seeds first, then new ones.",
        ),
        click.option(
            "--quick",
            is_flag=True,
            help="Do what the authors declare to take minutes (`quick:`) instead of their "
            "experiments; every report says so.",
        ),
        click.option(
            "--cpu",
            is_flag=True,
            help="Do not use the GPU, which experiments may then not require.",
        ),
    )


def _ways() -> tuple[Command, ...]:
    return (
        click.option(
            "--jobs",
            metavar="N",
            type=Jobs(),
            default="1",
            help="So many runs at once, each with a GPU of its own; auto: as many as the first "
            "run leaves room for. Default: 1.",
        ),
        click.option(
            "--determinism",
            is_flag=True,
            help="Do one run of each experiment twice, and say whether the outputs are equal.",
        ),
        click.option(
            "--grid-factor",
            metavar="G",
            type=click.FloatRange(0, 5000),
            envvar="REPROPACK_GRID_FACTOR",
            callback=not_nan,
            help="What a kWh emits where this machine stands, in gCO2e, for the CO2 of the "
            "energy that was measured; also REPROPACK_GRID_FACTOR. Default: unknown.",
        ),
        click.option(
            "--data",
            metavar="NAME=PATH",
            multiple=True,
            help="Where a dataset is; it is checked before the first run. Default: in the "
            "bundle, else where the project has it.",
        ),
        click.option(
            *("--yes", "-y"),
            is_flag=True,
            help="Ask nothing: go on where this machine has less than a BUNDLE needs.",
        ),
        click.option(
            "--resume",
            is_flag=True,
            help="Go on where the last call, or the one in -o, was stopped.",
        ),
    )

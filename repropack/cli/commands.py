"""The commands. Each reads its options, calls the pipeline, and prints the result.

Heavy imports stand inside the commands: `repropack --help` imports click and this module alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from repropack import __version__
from repropack.cli.data import data as data_group
from repropack.cli.looking import compare, report, shipped_files
from repropack.cli.options import (
    DIRECTORY,
    as_of_option,
    build_options,
    engine_options,
    infer_option,
    json_option,
    note_stray,
    parsed_tolerance,
    settings,
)
from repropack.cli.packing import opened, packing, packing_options
from repropack.cli.running import RUN_OPTIONS, run_options
from repropack.cli.trusting import refuse_trust, trust_options

if TYPE_CHECKING:
    from pathlib import Path

    from repropack.cli.progress import Plain, Terminal

EXIT_CODES = """\b
Exit codes:
   0  every claim is reproduced (or the command did what it says)
   1  a claim is not reproduced
   2  usage
   3  the repository, the config or the plan is invalid
   4  no engine answers
   5  the build failed
   6  a run failed, or a claim has no evidence
   7  integrity: a bundle, a lock hash or a dataset differs from what was recorded
   8  inconclusive
  70  something unexpected: a failing disk or stream, or a mistake in repropack itself
  75  temporary (network, registry): the same command may work later
 130  interrupted
"""


@contextmanager
def progress() -> Iterator[Plain | Terminal]:
    """The reporter of a command, closed before the result is printed."""
    from repropack.cli.progress import reporter

    shown = reporter()
    try:
        yield shown
    finally:
        shown.close()


@click.group(
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="repropack")
def repropack() -> None:
    """Package an experiment so that a reviewer can run it and check its numbers.

    \b
    repository at a commit -> bundle -> image -> runs -> verdict on each claim

    \b
    Example:
      repropack init                     write a repropack.yaml to complete
      repropack verify --tolerance 0.5   build, run, and judge the claims
      repropack build -o ../artifact     write the bundle that a reviewer receives
    """


@repropack.command()
@click.argument("directory", type=DIRECTORY, default=".")
@click.option("--force", is_flag=True, help="Replace a repropack.yaml that exists.")
@json_option
def init(directory: Path, force: bool, as_json: bool) -> int:
    """Write a repropack.yaml for DIRECTORY, to be completed.

    \b
    Example:
      repropack init .
    """
    from repropack.cli import output
    from repropack.project import initialise

    written = initialise(directory, force=force)
    return output.init(written, as_json=as_json)


@repropack.command()
@click.argument("directory", type=DIRECTORY, default=".")
@json_option
def inspect(directory: Path, as_json: bool) -> int:
    """Show what DIRECTORY is, and what stands in the way.

    \b
    Example:
      repropack inspect --json . | jq '.findings[] | select(.severity != "info")'
    """
    from repropack.cli import output
    from repropack.project import look

    return output.inspection(look(directory, allow_dirty=True), as_json=as_json)


@repropack.command()
@click.argument("directory", type=DIRECTORY, default=".")
@as_of_option
@infer_option
@json_option
def plan(directory: Path, infer: bool, as_of: str | None, as_json: bool) -> int:
    """Show every decision, with its reason.

    \b
    Example:
      repropack plan . --as-of 2024-05-01
    """
    from repropack.cli import output
    from repropack.pipeline import decide
    from repropack.project import look

    with progress() as shown:
        looked = look(directory, allow_dirty=True)
        asked = settings(infer=infer, as_of=as_of)
        decided = decide(looked, settings=asked, reporter=shown)
    return output.plan(decided, as_json=as_json)


@repropack.command()
@click.argument("directory", type=DIRECTORY, default=".")
@click.option(
    "-o",
    "--output",
    "out",
    type=DIRECTORY,
    help="Where the bundle goes. Default: .repropack/bundles.",
)
@click.option("-t", "--tag", "tags", multiple=True, help="A further tag for the image.")
@packing_options
@click.option(
    "--with-results",
    "results",
    metavar="DIR",
    type=DIRECTORY,
    help="Put your own verification of this commit into the bundle: reviewers see both.",
)
@click.option(
    "--anonymous",
    is_flag=True,
    help="For double-blind review: leave out history, remote and names, and refuse what may tell.",
)
@click.option("--hide", metavar="TEXT", multiple=True, help="A further word to look for.")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@build_options
@engine_options
@json_option
def build(directory: Path, as_json: bool, **options: Any) -> int:
    """Write the bundle; build and tag the image.

    \b
    Example:
      repropack build . -o ../artifact --tag digits:camera-ready --offline
      repropack build . -o ../artifact --with-results .repropack/verifications/2026-01-31T12-00-00Z
    """
    from repropack.cli import output
    from repropack.pipeline import build

    asked = settings(**packing(options))
    with progress() as shown:
        built = build(directory, settings=asked, reporter=shown)
        note_stray(directory, options["out"], shown)
    return output.built(built, as_json=as_json)


@repropack.command()
@click.argument("directory", metavar="[DIRECTORY|BUNDLE|FILE]", type=DIRECTORY, default=".")
@click.option(
    "--tolerance",
    metavar="T",
    help="Allowed difference for every claim: 0.5 in the claim's own unit, or 1%.",
)
@run_options
@click.option(
    "-o",
    "--output",
    "out",
    type=DIRECTORY,
    help="Where runs and report go. Default: .repropack/verifications.",
)
@click.option(
    "--recorded",
    is_flag=True,
    help="Run nothing: compare the claims with the result files that the source ships.",
)
@click.option("--rebuild", is_flag=True, help="Build the image even if it is there.")
@trust_options
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@build_options
@engine_options
@json_option
def verify(
    directory: Path,
    tolerance: str | None,
    recorded: bool,
    yes: bool,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Run the experiments and judge the claims.

    DIRECTORY is a repository, BUNDLE what `repropack build` wrote, FILE its archive, or the first
    of its parts. A repository is built first. Runs and report of a FILE go to .repropack here.
    With --recorded nothing is built or run: a verdict then says whether a committed result file
    agrees with the paper, and not that anybody obtained its number again.

    \b
    Example:
      repropack verify . --tolerance 0.5
      repropack verify ../artifact --claim table-1-accuracy
      repropack verify . --runs 10 --jobs 4
      repropack verify . --recorded
    """
    from dataclasses import replace

    from repropack.cli import output
    from repropack.settings import Question
    from repropack.workspace import refuse_existing

    if out is not None and not options["resume"]:  # before anything is built
        refuse_existing(out, allowed=options["force"])
    archive, home, directory = opened(directory)
    question = Question(
        tolerance=parsed_tolerance(tolerance),
        out=out,
        home=home,
        archive=archive,
        **{name: options.pop(name) for name in RUN_OPTIONS},
        **{name: options[name] for name in ("fetch", "sign")},
    )
    refuse_trust(directory, options["trust"])
    asked = settings(**options)
    if recorded:
        return shipped_files(directory, question, asked, as_json=as_json)
    from repropack.pipeline import verify

    with progress() as shown:
        asked = asked if yes else replace(asked, agree=shown.ask)
        verified = verify(directory, question, settings=asked, reporter=shown)
        note_stray(home, out, shown)
        shown.note(f"report: {verified.directory / 'report.html'}")
    return output.verified(verified, as_json=as_json)


@repropack.command()
@json_option
@engine_options
def doctor(as_json: bool, engine: str | None, builder: str) -> int:
    """Show whether this machine can build and run.

    \b
    Example:
      repropack doctor
    """
    from repropack.cli import output
    from repropack.doctor import examine
    from repropack.workspace import cache_directory

    checks = examine(engine, builder=builder, cache=cache_directory())
    return output.doctor(checks, as_json=as_json)


repropack.add_command(report)
repropack.add_command(compare)
repropack.add_command(data_group)

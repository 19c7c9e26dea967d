"""The commands that look at verifications again, and run nothing.

Heavy imports stand inside the commands, as in `commands`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from repropack.cli.options import DIRECTORY, json_option

if TYPE_CHECKING:
    from pathlib import Path

    from repropack.settings import Question, Settings


@click.command()
@click.argument("directory", type=DIRECTORY, default=".")
@click.option(
    "--author",
    type=DIRECTORY,
    help="The author's verification, whose values, curves and environment are shown beside. "
    "Default: that in the bundle, if it has one.",
)
@json_option
def report(directory: Path, author: Path | None, as_json: bool) -> int:
    """Render a verification's report again, without running anything.

    DIRECTORY is what `verify` or reproduce.sh wrote, or a project or bundle: then the newest there.
    Of a bundle in a file it is the newest one here.
    Writes report.html, report.md and report.txt from report.json and the runs' records, and exits
    with the code of the verdict.

    \b
    Example:
      repropack report .repropack/verifications/2026-01-31T12-00-00Z
      repropack report reproduction --author ../author/verification
    """
    from repropack.cli import output
    from repropack.cli.packing import opened
    from repropack.cli.progress import reporter
    from repropack.verification import author_of, beside, find, read, write_report

    archive, home, bundle = opened(directory)
    place = find(home)
    sent = author_of(bundle) if archive else beside(place)
    found = read(place, author=sent if author is None else read(find(author)))
    write_report(found)
    shown = reporter()
    shown.note(f"report: {found.directory}/report.html")
    shown.close()
    return output.report(found, as_json=as_json)


@click.command()
@click.argument("one", metavar="A", type=DIRECTORY)
@click.argument("other", metavar="B", type=DIRECTORY)
@click.option("-o", "--output", "out", type=DIRECTORY, help="Also write it as this HTML file.")
@click.option("--force", is_flag=True, help="Replace an HTML file that exists.")
@json_option
def compare(one: Path, other: Path, out: Path | None, force: bool, as_json: bool) -> int:
    """Put two verifications side by side, such as the author's and a reviewer's.

    A and B are what `verify` or reproduce.sh wrote. Shown are the claims with both verdicts, and
    by layer where the environments differ. Exits with 1 when a verdict differs, else with 0.

    \b
    Example:
      repropack compare author/verification reproduction
      repropack compare author/verification reproduction -o compared.html
    """
    from repropack.cli import output
    from repropack.report import compare
    from repropack.verification import find, read, write_comparison

    found = compare(read(find(one)), read(find(other)))
    if out is not None:
        write_comparison(found, out, force=force)
    return output.comparison(found, as_json=as_json)


def shipped_files(directory: Path, question: Question, asked: Settings, *, as_json: bool) -> int:
    """`verify --recorded`: claims and the files that the source ships."""
    from repropack.cli import output
    from repropack.cli.progress import reporter
    from repropack.shipped import judge_shipped

    shown = reporter()
    try:
        found = judge_shipped(directory, question, settings=asked, reporter=shown)
        shown.note(f"report: {found.directory}/report.html")
    finally:
        shown.close()
    return output.report(found, as_json=as_json)

"""`repropack data`: footprints of datasets, and checks against them.

Heavy imports stand inside the commands, as in `commands`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repropack.cli.fetching import fetch
from repropack.cli.options import json_option

if TYPE_CHECKING:
    from repropack.describing.model import Description
    from repropack.footprint import Checked, Made

ALGORITHMS = ("blake3", "sha256", "sha1", "md5")
FORMATS = ("repropack", "deepdiva", "sums", "bagit")
PATH = click.Path(path_type=Path)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Processes that read. Default: one a core, at least 8.",
)


@click.group()
def data() -> None:
    """Get data, and prove that it is the same: footprints, and checks against them."""


data.add_command(fetch)


@data.command()
@click.argument("path", type=PATH)
@click.option(
    "-o",
    "--output",
    "out",
    type=PATH,
    required=True,
    help="The footprint: a file outside of the data; packed if it ends in .gz or .zst.",
)
@click.option(
    "--algo", type=click.Choice(ALGORITHMS), help="What content is hashed with. Default: blake3."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="repropack",
    help="What is written: repropack's own, DeepDIVA's footprint.json (with SHA-1), the lines of "
    "sha256sum and b3sum, or BagIt's manifest. Default: repropack.",
)
@click.option("--no-cache", is_flag=True, help="Read every file, also those read before.")
@click.option(
    "--describe",
    is_flag=True,
    help="Tell what a paper says of data too: counts by split and class, columns, shapes, mean and "
    "standard deviation of images (with Pillow), and files that are in two splits.",
)
@jobs_option
@json_option
def footprint(
    path: Path,
    out: Path,
    algo: str | None,
    form: str,
    no_cache: bool,
    describe: bool,
    jobs: int | None,
    as_json: bool,
) -> int:
    """Write the footprint of PATH, a file or a directory.

    The root hash depends on paths and contents alone. Links are recorded and not followed. Stop it
    at any time: the next call goes on where this one was.

    \b
    Example:
      repropack data footprint data/digits -o digits.json
      repropack data footprint data/digits -o SHA256SUMS --algo sha256 --format sums
      repropack data footprint data/digits -o digits.json --describe
    """
    from repropack.cli.commands import progress
    from repropack.footprint import Algorithm, Format
    from repropack.footprint import footprint as make
    from repropack.workspace import cache_directory

    default = "sha1" if form == "deepdiva" else "blake3"
    with progress() as shown:
        shown.step(f"reading {path}")
        made = make(
            path,
            out,
            algorithm=Algorithm(algo or default),
            format=Format(form),
            jobs=jobs,
            cache=None if no_cache else cache_directory(),
            reporter=shown,
        )
        for note in made.notes:
            shown.note(f"note: {note}")
        described = None
        if describe:
            from repropack.describing.describe import describe as tell_of
            from repropack.footprint.pool import cores

            described = tell_of(path, out, jobs=jobs or cores(), reporter=shown)
    return tell_made(made, described, as_json=as_json)


def tell_made(made: Made, described: Description | None, *, as_json: bool) -> int:
    """The footprint that was written, and what the data is like if that was asked for."""
    from repropack.cli import output

    if as_json:
        told = {"description": described.as_dict()} if described else {}
        facts = {"footprint": str(made.path), **made.summary.as_dict(), "notes": list(made.notes)}
        output.show_json({**facts, **told})
        return 0
    summary = made.summary
    rows = [
        ("footprint", str(made.path)),
        ("root hash", f"{summary.algorithm.value}:{summary.root_hash}"),
        ("files", f"{summary.n_files}, {summary.n_bytes} bytes"),
    ]
    output.show_lines(output.columns(rows))
    if described is not None:
        from repropack.describing.telling import lines

        output.show_lines(*lines(described))
    return 0


@data.command()
@click.argument("path", type=PATH)
@click.option(
    "--footprint",
    "recorded",
    type=PATH,
    required=True,
    help="What was recorded: a footprint of repropack or DeepDIVA, a .dvc file or dvc.lock, a list "
    "of sha256sum or b3sum, a manifest of BagIt, or a Croissant description.",
)
@click.option("--deep", is_flag=True, help="Read and hash every file.")
@click.option("--sample", metavar="P", help="Read and hash a random part, such as 1%.")
@click.option("--seed", type=click.IntRange(0), help="Draw the sample of an earlier check again.")
@click.option(
    "--algo",
    type=click.Choice(ALGORITHMS),
    help="What a list's hashes are of, where neither the list nor its name says so.",
)
@jobs_option
@json_option
def check(
    path: Path,
    recorded: Path,
    deep: bool,
    sample: str | None,
    seed: int | None,
    algo: str | None,
    jobs: int | None,
    as_json: bool,
) -> int:
    """Hold PATH against a footprint; exit with 7 if it differs.

    Without --deep or --sample paths, sizes and times are compared; only a file whose time alone
    differs, or of which no time was recorded, is read.

    \b
    Example:
      repropack data check data/digits --footprint digits.json
      repropack data check /mnt/imagenet --footprint imagenet.json --sample 1%
    """
    from repropack.cli.commands import progress
    from repropack.errors import UsageError
    from repropack.footprint import Algorithm, How, read
    from repropack.footprint import check as hold

    if deep and sample:
        raise UsageError("--deep reads every file, and --sample a part of them: choose one")
    how = How.DEEP if deep else How.SAMPLED if sample else How.QUICK
    with progress() as shown:
        shown.step(f"checking {path}")
        known = read(recorded, dataset=path, algorithm=Algorithm(algo) if algo else None)
        checked = hold(
            path,
            known,
            where=recorded,
            how=how,
            sample=share(sample) if sample else 1.0,
            seed=seed,
            jobs=jobs,
            reporter=shown,
        )
        for note in checked.notes:
            shown.note(f"note: {note}")
    return tell_checked(checked, as_json=as_json)


def share(text: str) -> float:
    """`1%` or `0.01` as a part of one. Raises `UsageError`."""
    from repropack.errors import UsageError

    try:
        part = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        part = 0.0
    if not 0 < part <= 1:
        raise UsageError(f"not a part of the files: {text}", hint="write 1%, or 0.01")
    return part


def tell_checked(checked: Checked, *, as_json: bool) -> int:
    """What a check found. Exit code 7 when anything differs."""
    from repropack.cli import output

    if as_json:
        output.show_json(checked_json(checked))
    else:
        output.show_lines(*checked_lines(checked))
    return 0 if checked.same else 7


def checked_json(checked: Checked) -> dict[str, Any]:
    """A check for another program."""
    facts: dict[str, Any] = {
        "same": checked.same,
        "check": checked.how.value,
        "format": checked.format,
        "n_files": checked.n_files,
        "n_bytes": checked.n_bytes,
        "n_hashed": checked.hashed,
        "n_hashed_for_time": checked.retimed,
        **{name: kind.as_dict() for name, kind in checked.kinds},
    }
    if checked.seed is not None:
        facts["sample"] = {
            "seed": checked.seed,
            "caught": {"0.1%": checked.caught(0.001), "1%": checked.caught(0.01)},
        }
    return facts


def checked_lines(checked: Checked) -> list[str]:
    """A check for a person: the first of each kind of difference, and how many there are."""
    looked = f"{checked.n_files} files, {checked.hashed} of them read"
    if checked.retimed:
        looked += f" ({checked.retimed} because their time differs)"
    lines = [f"{'the same' if checked.same else 'different'}: {looked}"]
    lines += checked.told()
    if checked.seed is not None:
        lines.append(
            f"a corruption of 1 % of the files would have been caught with a probability of "
            f"{checked.caught(0.01):.4g}, one of 0.1 % with {checked.caught(0.001):.4g} "
            f"(seed {checked.seed})"
        )
    return lines

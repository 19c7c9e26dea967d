"""`repropack data fetch`: what it is asked for, and what it tells.

Heavy imports stand inside the commands, as in `commands`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from repropack.cli.options import json_option

if TYPE_CHECKING:
    from repropack.obtaining import Ask, Fetched
    from repropack.retrieval.unpacking import Limits

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("words", metavar="[DIRECTORY|BUNDLE] [NAME]... | URL...", nargs=-1)
@click.option("--sha256", metavar="H", help="With URLs: what the file's SHA-256 has to be.")
@click.option("-o", "--output", "out", type=PATH, help="With URLs: the directory it goes into.")
@click.option("--footprint", type=PATH, help="With URLs: the footprint of the data.")
@click.option("--no-unpack", is_flag=True, help="With URLs: leave an archive as it is.")
@click.option("--max-files", type=click.IntRange(1), help="Files that an archive may hold.")
@click.option("--max-bytes", type=click.IntRange(1), help="Bytes that an archive may become.")
@click.option(
    "--max-ratio", type=click.FloatRange(1), help="Bytes that one byte of an archive may become."
)
@json_option
def fetch(
    words: tuple[str, ...],
    sha256: str | None,
    out: Path | None,
    footprint: Path | None,
    no_unpack: bool,
    max_files: int | None,
    max_bytes: int | None,
    max_ratio: float | None,
    as_json: bool,
) -> int:
    """Get the datasets of a project or a bundle, or a file from its mirrors.

    A project's data goes where its experiments read it, a bundle's where `verify` and reproduce.sh
    look for it. URLs are mirrors of one file, tried in their order. An address may be of a record
    of Zenodo or of a repository of Hugging Face (hf://datasets/OWNER/NAME@COMMIT/FILE). What came
    is checked, kept in the cache and, if it is an archive, unpacked; a footprint is checked too,
    and other data gets no place (exit code 7). Stop it at any time: the next call goes on.

    \b
    Example:
      repropack data fetch
      repropack data fetch ../artifact digits
      repropack data fetch https://a.example/d.zip https://b.example/d.zip --sha256 H -o data/digits
    """
    from repropack.cli.commands import progress
    from repropack.cli.options import note_stray
    from repropack.obtaining import Means
    from repropack.obtaining import fetch as obtain
    from repropack.workspace import cache_directory

    asks = asked(words, sha256, out, footprint, unpack=not no_unpack)
    limits = parsed_limits(max_files, max_bytes, max_ratio)
    with progress() as shown:
        fetched = obtain(asks, Means(cache=cache_directory(), limits=limits, reporter=shown))
        for each in fetched:
            if out is None and not each.already:
                note_stray(directory_of(words), each.place, shown)
    return tell(fetched, as_json=as_json)


def asked(
    words: tuple[str, ...],
    sha256: str | None,
    out: Path | None,
    footprint: Path | None,
    *,
    unpack: bool,
) -> tuple[Ask, ...]:
    """What the words ask for. Raises `UsageError`."""
    from repropack.errors import UsageError
    from repropack.obtaining import declared

    if not any("://" in word for word in words):
        if sha256 or out or footprint or not unpack:
            raise UsageError(
                "--sha256, -o, --footprint and --no-unpack belong to URLs",
                hint="of a project's data, repropack.yaml says all of this",
            )
        names = words[1:] if names_directory(words) else words
        return declared.of_directory(directory_of(words), names)
    refuse_odd_addresses(words)
    if out is None:
        raise UsageError("nothing says where it goes", hint="add -o DIRECTORY")
    if sha256 is not None and not is_sha256(sha256):
        raise UsageError(f"not a SHA-256: {sha256}", hint="it has 64 hexadecimal digits")
    digest = sha256.lower() if sha256 else None
    return (declared.of_addresses(words, out, sha256=digest, footprint=footprint, unpack=unpack),)


def directory_of(words: tuple[str, ...]) -> Path:
    """The project or bundle: the first word, if it is one, else where we are."""
    return Path(words[0]) if names_directory(words) else Path()


def names_directory(words: tuple[str, ...]) -> bool:
    """Whether the first word is a project or bundle; a dataset may be called as a directory is."""
    if not words or not Path(words[0]).is_dir():
        return False
    marks = (Path(words[0], name).exists() for name in ("repropack.yaml", "repropack.json"))
    return "/" in words[0] or words[0] in (".", "..") or any(marks)


def refuse_odd_addresses(words: tuple[str, ...]) -> None:
    """Raises `UsageError` for what is no address."""
    from repropack.errors import UsageError
    from repropack.retrieval.addresses import is_address, shown

    for word in words:
        if not is_address(word):
            raise UsageError(
                f"not an address: {shown(word)}",
                hint="https://…, http://…, or hf://datasets/OWNER/NAME@COMMIT/FILE",
            )


def is_sha256(text: str) -> bool:
    """Whether it can be one."""
    return len(text) == 64 and all(digit in "0123456789abcdefABCDEF" for digit in text)


def parsed_limits(
    max_files: int | None, max_bytes: int | None, max_ratio: float | None
) -> Limits | None:
    """What the options allow; None if they say nothing."""
    from repropack.retrieval.unpacking import Limits

    usual = Limits()
    given = Limits(
        n_files=max_files or usual.n_files,
        n_bytes=max_bytes or usual.n_bytes,
        ratio=max_ratio or usual.ratio,
    )
    return None if given == usual else given


def tell(fetched: tuple[Fetched, ...], *, as_json: bool) -> int:
    """Where the data is, and what proved it."""
    from repropack.cli import output

    if as_json:
        output.show_json({"datasets": [as_dict(each) for each in fetched]})
        return 0
    words = {"footprint": "as its footprint says", "hash": "as its hash says", "": "unchecked"}
    rows = [
        (
            each.name,
            f"{each.place}, {'there already' if each.already else 'fetched'}, "
            + words[each.checked],
        )
        for each in fetched
    ]
    output.show_lines(output.columns(rows) if rows else "there are no datasets")
    return 0


def as_dict(fetched: Fetched) -> dict[str, object]:
    """A dataset for another program."""
    return {
        "name": fetched.name,
        "path": str(fetched.place),
        "already": fetched.already,
        "checked": fetched.checked or None,
        "files": [
            {
                "name": got.wanted.name,
                "from": got.origin,
                "sha256": got.sha256,
                "size_bytes": got.path.stat().st_size,
            }
            for got in fetched.files
        ],
    }

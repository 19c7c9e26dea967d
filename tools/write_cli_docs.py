"""Writes docs/cli.md from the help texts of the commands: write_cli_docs.py [FILE]."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from repropack.cli.commands import repropack

DOCS = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
HEAD = """\
# The command line

Written by `make docs` from the commands' own `--help`; a test says that it is up to date.

- `stdout` carries the result, `stderr` the progress: a live line on a terminal, plain lines
  elsewhere. `NO_COLOR` is honoured.
- With `--json`, `stdout` is one JSON document. Errors stay on `stderr`: the exit code says that
  there is none to read.
- An error says what happened, then `hint:` with the next thing to do, then `log:` with where the
  full log is.
- `REPROPACK_CACHE` is where wheels and build logs are kept (default: `~/.cache/repropack`).
  `DOCKER_HOST` and Docker's contexts choose the daemon.
"""
WIDTH = 100


def help_text(command: click.Command, name: str, parent: click.Context | None) -> str:
    """What `--help` prints, at a width that does not depend on the terminal."""
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    return command.get_help(context)


def document() -> str:
    """The whole page."""
    top = click.Context(repropack, info_name="repropack", help_option_names=["-h", "--help"])
    sections = [("repropack", help_text(repropack, "repropack", None))]
    for name, command in sorted(repropack.commands.items()):
        sections.append((f"repropack {name}", help_text(command, name, top)))
        below = click.Context(command, info_name=name, parent=top)
        for inner in sorted(command.commands) if isinstance(command, click.Group) else ():
            text = help_text(command.commands[inner], inner, below)
            sections.append((f"repropack {name} {inner}", text))
    blocks = (f"\n## {title}\n\n```text\n{text.rstrip()}\n```\n" for title, text in sections)
    return HEAD + "".join(blocks)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if sys.argv[1:] else DOCS
    target.write_text(document(), "utf-8")

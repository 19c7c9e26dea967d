"""The command line: the only importer of click, the only code that prints or exits."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from repropack.errors import RepropackError

INTERRUPTED = 130
#: What nobody expected: no exit code of a verdict may stand for it.
UNEXPECTED = 70
#: Objects that are made before Python looks for garbage. Imports pass its own 700 all the time.
GARBAGE = 50_000


def main() -> None:
    """The `repropack` command. Exits with the codes of docs/cli.md."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, interrupt)
    prepare_streams()
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # asked again while the first time was being told
        code = INTERRUPTED
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends anyway, and with its own exit code
    release_streams()
    sys.exit(code)


def prepare_streams() -> None:
    """Whatever the three streams are, nothing that is written to them may end a command.

    One that was closed (`>&-`) would be given to the next file that is opened; a file name may
    hold what the terminal's encoding does not have.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = sys.stdout or StringIO()
    sys.stderr = sys.stderr or StringIO()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def release_streams() -> None:
    """What nobody reads any more (`| head -1`) must not change the exit code when Python ends."""
    for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def run(arguments: list[str]) -> int:
    """One command; gives its exit code. Whatever a user can cause is told without a traceback."""
    gc.disable()  # imports make no garbage: looking for some is a tenth of the start of Python
    import click

    try:
        return command(arguments)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("interrupted")
        return INTERRUPTED
    except Exception as error:
        return explain(error)


def explain(error: Exception) -> int:
    """Tell what went wrong. What that takes is imported now: most commands never need it."""
    from repropack.errors import RepropackError

    if isinstance(error, RepropackError):
        return tell(error)
    if isinstance(error, BrokenPipeError):  # click prints its help by itself
        return 0
    if isinstance(error, OSError):
        return blame_machine(error)
    return confess()


def command(arguments: list[str]) -> int:
    """The command's exit code; raises what went wrong."""
    from repropack.cli.commands import repropack

    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)  # most commands have more to import
    gc.enable()
    code = repropack.main(args=arguments, prog_name="repropack", standalone_mode=False)
    return code if isinstance(code, int) else 0


def tell(error: RepropackError) -> int:
    """An error in the user's words: what happened, the hint, where the log is."""
    from repropack.errors import AnonymityError, ConfigError, DataError

    say(f"error: {error.what}")
    if isinstance(error, ConfigError | DataError | AnonymityError):
        for problem in error.problems:
            say(f"  {problem}")
    if error.hint:
        say(f"hint: {error.hint}")
    if error.log:
        say(f"log: {error.log}")
    return error.exit_code


def blame_machine(error: OSError) -> int:
    """A disk, a permission or a stream that failed where no stage could say more about it."""
    where = f"{error.filename}: " if error.filename else ""
    say(f"error: {where}{error.strerror or error}")
    say("hint: `repropack doctor` looks at the disk and the engine")
    return UNEXPECTED


def confess() -> int:
    """An exception that nobody expected is a mistake of repropack, and never a verdict."""
    import traceback

    from repropack import __version__

    say(traceback.format_exc().rstrip())
    say(f"error: this is a mistake in repropack {__version__}, not in your project")
    say("hint: report it with the lines above and the command that you typed")
    return UNEXPECTED


def say(text: str) -> None:
    """To stderr, without anything that could move the cursor; nobody may be listening."""
    from repropack.cli.progress import printable

    with contextlib.suppress(OSError, ValueError):
        print(printable(text), file=sys.stderr, flush=True)


def interrupt(signum: int, frame: FrameType | None) -> None:
    """SIGTERM and SIGHUP are told like Ctrl-C, so that every `finally` runs."""
    raise KeyboardInterrupt

"""Building with a program that prints what it does: docker with BuildKit, podman, buildah.

Owns: starting and stopping the program, its log, and naming the step that failed. Does not own:
its options (`docker_build`, `podman`).
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from repropack.engines.build_log import BuildLog
from repropack.engines.diagnosis import explain
from repropack.engines.model import BuildRecipe, Progress
from repropack.errors import BuildError, reason

PROXIES = tuple(
    name
    for low in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    for name in (low, low.upper())
)


def build_with(
    command: list[str],
    env: Mapping[str, str],
    recipe: BuildRecipe,
    progress: Progress,
    *,
    engine: str = "docker",
    load: list[str] | None = None,
) -> None:
    """Run a program that builds `recipe`; `BuildError` with the failing step.

    With `load` it writes the image as an archive, which that command reads.
    """
    with build_log(recipe, progress) as log, ExitStack() as ends:
        process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if load else subprocess.STDOUT,
        )
        ends.callback(_end, process)
        loading = None
        if load:
            loading = subprocess.Popen(
                load,
                env=env,
                stdin=process.stdout,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            ends.callback(_end, loading)
            assert process.stdout is not None
            process.stdout.close()  # so that the builder learns of a loader that leaves
        for line in _lines(process.stderr if load else process.stdout):
            log.line(line)
        code = process.wait()
        if loading:
            told = loading.communicate()[0].decode("utf-8", "replace")
            if code == 0 or -code == signal.SIGPIPE or "broken pipe" in log.tail().lower():
                # Otherwise it says no more than that there is no archive.
                for line in told.splitlines():
                    log.line(line)
                code = loading.returncode or code
        if code:
            raise failed(log, recipe, engine)


def _lines(stream: IO[bytes] | None) -> Iterator[str]:
    for line in stream or ():
        yield line.decode("utf-8", "replace").rstrip("\n")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop a build that is still going on (Ctrl-C): a builder cancels when its client leaves."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


@contextmanager
def build_log(recipe: BuildRecipe, progress: Progress) -> Iterator[BuildLog]:
    """The log of a build, written as it comes; `BuildError` if the disk refuses."""
    try:
        recipe.log.parent.mkdir(parents=True, exist_ok=True)
        with recipe.log.open("w", encoding="utf-8", errors="replace") as stream:
            yield BuildLog(stream, progress)
    except OSError as error:
        place = error.filename or recipe.log
        raise BuildError(
            f"the image could not be built: {place}: {reason(error)}",
            hint=explain(str(error)).hint or None,
            log=recipe.log,
        ) from error


def failed(log: BuildLog, recipe: BuildRecipe, engine: str = "docker") -> BuildError:
    """What a build that failed is told as: the step, the reason, and what to do."""
    known = explain(log.error or log.tail(), engine=engine)
    what = known.what if known.hint else log.reason()
    where = f" in step {log.failing_step()}" if log.failing_step() else ""
    return BuildError(
        f"the image could not be built{where}: {what}",
        hint=known.hint or f"read the end of the log: {shown(recipe.log)}",
        log=recipe.log,
    )


def shown(path: Path) -> str:
    """Return the command that shows the end of a log."""
    return f"tail -n 40 '{path}'"
